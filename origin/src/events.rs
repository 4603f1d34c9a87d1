//! Streams of what changes, for whoever shows it: the numbers of the catalogue and of one learner, each time they grow. A write of this
//! process is told at once; those of others when they are looked up, which is once a second for all streams together. Only the newest
//! numbers count, so a stream that is read slowly skips some, and keeps nothing. Not how it looks on the wire (`handlers`).

mod places;

use std::sync::{Arc, Weak};
use std::time::Duration;

use kairos_protocol::sync::generation::{Generations, Namespace};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::cache::{Cache, Watch};
use crate::domain::error::Result;
pub use places::{MOST_OF_A_LEARNER, MOST_OF_AN_ADDRESS, MOST_STREAMS, Subscriber};
use places::{Place, Places};

/// How often the numbers are looked up that others may have changed.
const LOOK_UP_PERIOD: Duration = Duration::from_secs(1);
/// The longest silence: below what proxies take for a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(25);

/// The streams of this process.
pub struct EventStreams {
    cache: Cache,
    places: Arc<Places>,
    stopping: watch::Sender<bool>,
}

/// What a stream tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// All numbers that it is about; at least one is larger than the reader had.
    Generations(Generations),
    /// Nothing: that it is still there.
    Heartbeat,
}

/// One stream.
pub struct EventStream {
    watches: Vec<Watch>,
    sent: Generations,
    has_begun: bool,
    ends: Instant,
    stopping: watch::Receiver<bool>,
    _place: Place,
}

impl EventStreams {
    /// None yet. Needs a runtime, where the numbers are looked up.
    #[must_use]
    pub fn new(cache: Cache) -> Arc<Self> {
        let streams = Arc::new(Self { cache, places: Arc::default(), stopping: watch::Sender::new(false) });
        tokio::spawn(look_up(Arc::downgrade(&streams)));
        streams
    }

    /// Opens one for `subscriber`, who has seen the `reported` numbers.
    ///
    /// # Errors
    /// [`ProblemType::TooManyRequests`] when they have too many, [`ProblemType::Unavailable`] when all have together, and the store's.
    ///
    /// [`ProblemType::TooManyRequests`]: kairos_protocol::api::problem::ProblemType::TooManyRequests
    /// [`ProblemType::Unavailable`]: kairos_protocol::api::problem::ProblemType::Unavailable
    pub async fn open(&self, subscriber: Subscriber, reported: &Generations) -> Result<EventStream> {
        let place = self.places.take(&subscriber)?;
        let namespaces: Vec<_> =
            std::iter::once(Namespace::Catalog).chain(subscriber.user.map(Namespace::User)).collect();
        // Watched before they are looked up: a write in between is heard of.
        let watches = namespaces.iter().map(|namespace| self.cache.watch(namespace.clone())).collect();
        let numbers = self.cache.current(&namespaces, reported).await?;
        self.cache.tell_watchers(&numbers);
        // A reported number above the current one was never given out: it counts as none.
        let seen = reported.iter().filter(|(namespace, number)| numbers.get(namespace) >= Some(*number));
        let sent = seen.map(|(namespace, number)| (namespace.clone(), number)).collect();
        let ends = Instant::now() + Duration::from_millis(subscriber.ends_in_ms.try_into().unwrap_or(0));
        let stopping = self.stopping.subscribe();
        Ok(EventStream { watches, sent, has_begun: false, ends, stopping, _place: place })
    }

    /// Ends all streams, those to come as well: the process stops, and the readers go to another instance.
    pub fn close(&self) {
        self.stopping.send_replace(true);
    }
}

impl EventStream {
    /// The next event; `None` when the stream has ended. Begins with one at once.
    pub async fn next(&mut self) -> Option<Event> {
        let beats = Instant::now() + HEARTBEAT;
        loop {
            if *self.stopping.borrow() || Instant::now() >= self.ends {
                return None;
            }
            let newest: Generations = self.watches.iter_mut().map(|w| (w.namespace().clone(), w.newest())).collect();
            let is_news = newest.iter().any(|(namespace, number)| self.sent.get(namespace).is_none_or(|s| s < number));
            if is_news {
                self.has_begun = true;
                self.sent = newest.clone();
                return Some(Event::Generations(newest));
            }
            if !self.has_begun || Instant::now() >= beats {
                self.has_begun = true;
                return Some(Event::Heartbeat);
            }
            self.wait_until(beats.min(self.ends)).await;
        }
    }

    /// For a change, for the end of the process, or until `deadline`.
    async fn wait_until(&mut self, deadline: Instant) {
        let [first, rest @ ..] = self.watches.as_mut_slice() else { return };
        let second = async {
            match rest {
                [second, ..] => second.changed().await,
                [] => std::future::pending().await,
            }
        };
        tokio::select! {
            () = first.changed() => {}
            () = second => {}
            _ = self.stopping.changed() => {}
            () = sleep_until(deadline) => {}
        }
    }
}

/// Looks up what is watched, for as long as there are `streams`.
async fn look_up(streams: Weak<EventStreams>) {
    loop {
        sleep(LOOK_UP_PERIOD).await;
        let Some(cache) = streams.upgrade().map(|streams| streams.cache.clone()) else { return };
        if let Err(error) = cache.look_up_watched().await {
            // The streams go on: what is not known now is told when it is.
            tracing::debug!(%error, "the numbers that are watched could not be looked up");
        }
    }
}
