//! Sessions: each reads and writes through all targets, keeps the generations that it was given as a client does, and reports every answer.
//! What they choose is drawn from the seed. Not whether an answer is right.

mod author;
mod ground;
mod learner;
mod reader;
mod reading;
mod request;

use std::collections::HashMap;
use std::sync::Arc;

use kairos_protocol::sync::generation::{Generations, Namespace};

use super::event::{Answer, Event, Observed};
use super::random::Random;
pub(crate) use author::{Author, draft as author_draft};
pub(crate) use ground::{Account, Ground, MODULES, slug};
pub(crate) use learner::Device;
pub(crate) use reader::Reader;
pub(crate) use request::Request;

/// One that reads and writes.
pub(crate) struct Session {
    pub(crate) number: usize,
    pub(crate) ground: Arc<Ground>,
    random: Random,
    /// The highest generations that it was given.
    seen: Generations,
    /// What it has of each path: the tag, and what it said.
    kept: HashMap<String, (String, Observed)>,
}

impl Session {
    /// One that has seen nothing.
    pub(crate) fn new(number: usize, ground: &Arc<Ground>) -> Self {
        let random = Random::new(ground.seed, number as u64);
        Self { number, ground: Arc::clone(ground), random, seen: Generations::default(), kept: HashMap::new() }
    }

    /// Takes in what an answer said, and reports it.
    async fn report(&mut self, answer: Answer) -> Arc<Answer> {
        self.seen.raise(&answer.received);
        let answer = Arc::new(answer);
        self.ground.report(Event::Answer(Arc::clone(&answer))).await;
        self.ground.show(self.number, &answer, &self.seen);
        answer
    }

    /// Now and then it is told what another session has just seen.
    async fn listen(&mut self, learner: Option<usize>) {
        let (listens, from) = (self.random.percent(5), self.random.index(self.ground.sessions));
        let Some((answer, seen)) = self.ground.shown(from).filter(|_| listens && from != self.number) else { return };
        let (is_public, whose) = match &answer.observed {
            Observed::Modules { .. } | Observed::Written { .. } => (true, None),
            Observed::Progress { learner, .. }
            | Observed::Statistics { learner, .. }
            | Observed::History { learner, .. }
            | Observed::Acknowledged { learner, .. } => (false, Some(*learner)),
            Observed::Nothing | Observed::Foreign { .. } | Observed::Refused { .. } => return,
        };
        if is_public {
            let of_catalog = seen.iter().filter(|(namespace, _)| **namespace == Namespace::Catalog);
            self.seen.raise(&of_catalog.map(|(namespace, generation)| (namespace.clone(), generation)).collect());
        } else if whose == learner {
            self.seen.raise(&seen);
        } else {
            return;
        }
        self.ground.report(Event::Handover { to: self.number, answer }).await;
    }

    /// Does nothing for a time.
    async fn think(&mut self, least_ms: u64, most_ms: u64) {
        let ms = self.random.between(least_ms, most_ms);
        self.ground.rest(ms).await;
    }
}
