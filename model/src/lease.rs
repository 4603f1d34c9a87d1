//! Leases in Redis: of all that miss the same, one loads, and the others wait for what it brings, a moment. Whoever would not wait, or
//! does not reach Redis, loads as ever (`reads`). Not here: what is loaded.

use crate::protocol::Protocol;
use crate::reads::give;
use crate::rules::LEASE_TICKS;
use crate::step::Step;
use crate::world::{Act, Lease, Number, Property, Session, World};

impl Protocol {
    /// What `session` may do about the lease.
    pub(crate) fn lease_steps_of(&self, world: &World, session: usize, steps: &mut Vec<Step>) {
        let is_held = world.sessions.iter().any(|other| other.lease.is_some_and(|lease| lease.is_there));
        match world.sessions[session].act {
            Act::Loading { .. } if world.sessions[session].lease.is_none() => {
                steps.push(if is_held { Step::Wait { session } } else { Step::TakeLease { session } });
            }
            Act::Waiting { before, .. } => {
                let is_usable = |number| number == before || !self.rules.lease_compares;
                steps.extend(world.shared.filter(|n| is_usable(*n)).map(|_| Step::UseShared { session }));
                if self.rules.lease_wait_ends {
                    steps.push(Step::StopWaiting { session });
                }
                if !is_held {
                    steps.push(Step::TakeLease { session });
                }
            }
            _ => {}
        }
    }

    /// Nobody has the lease: it takes it.
    pub(crate) fn take_lease(&self, world: &mut World, session: usize) -> Result<(), Property> {
        let loads_alone = |other: &Session| {
            let lives = other.lease.is_some_and(|lease| lease.age <= LEASE_TICKS);
            lives && matches!(other.act, Act::Loading { .. })
        };
        if world.sessions.iter().any(loads_alone) {
            return Err(Property::OneLoads);
        }
        self.stop_waiting(world, session);
        world.sessions[session].lease = Some(Lease { age: 0, is_there: true });
        Ok(())
    }

    /// Somebody has the lease: it waits.
    pub(crate) fn wait(&self, world: &mut World, session: usize) {
        let Act::Loading { before, floor, .. } = world.sessions[session].act else { return };
        world.sessions[session].act = Act::Waiting { before, floor, waited: 0 };
    }

    /// It goes on by itself.
    pub(crate) fn stop_waiting(&self, world: &mut World, session: usize) {
        let Act::Waiting { before, floor, .. } = world.sessions[session].act else { return };
        world.sessions[session].act = Act::Loading { before, age: 0, floor, module: None };
    }

    /// It uses what the one with the lease brought.
    pub(crate) fn use_shared(&self, world: &mut World, session: usize) -> Result<(), Property> {
        let (Act::Waiting { floor, .. }, Some(number)) = (world.sessions[session].act, world.shared) else {
            return Ok(());
        };
        let Some(stored) = world.stored[usize::from(number)] else { return Ok(()) };
        give(world, session, stored.data, number, floor)
    }

    /// A read at `session` is over: what it brought, if anything, is in Redis, and its lease goes.
    pub(crate) fn end_lease(&self, world: &mut World, session: usize, brought: Option<Number>) {
        let Some(lease) = world.sessions[session].lease.take() else { return };
        world.shared = brought.or(world.shared);
        if !lease.is_there && !self.rules.lease_is_own {
            world.sessions.iter_mut().filter_map(|other| other.lease.as_mut()).for_each(|lease| lease.is_there = false);
        }
    }

    /// A tick: leases end, and so does waiting.
    pub(crate) fn end_leases(&self, world: &mut World) -> Result<(), Property> {
        for session in 0..self.scope.sessions {
            let state = &mut world.sessions[session];
            if let Some(lease) = &mut state.lease {
                lease.age = (lease.age + 1).min(LEASE_TICKS + 1);
                lease.is_there &= lease.age <= LEASE_TICKS;
            }
            match state.act {
                Act::Waiting { .. } if self.rules.lease_wait_ends => self.stop_waiting(world, session),
                // It came at any moment of the first tick.
                Act::Waiting { waited, .. } if waited > 1 => return Err(Property::Waits),
                _ => {}
            }
        }
        Ok(())
    }
}
