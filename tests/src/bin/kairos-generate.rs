//! Writes what is generated from the Rust sources. `cargo xtask generate` runs it, and what makes the TypeScript types after that.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use kairos_tests::contracts;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in contracts::generate()? {
        fs::write(root.join(file.path), file.text).with_context(|| format!("cannot write {}", file.path))?;
    }
    Ok(())
}
