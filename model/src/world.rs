//! One moment of a world of callers, origins, a Redis and a store: only what tells it from another moment. Not here: what
//! happens next.
//!
//! There is one namespace, and its data is the number of writes that were done. What is read is one part of it, a module; writes to others
//! raise the same number, where they are in scope (`modules`). A response that was ever stored under a number is
//! taken to be everywhere and for ever: in every process, in Redis, at every edge, for every key. Whoever may use one finds one.

/// A state of the data: how many writes were done.
pub(crate) type Data = u8;
/// What counts the states.
pub(crate) type Number = u8;

pub(crate) const SESSIONS: usize = 3;
pub(crate) const INSTANCES: usize = 3;
/// Numbers are smaller than this.
pub(crate) const NUMBERS: usize = 8;
/// How many ticks are looked back at most.
pub(crate) const LOOK_BACK: usize = 3;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct World {
    pub(crate) store: StoreState,
    /// What a server that was deposed goes on answering.
    pub(crate) deposed: Option<StoreState>,
    pub(crate) value: Timed,
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) instances: [Instance; INSTANCES],
    pub(crate) sessions: [Session; SESSIONS],
    /// For each number what is stored under it.
    pub(crate) stored: [Option<Stored>; NUMBERS],
    /// The states that differ in the module from the one before, a bit for each.
    pub(crate) changes: u8,
    /// What is known of the module's number beside the catalog's, where a broken rule has that.
    pub(crate) beside: Option<Number>,
    /// What one edge has that looks at the time, and how old it takes it to be.
    pub(crate) edge: Option<(Number, u8)>,
    /// What the origins have last loaded, and how long ago, where that is looked at.
    pub(crate) copy: Option<(Number, u8)>,
    /// What Redis was last given by somebody who had the lease.
    pub(crate) shared: Option<Number>,
    /// What was done before the present tick, before the one before it, and so on.
    pub(crate) done_before: [Data; LOOK_BACK],
    /// The newest state that was acknowledged after Redis was told, and that Redis has not lost since.
    pub(crate) announced: Data,
    /// Writes that may still begin.
    pub(crate) writes_left: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StoreState {
    pub(crate) number: Number,
    pub(crate) data: Data,
    /// The module's own number, where writes to others are in scope.
    pub(crate) module: Number,
}

/// A stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Stored {
    /// The first state that looked like this.
    pub(crate) data: Data,
    pub(crate) module: Number,
}

/// A value in Redis and its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Timed {
    pub(crate) value: Value,
    pub(crate) age: u8,
}

/// What Redis would fall back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Snapshot {
    pub(crate) timed: Timed,
    /// Whether the value was not replaced since.
    pub(crate) is_present: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Value {
    Absent,
    /// A mark that no other value equals.
    Invalidated,
    Current(Number),
}

/// What somebody saw in Redis, to be compared with what is there later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sight {
    /// Redis was not reached, or the mark is gone for ever.
    Nothing,
    Absent,
    /// A mark; marks are told apart by whether they are still there, or in the snapshot.
    Mark {
        is_there: bool,
        in_snapshot: bool,
    },
    Number(Number),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Instance {
    /// Whether it reaches Redis.
    pub(crate) reaches: bool,
    /// The largest number that it knows.
    pub(crate) known: Number,
    /// How long ago that was known to be the current one; [`NEVER`] if nobody can tell.
    pub(crate) known_age: u8,
    /// Whether a number was reported in this tick that was never given out.
    pub(crate) denied: bool,
    /// The newest state that it acknowledged.
    pub(crate) acknowledged: Data,
}

/// An age.
pub(crate) const NEVER: u8 = u8::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Session {
    /// The largest number that it was told.
    pub(crate) seen: Number,
    /// The newest state that it was given, or that somebody was who passed a number on to it.
    pub(crate) newest: Data,
    pub(crate) act: Act,
    /// A command that is on its way to Redis and may arrive at any time, or never.
    pub(crate) sent: Option<Command>,
    /// A read that goes on though its caller was answered.
    pub(crate) behind: Option<Background>,
    /// The lease that it took last, while that is there or it loads under it.
    pub(crate) lease: Option<Lease>,
}

/// A read that goes on though its caller was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Background {
    AskStore(Lookup),
    Loading { before: Number },
}

/// A lease that somebody took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Lease {
    /// How long ago.
    pub(crate) age: u8,
    /// Whether it is what is in Redis now.
    pub(crate) is_there: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Command {
    Confirm { sight: Sight, number: Number },
    Announce { number: Number },
}

/// What a session is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Act {
    Idle,
    /// A read that must ask the store for the number.
    AskStore(Lookup),
    /// The number was read; its instance does not know it yet.
    Numbered {
        lookup: Lookup,
        number: Number,
    },
    /// The number before the load is known.
    Loading {
        before: Number,
        age: u8,
        floor: Floor,
        /// The module's number, where a broken rule takes it from elsewhere than from the store.
        module: Option<Number>,
    },
    /// The module's number was read, but not the catalog's with it.
    Validating {
        module: Number,
        floor: Floor,
    },
    /// It loads without having looked up, or waits for who does.
    Direct(Direct),
    /// It waits for who has the lease.
    Waiting {
        before: Number,
        floor: Floor,
        waited: u8,
    },
    /// The data was read, but not its number.
    Loaded {
        before: Number,
        data: Data,
        floor: Floor,
    },
    /// A write under way since `age` ticks.
    Begun {
        instance: u8,
        age: u8,
    },
    /// Half of it is done, where that is possible.
    HalfDone {
        instance: u8,
        age: u8,
        number: Option<Number>,
    },
    /// It is done.
    Committed {
        instance: u8,
        age: u8,
        stored: StoreState,
    },
}

/// A read that must ask the store for the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Lookup {
    pub(crate) instance: u8,
    pub(crate) sight: Sight,
    /// How many ticks ago it began.
    pub(crate) age: u8,
    /// What its instance knew then.
    pub(crate) known: Number,
    /// Whether it reports more than anybody was told.
    pub(crate) overstates: bool,
    pub(crate) floor: Floor,
}

/// A load that no look-up came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Direct {
    pub(crate) instance: u8,
    /// What its instance knew when it began.
    pub(crate) least: Number,
    /// How many ticks ago that was.
    pub(crate) age: u8,
    pub(crate) loaded: Option<StoreState>,
    pub(crate) floor: Floor,
}

/// The oldest state that a read may be given, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Floor {
    pub(crate) least: Data,
    pub(crate) property: Property,
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Property {
    /// I-SESSION: no session is given an older state than it was given, or than a session was that passed its numbers on to it,
    /// or than its own acknowledged write.
    Session,
    /// What was acknowledged after Redis was told is seen by every read that begins afterwards and reaches Redis, unless Redis
    /// lost its memory in between.
    AcknowledgedIsSeen,
    /// What an instance acknowledged is seen by every read that begins there afterwards, also without Redis.
    OwnIsSeen,
    /// I-BOUND: what was done is seen by every read that begins long enough afterwards.
    Bound,
    /// No number names two states, among the responses that may be stored.
    OneState,
    /// I-UP: nobody waits for another's load for longer than a tick.
    Waits,
    /// Who takes a lease loads alone while it lives, unless somebody would not wait, or Redis lost its memory.
    OneLoads,
}

impl World {
    pub(crate) const START: Self = Self {
        store: StoreState { number: 0, data: 0, module: 0 },
        deposed: None,
        value: Timed { value: Value::Absent, age: 0 },
        snapshot: None,
        instances: [Instance { reaches: true, known: 0, known_age: NEVER, denied: false, acknowledged: 0 }; INSTANCES],
        sessions: [Session { seen: 0, newest: 0, act: Act::Idle, sent: None, behind: None, lease: None }; SESSIONS],
        stored: [None; NUMBERS],
        changes: 0,
        beside: None,
        edge: None,
        copy: None,
        shared: None,
        done_before: [0; LOOK_BACK],
        announced: 0,
        writes_left: 0,
    };

    /// Everything that somebody saw in Redis and may compare yet.
    pub(crate) fn sights(&mut self) -> impl Iterator<Item = &mut Sight> {
        self.sessions.iter_mut().flat_map(|session| {
            let lookup = match &mut session.act {
                Act::AskStore(lookup) | Act::Numbered { lookup, .. } => Some(&mut lookup.sight),
                _ => None,
            };
            let behind = match &mut session.behind {
                Some(Background::AskStore(lookup)) => Some(&mut lookup.sight),
                _ => None,
            };
            let sent = match &mut session.sent {
                Some(Command::Confirm { sight, .. }) => Some(sight),
                _ => None,
            };
            lookup.into_iter().chain(behind).chain(sent)
        })
    }

    /// How the module looks in the state `data`: the first state in which it looked so.
    pub(crate) fn module_in(&self, data: Data) -> Data {
        (1..=data).rev().find(|state| self.changes & (1 << state) != 0).unwrap_or(0)
    }

    /// The same with the first two instances' names exchanged.
    pub(crate) fn with_instances_swapped(&self) -> Self {
        let mut other = *self;
        other.instances.swap(0, 1);
        for session in &mut other.sessions {
            let behind = session.behind.as_mut().and_then(Background::lookup_mut).map(|lookup| &mut lookup.instance);
            for instance in session.act.instance_mut().into_iter().chain(behind).filter(|instance| **instance < 2) {
                *instance = 1 - *instance;
            }
        }
        other
    }
}

impl Floor {
    /// Of a read that gives nothing to anybody.
    pub(crate) const NONE: Self = Self { least: 0, property: Property::Session };
}

impl Act {
    /// Where it takes place, as long as that matters.
    pub(crate) fn instance_mut(&mut self) -> Option<&mut u8> {
        match self {
            Self::AskStore(Lookup { instance, .. })
            | Self::Direct(Direct { instance, .. })
            | Self::Numbered { lookup: Lookup { instance, .. }, .. }
            | Self::Begun { instance, .. }
            | Self::HalfDone { instance, .. }
            | Self::Committed { instance, .. } => Some(instance),
            Self::Idle
            | Self::Loading { .. }
            | Self::Validating { .. }
            | Self::Waiting { .. }
            | Self::Loaded { .. } => None,
        }
    }

    /// How long it is under way, as long as that matters.
    pub(crate) fn age_mut(&mut self) -> Option<&mut u8> {
        match self {
            Self::AskStore(Lookup { age, .. })
            | Self::Direct(Direct { age, .. })
            | Self::Numbered { lookup: Lookup { age, .. }, .. }
            | Self::Loading { age, .. }
            | Self::Begun { age, .. }
            | Self::HalfDone { age, .. }
            | Self::Committed { age, .. } => Some(age),
            Self::Waiting { waited, .. } => Some(waited),
            Self::Idle | Self::Validating { .. } | Self::Loaded { .. } => None,
        }
    }
}

impl Background {
    /// The look-up that it is about yet.
    pub(crate) const fn lookup_mut(&mut self) -> Option<&mut Lookup> {
        match self {
            Self::AskStore(lookup) => Some(lookup),
            Self::Loading { .. } => None,
        }
    }
}
