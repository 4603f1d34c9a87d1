//! The protocol's rules, each of which can be broken on purpose, and the bounds of a world. Not here: what they do.

use std::fmt;

/// How the store's number changes with the data it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// In the same transaction: one more.
    With,
    /// In the same transaction: one more, or further ahead, as the writer's clock has it.
    WithClock,
    /// First the number, then the data.
    Before,
    /// First the data, then the number.
    After,
    /// In the same transaction, but whatever the writer's clock says.
    ClockAlone,
}

/// Which number a response is stored under, and its caller told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// The one that was read from the same snapshot as the data.
    Snapshot,
    /// The one that was known before the load.
    Before,
    /// One that was read after the load.
    After,
    /// The one known before the load, if it was still the same after it; else the response is not stored.
    IfUnchanged,
    /// The one known before the load, and the caller is told that also when it was another one after it.
    IfUnchangedToldBefore,
}

/// What Redis does to a number that somebody read from the store and wants to be taken for the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirming {
    /// Takes it over if the value is still the one that was there before the store was read.
    IfSame,
    /// The same, but no mark is put where there is no value, and an absent one equals an absent one.
    IfSameOrAbsent,
    /// Takes it over unless it has a larger one.
    IfLarger,
    /// Takes it over.
    Always,
}

/// What a write does to Redis when it is done, before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announcing {
    /// Raises a number that is there, until it would have ended; puts a new mark where there is none.
    Raise,
    /// Raises a number that is there, and lets it live anew.
    RaiseAndRenew,
    /// Raises a number that is there; puts its own where there is none.
    RaiseOrPut,
    /// Puts its own number.
    Put,
    /// Nothing.
    Nothing,
    /// The same as `Raise`, after the acknowledgement.
    Late,
}

/// Which numbers a write to a module raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raising {
    /// The catalog's and the module's.
    Both,
    /// The catalog's alone.
    CatalogAlone,
    /// The module's alone.
    ModuleAlone,
}

/// By what a stored response of a module is taken for current though the catalog's number is another one by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validating {
    /// The store gives the module's number and the catalog's, which is not below the one that was looked up, from one snapshot. If the
    /// module's is that of the response, the response is stored under this catalog's number as well.
    Together,
    /// The same, whatever was looked up.
    TogetherThoughOlder,
    /// The store gives the module's number, which is put beside the catalog's that was looked up.
    BesideLookedUp,
    /// The store gives the module's number, then the catalog's.
    Apart,
    /// What was last loaded says the module's number, which is put beside the catalog's that was looked up.
    BesideKnown,
    /// Redis has both numbers, each in a value of its own, and gives them at once; a write raises both at once.
    InRedis,
}

/// The rules of the protocol, or all but one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// See [`Numbering`].
    pub numbering: Numbering,
    /// See [`Naming`].
    pub naming: Naming,
    /// See [`Confirming`].
    pub confirming: Confirming,
    /// See [`Announcing`].
    pub announcing: Announcing,
    /// See [`Raising`].
    pub raising: Raising,
    /// See [`Validating`].
    pub validating: Validating,
    /// Values in Redis end by themselves after [`VALUE_TICKS`].
    pub values_end: bool,
    /// The origin asks the store when a caller has seen more than is known.
    pub origin_heeds_seen: bool,
    /// The edge asks the origin when a caller has seen more than the number of its stored response.
    pub edge_heeds_seen: bool,
    /// The edge takes a response to be as old as its request, not as new as its arrival.
    pub edge_counts_from_request: bool,
    /// An instance takes the largest number that it knows itself like one that its caller has seen.
    pub heeds_own: bool,
    /// What an instance knows is used for [`KNOWN_TICKS`] without Redis, not for ever.
    pub known_ends: bool,
    /// What an instance knows is as old as the beginning of the query or the write that it comes from, not its end.
    pub known_since_begin: bool,
    /// Ages are measured by a clock that nobody sets.
    pub monotonic: bool,
    /// A look-up begins after the request came; else one on its way is shared.
    pub looks_up_anew: bool,
    /// What Redis says does not make what an instance knows any younger.
    pub only_store_renews: bool,
    /// A number smaller than one that somebody knows of is asked for again, of a server that is surely not deposed.
    pub asks_again: bool,
    /// What was loaded under a smaller number than was known before is not given.
    pub refuses_older_loads: bool,
    /// A reported number that turned out never to have been given out does not keep later ones from being looked into.
    pub checks_each_report: bool,
    /// What an instance knows is not replaced by a smaller number that was read before.
    pub known_grows: bool,
    /// What is given since the store is slow is not older than what its caller has seen.
    pub slow_heeds_seen: bool,
    /// What is given since the store is slow was loaded at most [`STALE_TICKS`] ago.
    pub stale_ends: bool,
    /// What is not fresh any more is given, and refreshed behind, only if a look-up found its number to be the current one.
    pub refresh_looks_up: bool,
    /// What is loaded behind is stored under its own number, not under that of the response which it replaces.
    pub refresh_renames: bool,
    /// What the holder of a lease brought is used only if it has the number that was looked up.
    pub lease_compares: bool,
    /// Who waits for the holder of a lease does so for less than a tick.
    pub lease_wait_ends: bool,
    /// Who has loaded deletes its own lease, and no other.
    pub lease_is_own: bool,
    /// Who has seen more than its instance knows does not load without a look-up.
    pub direct_heeds_seen: bool,
    /// Who joins another's load that no look-up came before knows the same as was known when that began.
    pub joins_who_knows_the_same: bool,
    /// Such a load is joined for less than a tick.
    pub joining_ends: bool,
}

/// How long what an instance knows is used without Redis.
pub const KNOWN_TICKS: u8 = 1;
/// How long a stored response is fresh at an edge.
pub const EDGE_TICKS: u8 = 1;
/// How long a stored response may be given while the store is slow.
pub const STALE_TICKS: u8 = 1;
/// How long a lease lives.
pub const LEASE_TICKS: u8 = 1;
/// How long a value in Redis lives.
pub const VALUE_TICKS: u8 = 1;

impl Rules {
    /// The protocol's.
    pub const ALL: Self = Self {
        numbering: Numbering::With,
        naming: Naming::Snapshot,
        confirming: Confirming::IfSame,
        announcing: Announcing::Raise,
        raising: Raising::Both,
        validating: Validating::Together,
        values_end: true,
        origin_heeds_seen: true,
        edge_heeds_seen: true,
        edge_counts_from_request: true,
        heeds_own: true,
        known_ends: true,
        known_since_begin: true,
        monotonic: true,
        looks_up_anew: true,
        only_store_renews: true,
        asks_again: true,
        refuses_older_loads: true,
        checks_each_report: true,
        known_grows: true,
        slow_heeds_seen: true,
        stale_ends: true,
        refresh_looks_up: true,
        refresh_renames: true,
        lease_compares: true,
        lease_wait_ends: true,
        lease_is_own: true,
        direct_heeds_seen: true,
        joins_who_knows_the_same: true,
        joining_ends: true,
    };
}

/// What happens in a world. All but writes may happen again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Callers, each of which reads and writes, one thing at a time.
    pub sessions: usize,
    /// Origins.
    pub instances: usize,
    /// Whether there is a Redis.
    pub redis: bool,
    /// Writes begun.
    pub writes: u8,
    /// Whether time passes, so that things end.
    pub time: bool,
    /// Whether the edge looks at the time too: then what is stored there has an end and, without Redis, a bound that is looked at. Else
    /// they may be of any age.
    pub edge_ages: bool,
    /// How many of the instances may be cut off from Redis: what they send is lost, or late.
    pub cuts: usize,
    /// Whether Redis loses all its data.
    pub flushes: bool,
    /// Whether Redis falls back to an older state.
    pub restores: bool,
    /// Whether instances die, with all that is under way there, and start again.
    pub crashes: bool,
    /// Whether a server of the store is deposed and does not know it: for a tick it goes on answering reads as of then.
    pub deposed: bool,
    /// Whether callers report more than anybody was given.
    pub overstates: bool,
    /// Whether stored responses are given while something goes on behind: since the store is slow, or to refresh them.
    pub refreshes: bool,
    /// Whether who must load anyway skips the look-up. Without Redis.
    pub direct: bool,
    /// Whether who misses takes a lease in Redis, or waits for who has it.
    pub leases: bool,
    /// Whether there are writes to other modules than the one that is read.
    pub modules: bool,
}

impl Scope {
    /// Two instances with a Redis; nothing fails and no time passes.
    #[must_use]
    pub const fn calm(sessions: usize, writes: u8) -> Self {
        Self {
            sessions,
            instances: 2,
            redis: true,
            writes,
            time: false,
            edge_ages: false,
            cuts: 0,
            flushes: false,
            restores: false,
            crashes: false,
            deposed: false,
            overstates: false,
            refreshes: false,
            direct: false,
            leases: false,
            modules: false,
        }
    }
}

/// In a few words.
impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, instances, writes, .. } = self;
        write!(formatter, "{sessions} sessions, {instances} instances, {writes} writes")?;
        let cuts = self.cuts > 0;
        for (is_there, what) in [
            (self.redis, "Redis"),
            (self.time, "time"),
            (self.edge_ages, "ages at the edge"),
            (cuts, "cuts"),
            (self.flushes, "flushes"),
            (self.restores, "restores"),
            (self.crashes, "crashes"),
            (self.deposed, "a deposed server"),
            (self.overstates, "callers that report more than they were given"),
            (self.refreshes, "refreshes"),
            (self.leases, "leases"),
            (self.modules, "several modules"),
        ] {
            if is_there {
                write!(formatter, ", {what}")?;
            }
        }
        Ok(())
    }
}
