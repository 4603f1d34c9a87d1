//! Size budgets of what travels to browsers and to the edge, gzipped. A part that outgrows its budget is a decision to take here, with
//! the reason in the commit.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::workspace;

/// A part, the folder it is built into, the file names that count, and the budget in bytes after gzip -9.
struct Budget {
    part: &'static str,
    folder: &'static str,
    suffix: &'static str,
    bytes: usize,
}

const BUDGETS: [Budget; 3] = [
    Budget { part: "edge worker, wasm", folder: "edge/build", suffix: ".wasm", bytes: 157_000 },
    Budget { part: "browser client, wasm", folder: "client-wasm/pkg", suffix: ".wasm", bytes: 220_000 },
    // Of these 23,000 come only where there is code, and 54,000 with the view of progress.
    Budget { part: "web app, scripts", folder: "web/dist", suffix: ".js", bytes: 145_000 },
];

/// Prints each size beside its budget. Everything must be built.
///
/// # Errors
/// A part is over its budget, or not there.
pub(crate) fn check() -> Result<()> {
    let mut over = Vec::new();
    println!("{:<24}{:>10}{:>10}", "bytes, gzipped", "size", "budget");
    for Budget { part, folder, suffix, bytes } in BUDGETS {
        let size = gzipped(&workspace::root().join(folder), suffix)?;
        println!("{part:<24}{size:>10}{bytes:>10}");
        if size == 0 {
            bail!("{folder} holds no {suffix} file");
        }
        if size > bytes {
            over.push(part);
        }
    }
    if !over.is_empty() {
        bail!("over the size budget: {}", over.join("; "));
    }
    Ok(())
}

fn gzipped(folder: &Path, suffix: &str) -> Result<usize> {
    let mut total = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("{} is not built", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            total += gzipped(&path, suffix)?;
        } else if path.to_string_lossy().ends_with(suffix) {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&fs::read(&path)?)?;
            total += encoder.finish()?.len();
        }
    }
    Ok(total)
}
