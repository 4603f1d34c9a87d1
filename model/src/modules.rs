//! Several modules behind one number: a write to another one raises the catalog's number too, and what is stored of this one is found to
//! be current by the module's own number. Not here: reads of what has changed (`reads`).

use crate::protocol::Protocol;
use crate::reads::{give, store_under};
use crate::rules::{Raising, Validating};
use crate::step::Step;
use crate::world::{Act, Number, Property, StoreState, Value, World};

impl Protocol {
    /// What `session` may do about a stored response that the catalog's number says nothing of.
    pub(crate) fn module_steps_of(&self, world: &World, session: usize, steps: &mut Vec<Step>) {
        let sources = || std::iter::once(world.store).chain(world.deposed);
        match (self.rules.validating, world.sessions[session].act) {
            (Validating::Together, Act::Loading { before, .. }) => {
                for from in sources().filter(|from| from.number >= before) {
                    validations(world, session, from, steps);
                }
            }
            (Validating::TogetherThoughOlder, Act::Loading { .. }) => {
                sources().for_each(|from| validations(world, session, from, steps));
            }
            (Validating::BesideLookedUp, Act::Loading { before, .. }) => {
                sources().for_each(|from| validations(world, session, StoreState { number: before, ..from }, steps));
            }
            (Validating::Apart, Act::Loading { .. }) => {
                steps.extend(sources().map(|from| Step::ReadModule { session, from }));
            }
            (Validating::Apart, Act::Validating { module, .. }) => {
                let stored = (0..).zip(world.stored);
                let usable = stored.filter(|(_, stored)| stored.is_some_and(|stored| stored.module == module));
                steps.extend(usable.map(|(number, _)| Step::NameValidated { session, number }));
            }
            (_, Act::Loading { before, module: Some(module), .. }) => {
                validations(world, session, StoreState { number: before, data: 0, module }, steps);
            }
            _ => {}
        }
    }

    /// What is stored under `number` is stored under that of `from` too, and given.
    pub(crate) fn validate(
        &self,
        world: &mut World,
        session: usize,
        number: Number,
        from: StoreState,
    ) -> Result<(), Property> {
        let (Act::Loading { age, floor, .. }, Some(stored)) =
            (world.sessions[session].act, world.stored[usize::from(number)])
        else {
            return Ok(());
        };
        self.store_at_edge(world, from.number, age);
        // It is as old as it was.
        world.copy = world.copy.map(|(has, age)| (if has == number { from.number } else { has }, age));
        self.end_lease(world, session, None);
        store_under(world, from.number, stored)?;
        give(world, session, stored.data, from.number, floor)
    }

    /// The store says the module's number.
    pub(crate) fn read_module(&self, world: &mut World, session: usize, from: StoreState) {
        let Act::Loading { floor, .. } = world.sessions[session].act else { return };
        world.sessions[session].act = Act::Validating { module: from.module, floor };
    }

    /// The store says the catalog's number, after the module's.
    pub(crate) fn name_validated(&self, world: &mut World, session: usize, number: Number) -> Result<(), Property> {
        let (Act::Validating { floor, .. }, Some(stored)) =
            (world.sessions[session].act, world.stored[usize::from(number)])
        else {
            return Ok(());
        };
        let after = world.store.number;
        store_under(world, after, stored)?;
        give(world, session, stored.data, after, floor)
    }

    /// The module's number after a write that raises the catalog's to `number`.
    pub(crate) fn module_number(&self, before: StoreState, number: Number, touches: bool) -> Number {
        let is_raised = self.scope.modules && touches && self.rules.raising != Raising::CatalogAlone;
        if is_raised { number.max(before.module + 1) } else { before.module }
    }

    /// Whether what is known of the module's number is put beside what was looked up of the catalog's.
    pub(crate) const fn looks_beside(&self) -> bool {
        matches!(self.rules.validating, Validating::BesideKnown | Validating::InRedis)
    }

    /// A load brought both numbers: whoever has nothing beside the catalog's puts the module's there.
    pub(crate) fn learn_module(&self, world: &mut World, from: StoreState) {
        let is_same = world.value.value == Value::Current(from.number);
        if self.scope.modules && self.looks_beside() && (is_same || self.rules.validating == Validating::BesideKnown) {
            world.beside.get_or_insert(from.module);
        }
    }

    /// A write raises what Redis has beside the catalog's number.
    pub(crate) fn announce_module(&self, world: &mut World, module: Number) {
        if self.rules.validating == Validating::InRedis {
            world.beside = world.beside.map(|known| known.max(module));
        }
    }
}

/// Everything stored that has the module's number, as of a state that has both.
fn validations(world: &World, session: usize, from: StoreState, steps: &mut Vec<Step>) {
    let stored = (0..).zip(world.stored);
    let current = stored.filter(|(_, stored)| stored.is_some_and(|stored| stored.module == from.module));
    steps.extend(current.map(|(number, _)| Step::Validate { session, number, from }));
}
