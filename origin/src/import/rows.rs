//! CSV read line by line, so that a damaged row costs that row only: a stray quote cannot swallow the lines after it. Fields
//! over several lines are therefore not supported; OULAD has none.

use std::fs;
use std::path::PathBuf;

use super::{BadRow, ImportError};

/// A CSV file in memory, its header understood.
pub(super) struct Table {
    path: PathBuf,
    text: Vec<u8>,
    columns: Vec<usize>,
    width: usize,
}

/// One row: the wanted columns in the wanted order.
pub(super) struct Row {
    /// Its line, from 1.
    pub(super) line: u64,
    pub(super) fields: Vec<String>,
}

impl Table {
    /// Reads `path`, whose first line must name all of `columns`.
    pub(super) fn read(path: PathBuf, columns: &[&'static str]) -> Result<Self, ImportError> {
        let text = fs::read(&path).map_err(|source| ImportError::Read { path: path.clone(), source })?;
        let header = text.split(|b| *b == b'\n').next().and_then(fields).unwrap_or_default();
        let position = |column: &'static str| {
            let found = header.iter().position(|name| name.trim_start_matches('\u{feff}') == column);
            found.ok_or_else(|| ImportError::MissingColumn { path: path.clone(), column })
        };
        let columns = columns.iter().map(|column| position(column)).collect::<Result<_, _>>()?;
        Ok(Self { width: header.len(), columns, text, path })
    }

    /// How many lines follow the header; empty ones count.
    pub(super) fn len(&self) -> usize {
        self.text.iter().filter(|b| **b == b'\n').count()
    }

    /// The rows, each readable or reported. Empty lines are neither.
    pub(super) fn rows(&self) -> impl Iterator<Item = Result<Row, BadRow>> {
        let lines = self.text.split(|b| *b == b'\n').zip(1_u64..).skip(1);
        lines.filter(|(text, _)| !text.trim_ascii().is_empty()).map(|(text, line)| self.row(text, line))
    }

    /// A report on a line of this file.
    pub(super) fn bad(&self, line: u64, detail: impl Into<String>) -> BadRow {
        BadRow { file: self.path.clone(), line, detail: detail.into() }
    }

    fn row(&self, text: &[u8], line: u64) -> Result<Row, BadRow> {
        let all = fields(text).ok_or_else(|| self.bad(line, "is not UTF-8, or has a quote that is not closed"))?;
        if all.len() != self.width {
            return Err(self.bad(line, format!("has {} columns, not {}", all.len(), self.width)));
        }
        let wanted = self.columns.iter().filter_map(|index| all.get(*index)).map(|field| field.trim().to_owned());
        Ok(Row { line, fields: wanted.collect() })
    }
}

/// The fields of one line, or `None` when it is no line of CSV.
fn fields(line: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(line).ok()?.trim_end_matches('\r');
    if !text.contains('"') {
        return Some(text.split(',').map(str::to_owned).collect());
    }
    // Quotes come in pairs, doubled ones inside a field too.
    if text.matches('"').count() % 2 != 0 {
        return None;
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let record = reader.records().next()?.ok()?;
    Some(record.iter().map(str::to_owned).collect())
}
