//! Programs that tests need and that come from the system: found on the PATH, or installed when this is Debian and we may.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process;

/// A program of the system, under the names it goes by, and the Debian package that brings it.
pub(crate) struct SystemProgram {
    names: &'static [&'static str],
    package: &'static str,
}

/// The browser of the client's and the whole system's tests.
pub(crate) const CHROMIUM: SystemProgram = SystemProgram {
    names: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    package: "chromium",
};
/// The second cache of the origin.
pub(crate) const REDIS: SystemProgram = SystemProgram { names: &["redis-server"], package: "redis-server" };

/// The load of `cargo xtask bench`, and what stands beside us there.
pub(crate) const WRK: SystemProgram = SystemProgram { names: &["wrk"], package: "wrk" };
pub(crate) const NGINX: SystemProgram = SystemProgram { names: &["nginx", "/usr/sbin/nginx"], package: "nginx-light" };
pub(crate) const VARNISH: SystemProgram =
    SystemProgram { names: &["varnishd", "/usr/sbin/varnishd"], package: "varnish" };
/// Wrong clocks for a run under faults.
pub(crate) const FAKETIME: SystemProgram = SystemProgram { names: &["faketime"], package: "faketime" };

impl SystemProgram {
    /// Where it is, if anywhere.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        self.names.iter().find_map(|name| process::find_program(name))
    }

    /// Why the tests that need it are skipped, and what to do about that.
    pub(crate) fn missing(&self) -> String {
        let package = self.package;
        format!("{package} is not installed: install it (on Debian: sudo apt-get install {package})")
    }
}

/// Installs those of `programs` that are missing, when this is Debian and we are root; else says in one line what to install.
///
/// # Errors
/// Only an interruption: when apt fails, that is told and the tests that need the program are skipped.
pub(crate) fn install_missing(programs: &[SystemProgram]) -> Result<()> {
    let missing: Vec<&str> =
        programs.iter().filter(|program| program.find().is_none()).map(|program| program.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !may_install() {
        println!("Some of it will be left out. To run all, install: {}", missing.join(" "));
        return Ok(());
    }
    println!("Installing {} with apt-get", missing.join(" "));
    for arguments in
        [vec!["update", "-qq"], [vec!["install", "-y", "-qq", "--no-install-recommends"], missing].concat()]
    {
        let mut apt = Command::new("apt-get");
        apt.args(&arguments).env("DEBIAN_FRONTEND", "noninteractive");
        match process::run(&format!("apt-get {}", arguments.join(" ")), &mut apt) {
            Err(error) if error.is::<crate::error::Interrupted>() => return Err(error),
            Err(error) => println!("{error:#}"),
            Ok(()) => {}
        }
    }
    Ok(())
}

fn may_install() -> bool {
    let is_root = process::run_quietly("id", Command::new("id").arg("-u"), "").is_ok_and(|id| id == "0");
    is_root && Path::new("/etc/debian_version").exists() && process::find_program("apt-get").is_some()
}
