//! What can happen in a world, one thing at a time, and how a counterexample tells of it. Not here: what comes of it.

use crate::world::{Act, Number, Property, StoreState, Value, World};

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A session begins to read at an instance.
    LookUp { session: usize, instance: usize, overstates: bool },
    /// It begins to read, and shares what another's look-up found.
    ShareLookUp { session: usize, with: usize },
    /// The store tells its read the number.
    ReadNumber { session: usize, number: Number },
    /// The instance learns the number.
    LearnNumber { session: usize },
    /// Its read uses a stored response.
    UseStored { session: usize, number: Number },
    /// Its read loads the data.
    Load { session: usize, from: StoreState },
    /// Its read gives a number to what it loaded without one.
    Name { session: usize },
    /// It reads at an edge that has a stored response.
    ReadAtEdge { session: usize, number: Number },
    /// Its last command to Redis arrives, late.
    Arrive { session: usize },
    /// It begins to write at an instance.
    BeginWrite { session: usize, instance: usize },
    /// The store does its write, or one half of it.
    Commit { session: usize, number: Number, touches: bool },
    /// The store does the other half.
    CommitRest { session: usize },
    /// Redis is told, if it is reached, and the write is acknowledged.
    Acknowledge { session: usize },
    /// A session passes on what it knows.
    Tell { from: usize, to: usize },
    /// An instance is cut off from Redis.
    Cut { instance: usize },
    /// It reaches Redis again.
    Mend { instance: usize },
    /// Redis loses its memory.
    Flush,
    /// Redis writes what it would fall back to.
    Snapshot,
    /// Redis restarts from that.
    Restore,
    /// An instance dies and starts again.
    Crash { instance: usize },
    /// A server of the store is deposed and does not know it.
    Depose,
    /// A clock is set back, so that what an instance knows is younger than it was.
    SetBack { instance: usize },
    /// The store is slow: its read gets a stored response, and goes on behind.
    GiveStale { session: usize, number: Number },
    /// It gets a stored response that is refreshed behind.
    Refresh { session: usize, instance: usize, number: Number },
    /// The store tells what goes on behind the number.
    ReadNumberBehind { session: usize, number: Number },
    /// What goes on behind loads the data.
    LoadBehind { session: usize, from: StoreState },
    /// Its read takes the lease.
    TakeLease { session: usize },
    /// Its read waits for who has the lease.
    Wait { session: usize },
    /// It has waited enough.
    StopWaiting { session: usize },
    /// It uses what the one with the lease brought.
    UseShared { session: usize },
    /// Its read loads without a look-up.
    BeginDirect { session: usize, instance: usize },
    /// It waits for what another read loads so.
    JoinDirect { session: usize, with: usize },
    /// The store gives data and number to those who wait for that.
    LoadDirect { session: usize, from: StoreState },
    /// It gets them.
    GiveDirect { session: usize },
    /// Its read finds by the module's number that a stored response is current.
    Validate { session: usize, number: Number, from: StoreState },
    /// Its read learns the module's number.
    ReadModule { session: usize, from: StoreState },
    /// It learns the catalog's after that.
    NameValidated { session: usize, number: Number },
    /// Time passes.
    Tick,
}

impl Step {
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::LookUp { .. } => "look up",
            Self::ShareLookUp { .. } => "share a look-up",
            Self::ReadNumber { .. } => "read the number",
            Self::LearnNumber { .. } => "learn the number",
            Self::UseStored { .. } => "use a stored response",
            Self::Load { .. } => "load",
            Self::Name { .. } => "name what was loaded",
            Self::ReadAtEdge { .. } => "use a stored response at the edge",
            Self::Arrive { .. } => "arrive late at Redis",
            Self::BeginWrite { .. } => "begin to write",
            Self::Commit { .. } => "commit",
            Self::CommitRest { .. } => "commit the rest",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Tell { .. } => "pass numbers on",
            Self::Cut { .. } => "cut off from Redis",
            Self::Mend { .. } => "reach Redis again",
            Self::Flush => "flush Redis",
            Self::Snapshot => "write a snapshot",
            Self::Restore => "fall back to the snapshot",
            Self::Crash { .. } => "crash",
            Self::Depose => "depose a server",
            Self::SetBack { .. } => "set a clock back",
            Self::GiveStale { .. } => "give a stored response while the store is slow",
            Self::Refresh { .. } => "refresh a stored response behind",
            Self::ReadNumberBehind { .. } => "read the number behind",
            Self::LoadBehind { .. } => "load behind",
            Self::TakeLease { .. } => "take the lease",
            Self::Wait { .. } => "wait for the lease",
            Self::StopWaiting { .. } => "stop waiting",
            Self::UseShared { .. } => "use what the lease brought",
            Self::BeginDirect { .. } => "begin to load without a look-up",
            Self::JoinDirect { .. } => "join a load",
            Self::LoadDirect { .. } => "load without a look-up",
            Self::GiveDirect { .. } => "give what was loaded",
            Self::Validate { .. } => "validate a stored response by the module's number",
            Self::ReadModule { .. } => "read the module's number",
            Self::NameValidated { .. } => "read the catalog's number after the module's",
            Self::Tick => "tick",
        }
    }

    /// What happens when it is taken in `world`, after which it is as in `after`.
    pub(crate) fn words(self, world: &World, after: Result<World, Property>) -> String {
        let told = |session: usize| match after {
            Ok(after) => format!("has seen number {}", after.sessions[session].seen),
            Err(property) => format!("which breaks {property:?}"),
        };
        let stored = |number: Number| world.stored[usize::from(number)].map_or(0, |stored| stored.data);
        match self {
            Self::LookUp { session, instance, overstates } => {
                let found = match after.map(|after| after.sessions[session].act) {
                    Ok(Act::Loading { before, .. }) => format!("{before} is current"),
                    _ => "the store must be asked".to_owned(),
                };
                let report = if overstates { ", reporting more than it was given" } else { "" };
                format!("session {session} reads at instance {instance}{report}: {found}")
            }
            Self::ReadNumber { session, number } => format!("the store tells session {session} the number {number}"),
            Self::Load { session, from: StoreState { number, data, .. } } => {
                format!("session {session} loads state {data} (number {number}), {}", told(session))
            }
            Self::UseStored { session, number } => {
                format!("session {session} gets state {}, stored under {number}, {}", stored(number), told(session))
            }
            Self::GiveStale { session, number } | Self::Refresh { session, number, .. } => {
                let why = if matches!(self, Self::GiveStale { .. }) { "the store is slow" } else { "it is refreshed" };
                format!(
                    "session {session} gets state {}, stored under {number} ({why}), {}",
                    stored(number),
                    told(session)
                )
            }
            Self::Name { session } => format!("session {session} is given what it loaded, {}", told(session)),
            Self::ReadAtEdge { session, number } => {
                format!(
                    "an edge gives session {session} state {}, stored under {number}, {}",
                    stored(number),
                    told(session)
                )
            }
            Self::Commit { session, number, touches } => {
                let what = if touches { "" } else { ", to another module" };
                format!("the store does the write of session {session}{what}: number {number}")
            }
            Self::Validate { session, number, from: StoreState { number: name, module, .. } } => {
                let (state, told) = (stored(number), told(session));
                format!(
                    "session {session} gets state {state}, stored under {number}, now under {name} too: the module has {module}, {told}"
                )
            }
            Self::Acknowledge { session } => {
                let value = after.map_or(Value::Absent, |after| after.value.value);
                format!("the write of session {session} is announced and acknowledged; in Redis: {value:?}")
            }
            Self::Arrive { session } => {
                let value = after.map_or(Value::Absent, |after| after.value.value);
                format!("{:?} of session {session} arrives; in Redis: {value:?}", world.sessions[session].sent)
            }
            other => format!("{other:?}"),
        }
    }
}
