//! What goes wrong, and time. Not here: how the protocol bears it.

use crate::protocol::Protocol;
use crate::rules::{EDGE_TICKS, KNOWN_TICKS, STALE_TICKS};
use crate::world::{Act, Background, Instance, NEVER, Property, World};

impl Protocol {
    /// An instance dies with all that is under way there, and starts again. What it has sent may arrive yet, and what it has
    /// asked the store to write be done.
    pub(crate) fn crash(&self, world: &mut World, instance: usize) {
        let here = &mut world.instances[instance];
        *here = Instance { reaches: here.reaches, ..World::START.instances[instance] };
        for session in &mut world.sessions {
            let is_begun = matches!(session.act, Act::Begun { .. });
            if !is_begun && session.act.instance_mut().is_some_and(|there| usize::from(*there) == instance) {
                session.act = Act::Idle;
            }
            let behind = session.behind.as_mut().and_then(Background::lookup_mut);
            if behind.is_some_and(|lookup| usize::from(lookup.instance) == instance) {
                session.behind = None;
            }
        }
    }

    /// Time passes, everywhere: ages are measured by clocks that nobody sets.
    pub(crate) fn tick(&self, world: &mut World) -> Result<(), Property> {
        world.done_before.rotate_right(1);
        world.done_before[0] = world.store.data;
        world.deposed = None;
        world.edge = world.edge.map(|(number, age)| (number, age + 1)).filter(|(_, age)| *age <= EDGE_TICKS);
        world.copy = world.copy.map(|(number, age)| (number, age + 1)).filter(|(_, age)| *age <= STALE_TICKS);
        if self.rules.values_end {
            world.end_values();
        }
        for instance in &mut world.instances {
            let age = instance.known_age.saturating_add(1);
            instance.known_age = if age > KNOWN_TICKS { NEVER } else { age };
            instance.denied = false;
        }
        for age in world.sessions.iter_mut().filter_map(|session| session.act.age_mut()) {
            *age = (*age + 1).min(KNOWN_TICKS + 1);
        }
        for lookup in world.sessions.iter_mut().filter_map(|session| session.behind.as_mut()?.lookup_mut()) {
            lookup.age = (lookup.age + 1).min(KNOWN_TICKS + 1);
        }
        self.end_leases(world)
    }
}
