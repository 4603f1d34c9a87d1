//! Stored responses that are given while something goes on behind: since the store is slow (marked), or since they are to be
//! refreshed. Not here: reads that are waited for (`reads`), or leases.

use crate::protocol::Protocol;
use crate::reads::{give, store};
use crate::rules::STALE_TICKS;
use crate::step::Step;
use crate::world::{Act, Background, Command, Floor, Lookup, Number, Property, Sight, StoreState, Stored, World};

impl Protocol {
    /// What may be given to `session` while its read, or none, goes on.
    pub(crate) fn refreshes_of(&self, world: &World, session: usize, steps: &mut Vec<Step>) {
        let stored = || (0..).zip(&world.stored).filter(|(_, data)| data.is_some()).map(|(number, _)| number);
        match world.sessions[session].act {
            Act::AskStore(_) | Act::Loading { .. } => {
                let slow = stored().filter(|number| self.may_be_given_late(world, session, *number));
                steps.extend(slow.map(|number| Step::GiveStale { session, number }));
            }
            Act::Idle if !self.rules.refresh_looks_up => {
                let least = world.sessions[session].seen;
                let instances = 0..self.scope.instances;
                let seen = stored().filter(|number| *number >= least);
                steps.extend(seen.flat_map(|number| {
                    instances.clone().map(move |instance| Step::Refresh { session, instance, number })
                }));
            }
            _ => {}
        }
        if let Act::Loading { before, .. } = world.sessions[session].act {
            // A stored response that was loaded when the number that was looked up was current.
            let current = stored().filter(|number| *number == before);
            steps.extend(current.map(|number| Step::Refresh { session, instance: 0, number }));
        }
        match world.sessions[session].behind {
            Some(Background::AskStore(lookup)) => {
                steps.push(Step::ReadNumberBehind { session, number: world.store.number });
                let deposed = world.deposed.filter(|then| self.is_believed(world, session, &lookup, then.number));
                steps.extend(deposed.map(|then| Step::ReadNumberBehind { session, number: then.number }));
            }
            Some(Background::Loading { .. }) => {
                let sources = std::iter::once(world.store).chain(world.deposed);
                steps.extend(sources.map(|from| Step::LoadBehind { session, from }));
            }
            None => {}
        }
    }

    fn may_be_given_late(&self, world: &World, session: usize, number: Number) -> bool {
        let is_young = world.copy.is_some_and(|(has, age)| has == number && age <= STALE_TICKS);
        let is_seen = number >= world.sessions[session].seen || !self.rules.slow_heeds_seen;
        is_seen && (is_young || !self.scope.time || !self.rules.stale_ends)
    }

    /// The store is slow: a stored response is given, marked, and the read goes on behind it.
    pub(crate) fn give_stale(&self, world: &mut World, session: usize, number: Number) -> Result<(), Property> {
        let Some(Stored { data, .. }) = world.stored[usize::from(number)] else { return Ok(()) };
        let newest = world.sessions[session].newest;
        let least = if self.scope.time { world.done_before[usize::from(STALE_TICKS)] } else { 0 };
        let floor = if least > newest {
            Floor { least, property: Property::Bound }
        } else {
            Floor { least: newest, property: Property::Session }
        };
        world.sessions[session].behind = match world.sessions[session].act {
            Act::AskStore(lookup) => Some(Background::AskStore(Lookup { floor: Floor::NONE, ..lookup })),
            Act::Loading { before, .. } => Some(Background::Loading { before }),
            _ => None,
        };
        give(world, session, data, number, floor)
    }

    /// A stored response is given that is not fresh any more, or not for long, and loaded anew behind.
    pub(crate) fn refresh(
        &self,
        world: &mut World,
        session: usize,
        instance: usize,
        number: Number,
    ) -> Result<(), Property> {
        let Some(Stored { data, .. }) = world.stored[usize::from(number)] else { return Ok(()) };
        let floor = match world.sessions[session].act {
            Act::Loading { floor, .. } => floor,
            _ => self.floor(world, session, instance),
        };
        world.sessions[session].behind = Some(Background::Loading { before: number });
        give(world, session, data, number, floor)
    }

    /// The store says behind what the number is: the instance learns it, and sends it to Redis.
    pub(crate) fn read_number_behind(&self, world: &mut World, session: usize, number: Number) {
        let Some(Background::AskStore(Lookup { instance, sight, age, .. })) = world.sessions[session].behind else {
            return;
        };
        world.instances[usize::from(instance)].learn(number, age);
        if sight != Sight::Nothing {
            world.sessions[session].sent = Some(Command::Confirm { sight, number });
        }
        world.sessions[session].behind = Some(Background::Loading { before: number });
    }

    /// Loads behind, and stores it.
    pub(crate) fn load_behind(&self, world: &mut World, session: usize, from: StoreState) -> Result<(), Property> {
        let Some(Background::Loading { before }) = world.sessions[session].behind.take() else { return Ok(()) };
        if from.number < before {
            return Ok(());
        }
        let number = if self.rules.refresh_renames { from.number } else { before };
        self.keep_copy(world, number);
        self.end_lease(world, session, Some(number));
        store(world, StoreState { number, ..from })
    }

    /// The origins have loaded it now.
    pub(crate) fn keep_copy(&self, world: &mut World, number: Number) {
        if self.scope.refreshes && self.scope.time {
            world.copy = Some((number, 0));
        }
    }
}
