//! Lists the files of the learner's app, for a program that has them built in (feature `app`): `web/dist`, or the folder that
//! `KAIROS_APP_DIST` names. Does nothing without the feature. Not a crate's work: those that embed folders do not notice, on stable Rust,
//! that a file was added.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_APP").is_none() {
        return Ok(());
    }
    println!("cargo::rerun-if-env-changed=KAIROS_APP_DIST");
    let beside = || PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../web/dist");
    let folder = env::var_os("KAIROS_APP_DIST").map_or_else(beside, PathBuf::from);
    let folder = folder.canonicalize().unwrap_or(folder);
    println!("cargo::rerun-if-changed={}", folder.display());
    if !folder.join("index.html").is_file() {
        let folder = folder.display();
        println!(
            "cargo::error=the feature `app` needs the app in {folder}: run `cargo xtask build`, or set KAIROS_APP_DIST"
        );
        return Ok(());
    }
    let mut list = String::from("&[\n");
    add(&folder, "", &mut list)?;
    list.push(']');
    let output = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo says no OUT_DIR")?).join("app_files.rs");
    Ok(fs::write(output, list)?)
}

fn add(folder: &Path, prefix: &str, list: &mut String) -> Result<(), Box<dyn Error>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    for path in paths {
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let name = format!("{prefix}/{name}");
        if path.is_dir() {
            add(&path, &name, list)?;
        } else {
            writeln!(
                list,
                "({name:?}, include_bytes!({:?}).as_slice()),",
                path.to_str().ok_or("a path that is not UTF-8")?
            )?;
        }
    }
    Ok(())
}
