//! The protocol in a world: which steps there are at a moment. Not here: what they do (`reads`, `writes`, `faults`, `redis`).

use crate::checker::Model;
use crate::rules::{Confirming, EDGE_TICKS, Naming, Numbering, Rules, Scope};
use crate::step::Step;
use crate::world::{Act, Command, NEVER, NUMBERS, Number, Property, Sight, World};

/// Rules, in a world of some size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    /// What is to be checked.
    pub(crate) rules: Rules,
    /// How far.
    pub(crate) scope: Scope,
}

impl Model for Protocol {
    type State = World;
    type Step = Step;
    type Breach = Property;

    fn initial(&self) -> World {
        World { writes_left: self.scope.writes, ..World::START }
    }

    fn steps(&self, world: &World, steps: &mut Vec<Step>) {
        for session in 0..self.scope.sessions {
            self.steps_of(world, session, steps);
        }
        steps.extend(self.scope.time.then_some(Step::Tick));
        self.faults(world, steps);
    }

    fn take(&self, world: &World, step: &Step) -> Result<World, Property> {
        let mut after = *world;
        self.take_in(&mut after, *step)?;
        self.drop_what_cannot_matter(&mut after);
        Ok(after)
    }

    fn canonical(&self, world: &World) -> World {
        let mut least = *world;
        least.sessions.sort_unstable();
        let are_alike = [0, 2].contains(&self.scope.cuts);
        if self.scope.instances == 2 && are_alike {
            let mut other = world.with_instances_swapped();
            other.sessions.sort_unstable();
            least = least.min(other);
        }
        least
    }

    fn kind(&self, step: &Step) -> &'static str {
        step.kind()
    }

    fn words(&self, world: &World, step: &Step) -> String {
        step.words(world, self.take(world, step))
    }
}

impl Protocol {
    fn take_in(&self, world: &mut World, step: Step) -> Result<(), Property> {
        match step {
            Step::LookUp { session, instance, overstates } => self.look_up(world, session, instance, overstates),
            Step::ShareLookUp { session, with } => self.share_look_up(world, session, with),
            Step::ReadNumber { session, number } => self.read_number(world, session, number),
            Step::LearnNumber { session } => self.learn_number(world, session),
            Step::UseStored { session, number } => self.use_stored(world, session, number)?,
            Step::Load { session, from } => self.load(world, session, from)?,
            Step::Name { session } => self.name(world, session)?,
            Step::ReadAtEdge { session, number } => self.read_at_edge(world, session, number)?,
            Step::Arrive { session } => self.arrive(world, session),
            Step::BeginWrite { session, instance } => self.begin_write(world, session, instance),
            Step::Commit { session, number, touches } => self.commit(world, session, number, touches),
            Step::CommitRest { session } => self.commit_rest(world, session),
            Step::Acknowledge { session } => self.acknowledge(world, session),
            Step::Tell { from, to } => self.tell(world, from, to),
            Step::Cut { instance } => world.instances[instance].reaches = false,
            Step::Mend { instance } => world.instances[instance].reaches = true,
            Step::GiveStale { session, number } => self.give_stale(world, session, number)?,
            Step::Refresh { session, instance, number } => self.refresh(world, session, instance, number)?,
            Step::ReadNumberBehind { session, number } => self.read_number_behind(world, session, number),
            Step::LoadBehind { session, from } => self.load_behind(world, session, from)?,
            Step::TakeLease { session } => self.take_lease(world, session)?,
            Step::Wait { session } => self.wait(world, session),
            Step::StopWaiting { session } => self.stop_waiting(world, session),
            Step::UseShared { session } => self.use_shared(world, session)?,
            Step::BeginDirect { session, instance } => self.begin_direct(world, session, instance),
            Step::JoinDirect { session, with } => self.join_direct(world, session, with),
            Step::LoadDirect { session, from } => self.load_direct(world, session, from),
            Step::GiveDirect { session } => self.give_direct(world, session)?,
            Step::Validate { session, number, from } => self.validate(world, session, number, from)?,
            Step::ReadModule { session, from } => self.read_module(world, session, from),
            Step::NameValidated { session, number } => self.name_validated(world, session, number)?,
            Step::Flush => world.flush(),
            Step::Snapshot => world.take_snapshot(),
            Step::Restore => world.restore(),
            Step::Crash { instance } => self.crash(world, instance),
            Step::Depose => world.deposed = Some(world.store),
            Step::SetBack { instance } => world.instances[instance].known_age = 0,
            Step::Tick => self.tick(world)?,
        }
        Ok(())
    }

    /// Worlds that differ in this only go on in the same way.
    fn drop_what_cannot_matter(&self, world: &mut World) {
        if self.scope.redis {
            // Who is never cut off never asks how long ago something was known.
            world.instances[self.scope.cuts..].iter_mut().for_each(|here| here.known_age = NEVER);
        }
        if !self.scope.edge_ages {
            // Nobody asks how long ago a load began.
            for session in &mut world.sessions {
                if let Act::Loading { age, .. } = &mut session.act {
                    *age = 0;
                }
            }
        }
        if self.rules.checks_each_report {
            world.instances.iter_mut().for_each(|here| here.denied = false);
        }
        if self.rules.confirming == Confirming::IfSame {
            world.sights().for_each(|sight| {
                if *sight == (Sight::Mark { is_there: false, in_snapshot: false }) {
                    *sight = Sight::Nothing;
                }
            });
            for session in &mut world.sessions {
                let is_lost = |command: &Command| matches!(command, Command::Confirm { sight: Sight::Nothing, .. });
                session.sent = session.sent.filter(|command| !is_lost(command));
            }
        }
    }

    fn steps_of(&self, world: &World, session: usize, steps: &mut Vec<Step>) {
        if world.sessions[session].sent.is_some() {
            steps.push(Step::Arrive { session });
        }
        if self.scope.refreshes {
            self.refreshes_of(world, session, steps);
        }
        if self.scope.leases {
            self.lease_steps_of(world, session, steps);
        }
        if self.scope.direct {
            self.direct_steps_of(world, session, steps);
        }
        if self.scope.modules {
            self.module_steps_of(world, session, steps);
        }
        match world.sessions[session].act {
            Act::Idle => self.beginnings(world, session, steps),
            Act::AskStore(lookup) => {
                steps.push(Step::ReadNumber { session, number: world.store.number });
                let deposed = world.deposed.filter(|then| self.is_believed(world, session, &lookup, then.number));
                steps.extend(deposed.map(|then| Step::ReadNumber { session, number: then.number }));
            }
            Act::Numbered { .. } => steps.push(Step::LearnNumber { session }),
            Act::Loading { before, .. } => {
                let sources = std::iter::once(world.store).chain(world.deposed);
                steps.extend(sources.map(|from| Step::Load { session, from }));
                // One from a load that others wait for may have a larger number, if it has the one it was loaded with.
                let last = if self.rules.naming == Naming::Snapshot { NUMBERS } else { usize::from(before) + 1 };
                let numbers = (before..).zip(&world.stored[usize::from(before)..last]);
                steps.extend(
                    numbers.filter(|(_, data)| data.is_some()).map(|(number, _)| Step::UseStored { session, number }),
                );
            }
            // What it may do then is about the lease, the load, or the module.
            Act::Waiting { .. } | Act::Direct(_) | Act::Validating { .. } => {}
            Act::Loaded { .. } => steps.push(Step::Name { session }),
            Act::Begun { .. } => {
                let next = world.store.number + 1;
                let numbers = match self.rules.numbering {
                    Numbering::With | Numbering::Before | Numbering::After => next..=next,
                    Numbering::WithClock => next..=next + 1,
                    Numbering::ClockAlone => 1..=3,
                };
                let fits = |number: &Number| usize::from(*number) < NUMBERS;
                let touching = if self.scope.modules { &[true, false][..] } else { &[true] };
                let writes =
                    numbers.filter(fits).flat_map(|number| touching.iter().map(move |touches| (number, *touches)));
                steps.extend(writes.map(|(number, touches)| Step::Commit { session, number, touches }));
            }
            Act::HalfDone { .. } => steps.push(Step::CommitRest { session }),
            Act::Committed { .. } => steps.push(Step::Acknowledge { session }),
        }
    }

    fn beginnings(&self, world: &World, session: usize, steps: &mut Vec<Step>) {
        let state = world.sessions[session];
        for instance in 0..self.scope.instances {
            steps.push(Step::LookUp { session, instance, overstates: false });
            if self.scope.overstates {
                steps.push(Step::LookUp { session, instance, overstates: true });
            }
            if world.writes_left > 0 {
                steps.push(Step::BeginWrite { session, instance });
            }
        }
        let has_looked_up =
            |with: &usize| matches!(world.sessions[*with].act, Act::Loading { before, .. } if before >= state.seen);
        if !self.rules.looks_up_anew {
            steps
                .extend((0..self.scope.sessions).filter(has_looked_up).map(|with| Step::ShareLookUp { session, with }));
        }
        let is_fresh = |number| world.edge.is_some_and(|(has, age)| has == number && age <= EDGE_TICKS);
        let is_usable = |number: &Number| {
            (*number >= state.seen || !self.rules.edge_heeds_seen) && (is_fresh(*number) || !self.scope.edge_ages)
        };
        let stored = (0..).zip(world.stored).filter(|(number, data)| data.is_some() && is_usable(number));
        steps.extend(stored.map(|(number, _)| Step::ReadAtEdge { session, number }));
        for to in 0..self.scope.sessions {
            let other = world.sessions[to];
            if to != session && other.act == Act::Idle && (other.seen, other.newest) != (state.seen, state.newest) {
                steps.push(Step::Tell { from: session, to });
            }
        }
    }

    fn faults(&self, world: &World, steps: &mut Vec<Step>) {
        let scope = &self.scope;
        let (reached, cut_off): (Vec<_>, Vec<_>) =
            (0..scope.cuts).partition(|instance| world.instances[*instance].reaches);
        steps.extend(cut_off.iter().map(|&instance| Step::Mend { instance }));
        if scope.restores {
            steps.push(Step::Snapshot);
        }
        steps.extend(reached.iter().map(|&instance| Step::Cut { instance }));
        if scope.crashes {
            steps.extend((0..scope.instances).map(|instance| Step::Crash { instance }));
        }
        if !self.rules.monotonic {
            steps.extend((0..scope.instances).map(|instance| Step::SetBack { instance }));
        }
        steps.extend(scope.flushes.then_some(Step::Flush));
        steps.extend((scope.restores && world.snapshot.is_some()).then_some(Step::Restore));
        steps.extend((scope.deposed && world.deposed.is_none()).then_some(Step::Depose));
    }
}
