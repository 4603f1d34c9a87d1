//! What the driver's errors mean: whether what a method was to change may have changed, or may yet. Each kind was looked up in the
//! driver's source (3.9: `error.rs`, `cmap/`, `client/executor/retry.rs`). Not here: what is tried again ([`super::transaction`]).
//!
//! The rule: [`StoreError::Unavailable`] is said only if surely nothing of a write happened, or will. Nearly every write is a
//! transaction, and then that is so until its commit was sent, whatever the error. After that, and for the few writes that are
//! commands by themselves, no error is proof of anything:
//!
//! | error | where the driver raises it | a command that writes |
//! | --- | --- | --- |
//! | `Io` | while a connection is opened, or a command is on its way | may have been done, or may yet |
//! | `ConnectionPoolCleared` | the monitor heard nothing from the server, so its connections were closed: while this waited for one, or for a reply | the same: a server that was only frozen then does what it was sent |
//! | `ServerSelection`, `DnsResolve`, `Authentication`, `InvalidTlsConfig`, `Shutdown` | before anything is sent; not of a second attempt, where the driver gives back the first one's error | not sent |
//! | `Command`: a time limit, an interruption, a primary that steps or shuts down | by the server, also in the middle | the same as `Io` |
//! | `Command`: not primary | by the server, before it begins; but the driver sends some commands twice and gives back the second one's error, and the first may have been lost on its way | the same as `Io` |
//! | `Write`, `InsertMany`: write concern | by the server, after it was done here | done, but an election may take it back |
//! | `InvalidResponse`, `Bson…`, `Internal`, all else | a reply that makes no sense, or a request that was wrong | a defect: [`StoreError::Corrupt`], which rules nothing out either |

use mongodb::error::{Error, ErrorKind, WriteFailure};

use super::indexes::UNINITIATED;
use crate::store::StoreError;

/// Where in a method the driver failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Before anything was sent that can change something: the method only reads, or its transaction was not committed.
    Before(Error),
    /// Later. What is passed on by `?` alone counts as this.
    Sent(Error),
}

impl Failure {
    /// What the driver said.
    pub(super) const fn error(&self) -> &Error {
        match self {
            Self::Before(error) | Self::Sent(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sent(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Before(error) | Failure::Sent(error) if !may_pass(&error) => Self::Corrupt(describe(&error)),
            Failure::Before(error) => Self::Unavailable(describe(&error)),
            Failure::Sent(error) if was_not_sent(&error) => Self::Unavailable(describe(&error)),
            Failure::Sent(error) => Self::Unanswered(describe(&error)),
        }
    }
}

/// Whether the command that met this error never left this process.
pub(super) fn was_not_sent(error: &Error) -> bool {
    matches!(
        *error.kind,
        ErrorKind::ServerSelection { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Authentication { .. }
            | ErrorKind::InvalidTlsConfig { .. }
            | ErrorKind::Shutdown
    )
}

/// Whether another attempt may cure it; else it is a defect.
fn may_pass(error: &Error) -> bool {
    let is_passing = |code: i32| PASSING.contains(&code);
    match *error.kind {
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } | ErrorKind::Custom(_) => true,
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => true,
        ErrorKind::InsertMany(ref many) if many.write_concern_error.is_some() => true,
        ErrorKind::InsertMany(ref many) => many.write_errors.iter().flatten().any(|e| is_passing(e.code)),
        ErrorKind::Command(ref e) if is_passing(e.code) => true,
        ErrorKind::Write(WriteFailure::WriteError(ref e)) if is_passing(e.code) => true,
        _ => {
            was_not_sent(error)
                || ["RetryableWriteError", "TransientTransactionError", "UnknownTransactionCommitResult"]
                    .iter()
                    .any(|label| error.contains_label(label))
        }
    }
}

/// MongoDB's code for a unique index that already has the key.
const DUPLICATE_KEY: i32 = 11_000;

/// Whether a write failed because its key is taken.
pub(super) fn is_duplicate(error: &Error) -> bool {
    match *error.kind {
        ErrorKind::Write(WriteFailure::WriteError(ref e)) => e.code == DUPLICATE_KEY,
        // So `findAndModify` says it.
        ErrorKind::Command(ref e) => e.code == DUPLICATE_KEY,
        ErrorKind::InsertMany(ref many) => {
            many.write_errors.as_ref().is_some_and(|all| !all.is_empty() && all.iter().all(|e| e.code == DUPLICATE_KEY))
        }
        _ => false,
    }
}

/// Whether a snapshot is older than the collection that was to be read in it.
pub(super) fn is_snapshot_unavailable(error: &Error) -> bool {
    matches!(*error.kind, ErrorKind::Command(ref e) if e.code == SNAPSHOT_UNAVAILABLE)
}

const SNAPSHOT_UNAVAILABLE: i32 = 246;

/// Codes of the server that another attempt may cure.
const PASSING: [i32; 26] = [
    6,   // HostUnreachable
    7,   // HostNotFound
    24,  // LockTimeout
    50,  // MaxTimeMSExpired
    64,  // WriteConcernFailed
    89,  // NetworkTimeout
    91,  // ShutdownInProgress
    112, // WriteConflict
    133, // FailedToSatisfyReadPreference
    134, // ReadConcernMajorityNotAvailableYet
    189, // PrimarySteppedDown
    202, // NetworkInterfaceExceededTimeLimit
    239, // SnapshotTooOld
    SNAPSHOT_UNAVAILABLE,
    251,    // NoSuchTransaction
    262,    // ExceededTimeLimit
    317,    // ConnectionPoolExpired
    9_001,  // SocketException
    10_058, // not primary, as old servers say it
    10_107, // NotWritablePrimary
    11_600, // InterruptedAtShutdown
    11_601, // Interrupted
    11_602, // InterruptedDueToReplStateChange
    13_435, // NotPrimaryNoSecondaryOk
    13_436, // NotPrimaryOrSecondary
    14_031, // OutOfDiskSpace
];

/// The driver's message, without labels and the state of every server, but with why one is not there; or our own.
pub(super) fn describe(error: &Error) -> String {
    if let Some(ours) = error.get_custom::<&str>() {
        return (*ours).to_owned();
    }
    let text = error.kind.to_string();
    if matches!(*error.kind, ErrorKind::ServerSelection { .. }) && text.to_lowercase().contains("rsghost") {
        return UNINITIATED.to_owned();
    }
    let Some((said, topology)) = text.split_once(" Topology:") else { return text };
    // Why the first server that has a reason is not there, such as a certificate that nobody trusts.
    let reason = topology.split_once("Error: Kind: ").and_then(|(_, reason)| reason.split(", labels:").next());
    reason.map_or_else(|| said.to_owned(), |reason| format!("{said} {reason}"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use mongodb::bson::{Document, doc, from_document};

    use super::*;

    fn command(code: i32) -> Error {
        let reply = doc! { "code": code, "codeName": "", "errmsg": "", "topologyVersion": null };
        ErrorKind::Command(from_document(reply).unwrap()).into()
    }

    fn many(failure: Document) -> Error {
        ErrorKind::InsertMany(from_document(failure).unwrap()).into()
    }

    #[test]
    fn only_what_surely_did_not_happen_is_unavailable() {
        let concern = doc! { "code": 64, "codeName": "", "errmsg": "" };
        let write_error = |code: i32| doc! { "writeErrors": [{ "index": 0, "code": code, "errmsg": "" }] };
        let uncertain: Vec<Error> = vec![
            io::Error::from(io::ErrorKind::ConnectionReset).into(),
            Error::custom("too often"),
            command(10_107),
            command(11_600),
            command(11_601),
            command(11_602),
            command(189),
            command(91),
            command(50),
            command(262),
            command(14_031),
            ErrorKind::Write(WriteFailure::WriteConcernError(from_document(concern.clone()).unwrap())).into(),
            many(doc! { "writeConcernError": concern }),
            many(write_error(11_602)),
        ];
        let not_sent: Vec<Error> = vec![ErrorKind::Shutdown.into()];
        let defects: Vec<Error> = vec![command(2), many(write_error(121)), ErrorKind::SessionsNotSupported.into()];
        for (errors, expected) in [
            (uncertain, ["unavailable", "unanswered"]),
            (not_sent, ["unavailable", "unavailable"]),
            (defects, ["corrupt", "corrupt"]),
        ] {
            for error in errors {
                let sorted = [Failure::Before, Failure::Sent].map(|place| match place(error.clone()).into() {
                    StoreError::Unavailable(_) => "unavailable",
                    StoreError::Unanswered(_) => "unanswered",
                    StoreError::Corrupt(_) => "corrupt",
                });
                assert_eq!(sorted, expected, "{error}");
            }
        }
    }
}
