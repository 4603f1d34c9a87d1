//! The protocol that there was before: caches make the numbers, fence what is being written, and adopt what callers report.
//! Kept because a checker that cannot find what was seen to happen would be worth little. Not here: its bounds and its
//! recovery, which are not needed to break it; its clocks agree and never stand still.

use crate::checker::Model;
use crate::world::{Data, Number, Property};

const INSTANCES: usize = 2;
const SESSIONS: usize = 2;
/// Numbers are smaller than this.
const NUMBERS: usize = 8;

/// Two instances, two readers and one writer; nothing fails but what is said here.
pub(crate) struct Former {
    /// Whether there is a Redis, from which one instance may be cut off.
    pub(crate) redis: bool,
    /// Whether a load is done at once unless it finds a write under way; then none is late.
    pub(crate) prompt: bool,
    /// What is checked: I-SESSION through the instances alone, or whether a number names two states among the responses that an
    /// edge may store (which breaks I-SESSION there).
    pub(crate) property: Property,
}

/// One moment of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Moment {
    data: Data,
    /// The clock of all: the next number that is made.
    clock: Number,
    redis: Known,
    instances: [Instance; INSTANCES],
    sessions: [Session; SESSIONS],
    writer: Writer,
    stored_at_edge: [Option<Data>; NUMBERS],
}

/// A number, and whether a write is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Known {
    number: Number,
    is_fenced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Instance {
    known: Known,
    reaches: bool,
    /// The response that it stores, and its number.
    stored: Option<(Number, Data)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Session {
    seen: Number,
    newest: Data,
    read: Option<Read>,
}

/// A read that found no stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Read {
    instance: u8,
    /// What was current when it looked.
    number: Number,
    /// Whether no write was under way then.
    may_store: bool,
    loaded: Option<Data>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Writer {
    Idle,
    UnderWay(u8),
    Committed(u8),
    Done,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    LookUp { session: usize, instance: usize },
    Load { session: usize },
    Respond { session: usize },
    Fence { instance: usize },
    Commit,
    Release,
    Cut { instance: usize },
}

impl Model for Former {
    type State = Moment;
    type Step = Step;
    type Breach = Property;

    fn initial(&self) -> Moment {
        let known = Known { number: 1, is_fenced: false };
        Moment {
            data: 0,
            clock: 2,
            redis: known,
            instances: [Instance { known, reaches: self.redis, stored: None }; INSTANCES],
            sessions: [Session { seen: 0, newest: 0, read: None }; SESSIONS],
            writer: Writer::Idle,
            stored_at_edge: [None; NUMBERS],
        }
    }

    fn steps(&self, moment: &Moment, steps: &mut Vec<Step>) {
        for (session, state) in moment.sessions.iter().enumerate() {
            match state.read {
                None => steps.extend((0..INSTANCES).map(|instance| Step::LookUp { session, instance })),
                Some(Read { loaded: None, .. }) => steps.push(Step::Load { session }),
                Some(Read { loaded: Some(_), .. }) => steps.push(Step::Respond { session }),
            }
        }
        match moment.writer {
            Writer::Idle => steps.extend((0..INSTANCES).map(|instance| Step::Fence { instance })),
            Writer::UnderWay(_) => steps.push(Step::Commit),
            Writer::Committed(_) => steps.push(Step::Release),
            Writer::Done => {}
        }
        if moment.instances.iter().all(|instance| instance.reaches) {
            steps.extend((0..INSTANCES).map(|instance| Step::Cut { instance }));
        }
    }

    fn take(&self, moment: &Moment, step: &Step) -> Result<Moment, Property> {
        let mut after = *moment;
        match *step {
            Step::LookUp { session, instance } => {
                after.look_up(session, instance)?;
                if let Some(read) = after.sessions[session].read.as_mut().filter(|read| self.prompt && read.may_store) {
                    read.loaded = Some(after.data);
                    after.respond(session, self.property)?;
                }
            }
            Step::Load { session } => {
                if let Some(read) = &mut after.sessions[session].read {
                    read.loaded = Some(after.data);
                }
            }
            Step::Respond { session } => after.respond(session, self.property)?,
            Step::Fence { instance } => {
                after.advance(instance, true);
                after.writer = Writer::UnderWay(u8::from(instance != 0));
            }
            Step::Commit => {
                after.data += 1;
                if let Writer::UnderWay(instance) = after.writer {
                    after.writer = Writer::Committed(instance);
                }
            }
            Step::Release => {
                if let Writer::Committed(instance) = after.writer {
                    after.advance(usize::from(instance), false);
                }
                after.writer = Writer::Done;
            }
            Step::Cut { instance } => after.instances[instance].reaches = false,
        }
        Ok(after)
    }

    fn canonical(&self, moment: &Moment) -> Moment {
        *moment
    }

    fn kind(&self, step: &Step) -> &'static str {
        match step {
            Step::LookUp { .. } => "look up",
            Step::Load { .. } => "load",
            Step::Respond { .. } => "respond",
            Step::Fence { .. } => "fence",
            Step::Commit => "commit",
            Step::Release => "release",
            Step::Cut { .. } => "cut off from Redis",
        }
    }

    fn words(&self, moment: &Moment, step: &Step) -> String {
        let end = match self.take(moment, step) {
            Err(property) => format!(": breaks {property:?}"),
            Ok(after) => match *step {
                Step::LookUp { session, .. } | Step::Load { session } | Step::Respond { session } => {
                    let Session { seen, newest, read } = after.sessions[session];
                    let how = match read {
                        Some(Read { number, may_store: true, .. }) => format!("{number} is not fenced"),
                        Some(Read { number, .. }) => format!("{number} is fenced"),
                        None => format!("it was given state {newest} and number {seen}"),
                    };
                    format!(": {how}")
                }
                _ => String::new(),
            },
        };
        format!("{step:?}{end}")
    }
}

impl Moment {
    /// What an instance takes for the present number: Redis's if it reaches it, else its own.
    fn known(&mut self, instance: usize) -> &mut Known {
        let here = &mut self.instances[instance];
        if here.reaches { &mut self.redis } else { &mut here.known }
    }

    /// A fence is set or taken down: either makes a new number.
    fn advance(&mut self, instance: usize, is_fenced: bool) {
        let number = self.clock;
        self.clock += 1;
        *self.known(instance) = Known { number, is_fenced };
        self.instances[instance].known = Known { number, is_fenced };
    }

    fn look_up(&mut self, session: usize, instance: usize) -> Result<(), Property> {
        let seen = self.sessions[session].seen;
        let known = self.known(instance);
        // What a caller has seen is adopted: it is not ahead of the clock.
        known.number = known.number.max(seen);
        let Known { number, is_fenced } = *known;
        let here = &mut self.instances[instance];
        here.known.number = here.known.number.max(number);
        let may_store = !is_fenced && !here.known.is_fenced;
        if let Some((_, data)) = here.stored.filter(|(of, _)| may_store && *of == number) {
            return self.give(session, number, data);
        }
        let instance = u8::from(instance != 0);
        self.sessions[session].read = Some(Read { instance, number, may_store, loaded: None });
        Ok(())
    }

    fn respond(&mut self, session: usize, property: Property) -> Result<(), Property> {
        let Some(Read { instance, number, may_store, loaded: Some(data) }) = self.sessions[session].read else {
            return Ok(());
        };
        if may_store {
            let stored = &mut self.stored_at_edge[usize::from(number)];
            if property == Property::OneState && stored.is_some_and(|stored| stored != data) {
                return Err(Property::OneState);
            }
            *stored = Some(data).filter(|_| property == Property::OneState);
            self.instances[usize::from(instance)].stored = Some((number, data));
        }
        self.give(session, number, data)
    }

    fn give(&mut self, session: usize, number: Number, data: Data) -> Result<(), Property> {
        let session = &mut self.sessions[session];
        if data < session.newest {
            return Err(Property::Session);
        }
        *session = Session { seen: session.seen.max(number), newest: data, read: None };
        Ok(())
    }
}
