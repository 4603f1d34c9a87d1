//! A read that must load anyway, and skips the look-up: without Redis that would ask the store what the load tells as well. Who misses
//! the same meanwhile joins it. Not here: reads that look up first (`reads`).

use crate::protocol::Protocol;
use crate::reads::{give, store};
use crate::step::Step;
use crate::world::{Act, Direct, Property, StoreState, World};

impl Protocol {
    /// What sessions may do about such loads.
    pub(crate) fn direct_steps_of(&self, world: &World, session: usize, steps: &mut Vec<Step>) {
        match world.sessions[session].act {
            Act::Idle => {
                for instance in 0..self.scope.instances {
                    if world.instances[instance].known >= self.reported(world, session) {
                        steps.push(Step::BeginDirect { session, instance });
                    }
                }
                let others = (0..self.scope.sessions).filter(|with| self.may_join(world, session, *with));
                steps.extend(others.map(|with| Step::JoinDirect { session, with }));
            }
            Act::Direct(Direct { loaded: None, .. }) => {
                let sources = std::iter::once(world.store).chain(world.deposed);
                steps.extend(sources.map(|from| Step::LoadDirect { session, from }));
            }
            Act::Direct(Direct { loaded: Some(_), .. }) => steps.push(Step::GiveDirect { session }),
            _ => {}
        }
    }

    fn reported(&self, world: &World, session: usize) -> u8 {
        if self.rules.direct_heeds_seen { world.sessions[session].seen } else { 0 }
    }

    /// It knows the same, has seen nothing newer, and the load did not begin too long ago.
    fn may_join(&self, world: &World, session: usize, with: usize) -> bool {
        let Act::Direct(Direct { instance, least, age, .. }) = world.sessions[with].act else { return false };
        let known = world.instances[usize::from(instance)].known;
        let knows_the_same = known == least || !self.rules.joins_who_knows_the_same;
        let seen = self.reported(world, session);
        session != with && knows_the_same && known >= seen && (age == 0 || !self.rules.joining_ends)
    }

    /// A read begins to load at an instance.
    pub(crate) fn begin_direct(&self, world: &mut World, session: usize, instance: usize) {
        let floor = self.floor(world, session, instance);
        let least = world.instances[instance].known;
        let instance = u8::try_from(instance).unwrap_or(u8::MAX);
        world.sessions[session].act = Act::Direct(Direct { instance, least, age: 0, loaded: None, floor });
    }

    /// A read waits for what another loads, which may be loaded already.
    pub(crate) fn join_direct(&self, world: &mut World, session: usize, with: usize) {
        let Act::Direct(joined) = world.sessions[with].act else { return };
        let floor = self.floor(world, session, usize::from(joined.instance));
        world.sessions[session].act = Act::Direct(Direct { floor, ..joined });
    }

    /// The store gives data and number to all who wait for them.
    pub(crate) fn load_direct(&self, world: &mut World, session: usize, from: StoreState) {
        let Act::Direct(begun) = world.sessions[session].act else { return };
        let same = |act: &Act| {
            matches!(act, Act::Direct(other) if other.loaded.is_none()
                && (other.instance, other.least, other.age) == (begun.instance, begun.least, begun.age))
        };
        for session in world.sessions.iter_mut().filter(|session| same(&session.act)) {
            if let Act::Direct(direct) = &mut session.act {
                direct.loaded = Some(from);
            }
        }
    }

    /// It is stored and given, and the instance learns the number: as old as the beginning of the load.
    pub(crate) fn give_direct(&self, world: &mut World, session: usize) -> Result<(), Property> {
        let Act::Direct(Direct { instance, least, age, loaded: Some(from), floor }) = world.sessions[session].act
        else {
            return Ok(());
        };
        if from.number < least && self.rules.refuses_older_loads {
            world.sessions[session].act = Act::Idle;
            return Ok(());
        }
        let age = if self.rules.known_since_begin { age } else { 0 };
        world.instances[usize::from(instance)].learn(from.number, age);
        store(world, from)?;
        give(world, session, world.module_in(from.data), from.number, floor)
    }
}
