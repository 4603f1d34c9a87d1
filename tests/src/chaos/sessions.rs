//! Sessions: each reads and writes through all targets, keeps the generations that it was given as a client does, and reports every exchange.
//! What they choose is drawn from the seed. Not whether a response is right.

mod author;
mod context;
mod learner;
mod reader;
mod reading;
mod request;

use std::collections::HashMap;
use std::sync::Arc;

use kairos_protocol::sync::generation::{Generations, Namespace};

use super::event::{Event, Exchange, Observed};
use super::random::Random;
pub(crate) use author::{Author, draft as author_draft};
pub(crate) use context::{Account, MODULES, RunContext, slug};
pub(crate) use learner::Device;
pub(crate) use reader::Reader;
pub(crate) use request::Request;

/// One that reads and writes.
pub(crate) struct Session {
    pub(crate) number: usize,
    pub(crate) context: Arc<RunContext>,
    random: Random,
    /// The highest generations that it was given.
    seen: Generations,
    /// What it has stored of each path: the tag, and what it said.
    stored: HashMap<String, (String, Observed)>,
}

impl Session {
    /// One that has seen nothing.
    pub(crate) fn new(number: usize, context: &Arc<RunContext>) -> Self {
        let random = Random::new(context.seed, number as u64);
        Self { number, context: Arc::clone(context), random, seen: Generations::default(), stored: HashMap::new() }
    }

    /// Takes in what a response said, and reports it.
    async fn report(&mut self, exchange: Exchange) -> Arc<Exchange> {
        self.seen.raise(&exchange.received);
        let exchange = Arc::new(exchange);
        self.context.report(Event::Exchange(Arc::clone(&exchange))).await;
        self.context.show(self.number, &exchange, &self.seen);
        exchange
    }

    /// Now and then it is told what another session has just seen.
    async fn listen(&mut self, learner: Option<usize>) {
        let (listens, from) = (self.random.percent(5), self.random.index(self.context.sessions));
        let Some((exchange, seen)) = self.context.shown(from).filter(|_| listens && from != self.number) else {
            return;
        };
        let (is_public, whose) = match &exchange.observed {
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
        self.context.report(Event::Handover { to: self.number, exchange }).await;
    }

    /// Does nothing for a time.
    async fn think(&mut self, least_ms: u64, most_ms: u64) {
        let ms = self.random.between(least_ms, most_ms);
        self.context.rest(ms).await;
    }
}
