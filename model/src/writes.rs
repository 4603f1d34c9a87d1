//! The steps of a write: begin, commit, announce, acknowledge. Not here: what Redis does with its commands.

use crate::protocol::Protocol;
use crate::rules::{Announcing, Numbering, Raising};
use crate::world::{Act, Command, Number, StoreState, World};

impl Protocol {
    /// A write arrives. From here on it may be done at any time, also long after its caller has gone.
    pub(crate) fn begin_write(&self, world: &mut World, session: usize, instance: usize) {
        world.writes_left -= 1;
        let instance = u8::try_from(instance).unwrap_or(u8::MAX);
        world.sessions[session].act = Act::Begun { instance, age: 0 };
    }

    /// The store does it, or one half of it.
    pub(crate) fn commit(&self, world: &mut World, session: usize, number: Number, touches: bool) {
        let Act::Begun { instance, age } = world.sessions[session].act else { return };
        let StoreState { number: last, data, .. } = world.store;
        if touches {
            world.changes |= 1 << (data + 1);
        }
        let module = self.module_number(world.store, number, touches);
        let number = if touches && self.rules.raising == Raising::ModuleAlone { last } else { number };
        world.store = match self.rules.numbering {
            Numbering::Before => StoreState { number, data, module },
            Numbering::After => StoreState { number: last, data: data + 1, module },
            Numbering::With | Numbering::WithClock | Numbering::ClockAlone => {
                StoreState { number, data: data + 1, module }
            }
        };
        let stored = world.store;
        world.sessions[session].act = match self.rules.numbering {
            Numbering::Before => Act::HalfDone { instance, age, number: Some(number) },
            Numbering::After => Act::HalfDone { instance, age, number: None },
            Numbering::With | Numbering::WithClock | Numbering::ClockAlone => Act::Committed { instance, age, stored },
        };
    }

    /// The store does the other half.
    pub(crate) fn commit_rest(&self, world: &mut World, session: usize) {
        let Act::HalfDone { instance, age, number } = world.sessions[session].act else { return };
        if number.is_some() {
            world.store.data += 1;
        } else {
            world.store.number += 1;
        }
        let stored = StoreState { number: number.unwrap_or(world.store.number), ..world.store };
        world.sessions[session].act = Act::Committed { instance, age, stored };
    }

    /// Tells Redis, if it is reached, and then the caller. (Whoever stops between the two is worse off in no respect.)
    pub(crate) fn acknowledge(&self, world: &mut World, session: usize) {
        let Act::Committed { instance, age, stored } = world.sessions[session].act else { return };
        let here = usize::from(instance);
        if self.scope.redis && world.instances[here].reaches {
            if self.rules.announcing == Announcing::Late {
                world.sessions[session].sent = Some(Command::Announce { number: stored.number });
            } else {
                world.announce(&self.rules, stored.number);
                self.announce_module(world, stored.module);
            }
            world.announced = world.announced.max(stored.data);
        } else if self.scope.redis {
            // It was sent all the same.
            world.sessions[session].sent = Some(Command::Announce { number: stored.number });
        }
        let here = &mut world.instances[here];
        here.learn(stored.number, if self.rules.known_since_begin { age } else { 0 });
        here.acknowledged = here.acknowledged.max(stored.data);
        let session = &mut world.sessions[session];
        session.seen = session.seen.max(stored.number);
        session.newest = session.newest.max(stored.data);
        session.act = Act::Idle;
    }

    /// A command that was on its way is done now.
    pub(crate) fn arrive(&self, world: &mut World, session: usize) {
        match world.sessions[session].sent.take() {
            Some(Command::Confirm { sight, number }) => world.confirm(&self.rules, sight, number),
            Some(Command::Announce { number }) => {
                world.announce(&self.rules, number);
                world.beside = None;
            }
            None => {}
        }
    }
}
