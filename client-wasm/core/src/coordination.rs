//! Among tabs and with the world outside: who leads, what tabs tell each other, whether there is a connection, and timers. Not what
//! follows from any of it ([`crate::wiring`]).

use std::rc::Rc;

/// Whether Kaïros can be reached. The browser is not believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// Nobody asked yet.
    #[default]
    Unknown,
    /// It answered the last request.
    Online,
    /// It did not, or the browser says that there is no network.
    Offline,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// A read waits no longer for the network.
    Patience(u32),
    /// Nobody waits any longer for the disk to open.
    Disk,
    /// Nobody waits any longer for the leader's lock.
    Leader,
    /// Nobody waits any longer for the session's lock.
    Renewal,
    /// What waits is sent.
    Send,
    /// Rows that could not be read are read again.
    Look,
    /// Who signs out waits no longer for the outbox to be sent.
    SignOut(u32),
    /// Kaïros is asked whether it is there.
    Probe,
}

/// Timers; only the next is the driver's.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    set: Vec<(i64, Timer)>,
}

impl Timers {
    /// Sets a timer, in the place of one for the same.
    pub(crate) fn set(&mut self, at_ms: i64, timer: Timer) {
        self.clear(timer);
        self.set.push((at_ms, timer));
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.set.retain(|(_, other)| *other != timer);
    }

    pub(crate) fn has(&self, timer: Timer) -> bool {
        self.set.iter().any(|(_, other)| *other == timer)
    }

    /// When the next one ends.
    pub(crate) fn next_ms(&self) -> Option<i64> {
        self.set.iter().map(|(at_ms, _)| *at_ms).min()
    }

    /// The clock was set back by so much.
    pub(crate) fn bring_forward(&mut self, by_ms: i64) {
        for (at_ms, _) in &mut self.set {
            *at_ms = at_ms.saturating_sub(by_ms);
        }
    }

    /// Those that have ended when the driver's timer fired at `now`. If that is before the next one's end, the clock was set back
    /// meanwhile, and all are.
    pub(crate) fn fire(&mut self, now: i64, by_the_clock: bool) -> Vec<Timer> {
        let ahead = self.next_ms().filter(|_| !by_the_clock).map_or(0, |next| next.saturating_sub(now).max(0));
        self.bring_forward(ahead);
        let is_over = |(at_ms, _): &(i64, Timer)| *at_ms <= now;
        let fired = self.set.iter().filter(|timer| is_over(timer)).map(|(_, timer)| *timer).collect();
        self.set.retain(|timer| !is_over(timer));
        fired
    }
}

/// What tabs tell each other. All of it is a hint: what counts lies on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// Somebody signed in or out, or tokens were renewed.
    Session,
    /// Operations were recorded, confirmed, rejected or dismissed.
    Outbox,
    /// A response was stored: whose, which, of which generation.
    Stored(Rc<str>, Rc<str>, u64),
}

impl Message {
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Session => String::from("session"),
            Self::Outbox => String::from("outbox"),
            Self::Stored(owner, path, generation) => {
                let mut text = String::from("stored\n");
                crate::json::writer::push_integer(&mut text, i64::try_from(*generation).unwrap_or(i64::MAX));
                [&text, "\n", owner, "\n", path].concat()
            }
        }
    }

    /// `None`: another version's.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.splitn(4, '\n');
        Some(match lines.next()? {
            "session" => Self::Session,
            "outbox" => Self::Outbox,
            "stored" => {
                let generation = lines.next()?.parse().ok()?;
                Self::Stored(lines.next()?.into(), lines.next()?.into(), generation)
            }
            _ => return None,
        })
    }
}

/// What one tab knows of the others and of the network.
#[derive(Debug, Default)]
pub(crate) struct Coordination {
    /// Whether this tab sends by itself and cleans up.
    pub(crate) leads: bool,
    pub(crate) connection: Connection,
    /// Probes that failed since the last response.
    pub(crate) failed_probes: u32,
    /// Paths that could not be fetched, to be fetched when the network is back.
    pub(crate) missed: Vec<Rc<str>>,
    /// Another tab said that somebody signed in or out, or this page slept: the rows are looked at before anything private is shown.
    pub(crate) must_check: bool,
    pub(crate) is_frozen: bool,
    pub(crate) timers: Timers,
}

/// Most paths that are fetched again when the network is back.
const MOST_MISSED: usize = 16;

impl Coordination {
    /// Takes note of a path that could not be fetched.
    pub(crate) fn miss(&mut self, path: &Rc<str>) {
        if !self.missed.contains(path) && self.missed.len() < MOST_MISSED {
            self.missed.push(Rc::clone(path));
        }
    }
}
