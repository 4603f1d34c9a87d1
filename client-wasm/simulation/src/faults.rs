//! What goes wrong in a world, and how often. Each world has its own mixture: some of everything, much of one thing, nothing. Not what a
//! fault does.

use crate::random::Random;

/// How Web Locks behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locks {
    /// As they should.
    Granted,
    /// Each is refused.
    Refused,
    /// None is ever granted.
    Never,
}

/// How the disk opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// At once.
    Soon,
    /// After everybody has ceased to wait.
    Late,
    /// Never.
    Refused,
    /// Nobody says anything.
    Silent,
}

/// Chances in a thousand, per occasion, unless it is said otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    /// A request does not arrive, or its response does not.
    pub(crate) loss: u64,
    /// Something else answers.
    pub(crate) foreign: u64,
    /// The origin refuses: 503, 429, 500.
    pub(crate) refusal: u64,
    /// A request or a response takes up to half a minute.
    pub(crate) slow: u64,
    /// A request arrives twice.
    pub(crate) doubled: u64,
    /// A transaction is aborted.
    pub(crate) abort: u64,
    /// A transaction is done though the tab is told that it was aborted.
    pub(crate) untold: u64,
    /// Rows cannot be read.
    pub(crate) unread: u64,
    /// The disk takes a second or two.
    pub(crate) stall: u64,
    /// Per tick: the disk is full for a while.
    pub(crate) full: u64,
    /// Per tick: there is no network for a while.
    pub(crate) outage: u64,
    /// Per tick: a tab dies.
    pub(crate) kill: u64,
    /// Per tick: the browser dies.
    pub(crate) crash: u64,
    /// Per tick: a tab is frozen for a while.
    pub(crate) freeze: u64,
    /// Per tick: the clock jumps.
    pub(crate) jump: u64,
    /// Per tick: access tokens end.
    pub(crate) expire: u64,
    /// Per tick: sessions end.
    pub(crate) end: u64,
    /// Per tick: another device does something.
    pub(crate) elsewhere: u64,
    /// Per tick: an author publishes.
    pub(crate) publish: u64,
    /// Per tick: a lock is taken away.
    pub(crate) steal: u64,
    /// Per tick: the browser closes a tab's disk.
    pub(crate) close: u64,
    /// Other tabs do not hear of operations.
    pub(crate) unheard: u64,
    /// New tabs are of the next version.
    pub(crate) upgrade: u64,
    /// The locks.
    pub(crate) locks: Locks,
    /// The disk.
    pub(crate) opening: Opening,
}

impl Faults {
    /// Nothing goes wrong.
    pub(crate) const NONE: Self = Self {
        loss: 0,
        foreign: 0,
        refusal: 0,
        slow: 0,
        doubled: 0,
        abort: 0,
        untold: 0,
        unread: 0,
        stall: 0,
        full: 0,
        outage: 0,
        kill: 0,
        crash: 0,
        freeze: 0,
        jump: 0,
        expire: 0,
        end: 0,
        elsewhere: 0,
        publish: 0,
        steal: 0,
        close: 0,
        unheard: 0,
        upgrade: 0,
        locks: Locks::Granted,
        opening: Opening::Soon,
    };

    /// A mixture.
    pub(crate) fn draw(random: &mut Random) -> Self {
        let mut some = |chance: u64, most: u64| {
            if random.permille(chance) { 1 + random.below(most) } else { 0 }
        };
        Self {
            loss: some(600, 200),
            foreign: some(300, 60),
            refusal: some(400, 100),
            slow: some(500, 150),
            doubled: some(400, 150),
            abort: some(400, 100),
            untold: some(300, 60),
            unread: some(200, 40),
            stall: some(400, 100),
            full: some(250, 20),
            outage: some(500, 30),
            kill: some(600, 60),
            crash: some(400, 20),
            freeze: some(500, 40),
            jump: some(300, 20),
            expire: some(600, 60),
            end: some(300, 10),
            elsewhere: some(700, 200),
            publish: some(700, 200),
            steal: some(200, 20),
            close: some(200, 20),
            unheard: some(200, 950),
            upgrade: some(300, 300),
            locks: match some(300, 2) {
                0 => Locks::Granted,
                1 => Locks::Refused,
                _ => Locks::Never,
            },
            opening: match some(250, 3) {
                0 => Opening::Soon,
                1 => Opening::Refused,
                _ => Opening::Late,
            },
        }
    }
}
