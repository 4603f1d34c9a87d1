//! How many streams are open: of one reader, and of all. Not what is in them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;
use parking_lot::Mutex;

use crate::domain::error::{DomainError, Result};

/// Streams that are open at once, of all.
pub const MOST_STREAMS: usize = 10_000;
/// Streams that one learner has open at once: tabs and devices.
pub const MOST_OF_A_LEARNER: u32 = 16;
/// Streams that those who have not signed in have open at once from one address: a school has one.
pub const MOST_OF_AN_ADDRESS: u32 = 1_000;

/// Seconds after which to look for a place again.
const RETRY_AFTER_SECS: u32 = 30;

/// Who reads a stream.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The learner, who gets their own numbers beside the catalogue's.
    pub user: Option<UserId>,
    /// Where it is read, if that is known.
    pub address: Option<IpAddr>,
    /// When the stream ends: with the access token.
    pub ends_in_ms: UnixMillis,
}

/// See the module. There is a count only for who has a stream.
#[derive(Default)]
pub(super) struct Places(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: usize,
    by_reader: HashMap<Reader, u32>,
}

/// Who is counted.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Reader {
    Learner(UserId),
    Address(IpAddr),
}

/// One stream's place, given back when this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    reader: Option<Reader>,
}

impl Places {
    /// # Errors
    /// [`ProblemType::TooManyRequests`] or [`ProblemType::Unavailable`].
    pub(super) fn take(self: &Arc<Self>, subscriber: &Subscriber) -> Result<Place> {
        let (reader, most) = match (&subscriber.user, subscriber.address) {
            (Some(user), _) => (Some(Reader::Learner(user.clone())), MOST_OF_A_LEARNER),
            (None, address) => (address.map(Reader::Address), MOST_OF_AN_ADDRESS),
        };
        let mut counts = self.0.lock();
        if counts.all >= MOST_STREAMS {
            let problem = ProblemType::Unavailable.with_detail("Too many streams are open. Try again later.");
            return Err(DomainError::retry_later(problem, RETRY_AFTER_SECS));
        }
        if let Some(reader) = &reader {
            let count = counts.by_reader.entry(reader.clone()).or_default();
            if *count >= most {
                let detail = format!("You have {most} streams open. Close one.");
                return Err(DomainError::retry_later(
                    ProblemType::TooManyRequests.with_detail(detail),
                    RETRY_AFTER_SECS,
                ));
            }
            *count += 1;
        }
        counts.all += 1;
        metrics::gauge!("kairos_event_streams").set(count_of(counts.all));
        drop(counts);
        Ok(Place { places: Arc::clone(self), reader })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.places.0.lock();
        counts.all -= 1;
        metrics::gauge!("kairos_event_streams").set(count_of(counts.all));
        let Some(reader) = self.reader.take() else { return };
        if let Some(count) = counts.by_reader.get_mut(&reader) {
            *count -= 1;
            if *count == 0 {
                counts.by_reader.remove(&reader);
            }
        }
    }
}

/// At most [`MOST_STREAMS`], which a float has exactly.
fn count_of(streams: usize) -> f64 {
    u32::try_from(streams).unwrap_or(u32::MAX).into()
}
