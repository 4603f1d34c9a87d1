//! What goes wrong, and time. Not here: how the protocol bears it.

use crate::protocol::Protocol;
use crate::rules::{EDGE_TICKS, KNOWN_TICKS};
use crate::world::{Act, Instance, NEVER, World};

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
        }
    }

    /// Time passes, everywhere: ages are measured by clocks that nobody sets.
    pub(crate) fn tick(&self, world: &mut World) {
        world.done_before.rotate_right(1);
        world.done_before[0] = world.store.data;
        world.deposed = None;
        world.edge = world.edge.map(|(number, age)| (number, age + 1)).filter(|(_, age)| *age <= EDGE_TICKS);
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
    }
}
