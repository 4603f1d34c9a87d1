//! An outbox as rows, and out of them. A row that cannot be read is left where it is: it is of a newer version, whose client reads it.

use std::rc::Rc;

use kairos_protocol::api::operation::Operation;

use crate::json::writer::Writer;
use crate::order::sort;
use crate::outbox::{Confirmed, Outbox, Rejected};
use crate::storage::row::{Range, Row, Store};
use crate::wire;

/// The name in [`Store::Meta`] of how far the journal was trimmed: the stamp says to which number, the text under which generation.
pub(crate) const TRIMMED: &str = "trimmed";

/// The rows of a learner's outbox.
pub(crate) fn ranges(owner: &Rc<str>) -> Vec<Range> {
    [Store::Operations, Store::Journal, Store::Rejected, Store::Meta]
        .map(|store| Range::OwnedBy(store, Rc::clone(owner)))
        .into()
}

/// An operation as the text of a row.
pub(crate) fn to_text(operation: &Operation, problem: Option<&str>, format: u8) -> Rc<str> {
    let mut writer = Writer::default();
    let version = [format];
    writer.raw(std::str::from_utf8(&version).unwrap_or_default()).raw("\n");
    let mut json = Writer::default();
    wire::write_operation(&mut json, operation);
    writer.raw(&json.into_text());
    if let Some(problem) = problem {
        writer.raw("\n").raw(problem);
    }
    writer.into_text().into()
}

fn from_text(text: &str, format: u8) -> Option<(Operation, Rc<str>)> {
    let (version, rest) = text.split_once('\n')?;
    let (operation, problem) = rest.split_once('\n').unwrap_or((rest, "{}"));
    (version.as_bytes().first()? <= &format).then(|| Some((wire::operation(operation)?, problem.into())))?
}

impl Outbox {
    /// The outbox of `owner` that these rows are.
    pub(crate) fn from_rows(rows: &[Row], owner: &str, format: u8) -> Self {
        let mut outbox = Self::default();
        let mut unread = (0, 0);
        for row in rows.iter().filter(|row| *row.key.owner == *owner) {
            let number = row.key.number;
            if row.key.store == Store::Meta {
                if &*row.key.name == TRIMMED {
                    outbox.trim(row.stamp, row.text.parse().unwrap_or(u64::MAX));
                }
                continue;
            }
            outbox.highest = outbox.highest.max(number);
            let Some((operation, problem)) = from_text(&row.text, format) else {
                match row.key.store {
                    Store::Operations => outbox.unreadable += 1,
                    // What it lacks of the journal has left it, for this version.
                    Store::Journal => unread = (number.max(unread.0), row.stamp.max(unread.1)),
                    _ => {}
                }
                continue;
            };
            let operation = Rc::new(operation);
            match row.key.store {
                Store::Operations => outbox.insert(number, &operation),
                Store::Journal => outbox.confirmed.push(Confirmed { number, generation: row.stamp, operation }),
                Store::Rejected => outbox.rejected.push(Rejected { number, operation, problem }),
                Store::Meta | Store::Responses => {}
            }
        }
        outbox.trim(unread.0, unread.1);
        outbox.read_to = outbox.highest;
        sort(&mut outbox.confirmed, |one, other| one.number < other.number);
        sort(&mut outbox.rejected, |one, other| one.number < other.number);
        outbox
    }
}
