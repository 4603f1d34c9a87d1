//! A process's clock that can be set wrong while it runs, by libfaketime: it reads how wrong from a file at every look at the clock. The
//! monotonic clock, which time-outs are measured with, stays right.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where Debian and others put the library; it is named by `KAIROS_LIBFAKETIME` elsewhere.
const PLACES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// The library, if it is on this machine.
pub(crate) fn library() -> Option<PathBuf> {
    let named = std::env::var_os("KAIROS_LIBFAKETIME").map(PathBuf::from);
    named.into_iter().chain(PLACES.map(PathBuf::from)).find(|path| path.is_file())
}

/// One process's clock.
#[derive(Clone, Debug)]
pub(super) struct MovableClock {
    library: PathBuf,
    file: PathBuf,
}

impl MovableClock {
    /// A clock that is right, with its file in `folder`; `None` without the library.
    pub(super) fn new(folder: &Path, name: &str) -> io::Result<Option<Self>> {
        let clock = library().map(|library| Self { library, file: folder.join(name) });
        clock.iter().try_for_each(|clock| clock.set_ahead_ms(0))?;
        Ok(clock)
    }

    /// What the process must be started with.
    pub(super) fn environment(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("LD_PRELOAD", self.library.clone()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }

    /// From now on it is wrong by that much.
    pub(super) fn set_ahead_ms(&self, ahead_ms: i64) -> io::Result<()> {
        // Renamed into place: a file that is half written would set it right for a moment.
        let written = self.file.with_extension("new");
        fs::write(&written, format!("{:+.3}", ahead_ms as f64 / 1_000.0))?;
        fs::rename(written, &self.file)
    }
}
