//! The steps of a read, at an origin and at an edge. Not here: writes and faults.

use crate::protocol::Protocol;
use crate::rules::{Confirming, EDGE_TICKS, KNOWN_TICKS, Naming, VALUE_TICKS, Validating};
use crate::world::{
    Act, Command, Data, Floor, Instance, Lookup, NEVER, Number, Property, Sight, StoreState, Stored, Value, World,
};

impl Protocol {
    /// A request arrives, and what it depends on is looked up: in Redis, or in what the instance knows.
    pub(crate) fn look_up(&self, world: &mut World, session: usize, instance: usize, overstates: bool) {
        let floor = self.floor(world, session, instance);
        let seen = if overstates { Number::MAX } else { world.sessions[session].seen };
        let reported = if self.rules.origin_heeds_seen { seen } else { 0 };
        let here = world.instances[instance];
        let (number, sight) = if self.scope.redis && here.reaches {
            self.look_up_in_redis(world, if self.rules.heeds_own { reported.max(here.known) } else { reported })
        } else {
            let is_usable = here.known_age <= KNOWN_TICKS || !self.rules.known_ends;
            (Some(here.known).filter(|known| is_usable && *known >= reported), Sight::Nothing)
        };
        let has_beside = here.reaches || self.rules.validating == Validating::BesideKnown;
        let module = world.beside.filter(|_| self.looks_beside() && has_beside);
        world.sessions[session].act = if let Some(before) = number {
            let is_renewed = sight != Sight::Nothing && !self.rules.only_store_renews;
            world.instances[instance].learn(before, if is_renewed { 0 } else { NEVER });
            Act::Loading { before, age: 0, floor, module }
        } else {
            let instance = u8::try_from(instance).unwrap_or(u8::MAX);
            Act::AskStore(Lookup { instance, sight, age: 0, known: here.known, overstates, floor })
        };
    }

    /// A request arrives, and takes what was found for another before.
    pub(crate) fn share_look_up(&self, world: &mut World, session: usize, with: usize) {
        if let Act::Loading { before, .. } = world.sessions[with].act {
            let floor = self.floor(world, session, 0);
            world.sessions[session].act = Act::Loading { before, age: 0, floor, module: None };
        }
    }

    /// The number in Redis if it is at least `least`, and what was seen there.
    fn look_up_in_redis(&self, world: &mut World, least: Number) -> (Option<Number>, Sight) {
        if let Value::Current(number) = world.value.value
            && number >= least
        {
            return (Some(number), world.sight());
        }
        if self.rules.confirming != Confirming::IfSameOrAbsent {
            world.mark();
        }
        (None, world.sight())
    }

    /// The oldest state that a read which begins now may be given.
    pub(crate) fn floor(&self, world: &World, session: usize, instance: usize) -> Floor {
        let here = world.instances[instance];
        // Redis may be told what a deposed server said: then only the bound holds.
        let hears = self.scope.redis && here.reaches && !self.scope.deposed;
        let floors = [
            Floor { least: world.sessions[session].newest, property: Property::Session },
            Floor { least: if hears { world.announced } else { 0 }, property: Property::AcknowledgedIsSeen },
            Floor { least: here.acknowledged, property: Property::OwnIsSeen },
            Floor { least: world.done_before[usize::from(self.bound())], property: Property::Bound },
        ];
        // Of several that are the same, the first: that it breaks says more.
        floors.into_iter().rev().max_by_key(|floor| floor.least).unwrap_or(floors[0])
    }

    /// After how many ticks a write is seen at an origin, whatever fails.
    fn bound(&self) -> u8 {
        if self.scope.redis { 2 * VALUE_TICKS } else { KNOWN_TICKS }
    }

    /// Whether a read that asks the store goes on with `number`, which may come from a server that was deposed.
    pub(crate) fn is_believed(&self, world: &World, session: usize, lookup: &Lookup, number: Number) -> bool {
        let is_looked_into = self.rules.checks_each_report || !world.instances[usize::from(lookup.instance)].denied;
        let seen = if lookup.overstates { Number::MAX } else { world.sessions[session].seen };
        !self.rules.asks_again || number >= lookup.known && (number >= seen || !is_looked_into)
    }

    /// The store says what the number is. A reported one above it was never told to anybody.
    pub(crate) fn read_number(&self, world: &mut World, session: usize, number: Number) {
        let Act::AskStore(lookup) = world.sessions[session].act else { return };
        world.instances[usize::from(lookup.instance)].denied |= lookup.overstates;
        world.sessions[session].act = Act::Numbered { lookup, number };
        if self.rules.known_since_begin && self.rules.known_grows {
            // To learn it later would change nothing.
            self.learn_number(world, session);
        }
    }

    /// The instance learns the number, and sends it to Redis.
    pub(crate) fn learn_number(&self, world: &mut World, session: usize) {
        let Act::Numbered { lookup: Lookup { instance, sight, age, floor, .. }, number } = world.sessions[session].act
        else {
            return;
        };
        let here = &mut world.instances[usize::from(instance)];
        let (asked, age) = (age, if self.rules.known_since_begin { age } else { 0 });
        if self.rules.known_grows {
            here.learn(number, age);
        } else {
            (here.known, here.known_age) = (number, age);
        }
        if sight != Sight::Nothing {
            world.sessions[session].sent = Some(Command::Confirm { sight, number });
        }
        world.sessions[session].act = Act::Loading { before: number, age: asked, floor, module: None };
    }

    /// Reads the data, and with it the number.
    pub(crate) fn load(&self, world: &mut World, session: usize, from: StoreState) -> Result<(), Property> {
        let Act::Loading { before, age, floor, .. } = world.sessions[session].act else { return Ok(()) };
        let data = from.data;
        match self.rules.naming {
            Naming::Snapshot if from.number < before && self.rules.refuses_older_loads => {
                // An error, or a stale response that is not older than what the caller has seen; see `read_at_edge`.
                self.end_lease(world, session, None);
                world.sessions[session].act = Act::Idle;
                Ok(())
            }
            Naming::Snapshot => {
                self.store_at_edge(world, from.number, age);
                self.keep_copy(world, from.number);
                self.learn_module(world, from);
                self.end_lease(world, session, Some(from.number));
                store_and_give(world, session, from, from.number, floor)
            }
            _ => {
                world.sessions[session].act = Act::Loaded { before, data, floor };
                Ok(())
            }
        }
    }

    /// Where the number does not come with the data: gives the response a number, and then to its caller.
    pub(crate) fn name(&self, world: &mut World, session: usize) -> Result<(), Property> {
        let Act::Loaded { before, data, floor } = world.sessions[session].act else { return Ok(()) };
        let after = world.store.number;
        match self.rules.naming {
            Naming::Before => {
                store_and_give(world, session, StoreState { number: before, data, module: 0 }, before, floor)
            }
            Naming::IfUnchanged | Naming::IfUnchangedToldBefore if before != after => {
                let told = if self.rules.naming == Naming::IfUnchanged { after } else { before };
                give(world, session, data, told, floor)
            }
            _ => store_and_give(world, session, StoreState { number: after, data, module: 0 }, after, floor),
        }
    }

    /// Uses a stored response: one stored under the current number, or what another load brought that began when the same number
    /// was current.
    pub(crate) fn use_stored(&self, world: &mut World, session: usize, number: Number) -> Result<(), Property> {
        let (Act::Loading { age, floor, .. }, Some(Stored { data, .. })) =
            (world.sessions[session].act, world.stored[usize::from(number)])
        else {
            return Ok(());
        };
        self.store_at_edge(world, number, age);
        self.end_lease(world, session, None);
        give(world, session, data, number, floor)
    }

    /// The response goes by way of the edge.
    pub(crate) fn store_at_edge(&self, world: &mut World, number: Number, age: u8) {
        if self.scope.edge_ages {
            world.edge = Some((number, if self.rules.edge_counts_from_request { age } else { 0 }));
        }
    }

    /// An edge uses a stored response, or an origin does whose store is down.
    pub(crate) fn read_at_edge(&self, world: &mut World, session: usize, number: Number) -> Result<(), Property> {
        let Some(Stored { data, .. }) = world.stored[usize::from(number)] else { return Ok(()) };
        let newest = world.sessions[session].newest;
        let mut floor = Floor { least: newest, property: Property::Session };
        if self.scope.edge_ages {
            let least = world.done_before[usize::from(self.bound() + EDGE_TICKS)];
            floor = if least > newest { Floor { least, property: Property::Bound } } else { floor };
        }
        give(world, session, data, number, floor)
    }

    /// Somebody else's numbers: a link that is passed on, a second tab.
    pub(crate) fn tell(&self, world: &mut World, from: usize, to: usize) {
        let from = world.sessions[from];
        let to = &mut world.sessions[to];
        to.seen = to.seen.max(from.seen);
        to.newest = to.newest.max(from.newest);
    }
}

/// Stores a state under a number and gives it.
fn store_and_give(
    world: &mut World,
    session: usize,
    named: StoreState,
    told: Number,
    floor: Floor,
) -> Result<(), Property> {
    store(world, named)?;
    give(world, session, world.module_in(named.data), told, floor)
}

/// Stores a state under a number.
pub(crate) fn store(world: &mut World, named: StoreState) -> Result<(), Property> {
    let shown = Stored { data: world.module_in(named.data), module: named.module };
    store_under(world, named.number, shown)
}

/// Stores a response under a number.
pub(crate) fn store_under(world: &mut World, number: Number, shown: Stored) -> Result<(), Property> {
    let stored = &mut world.stored[usize::from(number)];
    if stored.is_some_and(|stored| stored.data != shown.data) {
        return Err(Property::OneState);
    }
    *stored = Some(shown);
    Ok(())
}

/// Gives a session the module as it looked in the state `data`.
pub(crate) fn give(world: &mut World, session: usize, data: Data, told: Number, floor: Floor) -> Result<(), Property> {
    if data < world.module_in(floor.least) {
        return Err(floor.property);
    }
    let session = &mut world.sessions[session];
    session.seen = session.seen.max(told);
    session.newest = session.newest.max(data);
    session.act = Act::Idle;
    Ok(())
}

impl Instance {
    /// Learns that `number` was the current one `age` ticks ago.
    pub(crate) fn learn(&mut self, number: Number, age: u8) {
        if number > self.known {
            (self.known, self.known_age) = (number, age);
        } else if number == self.known {
            self.known_age = self.known_age.min(age);
        }
    }
}
