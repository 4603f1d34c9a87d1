//! No number names two states: whatever comes with one generation of a namespace shows the same data. The newest numbers of each namespace
//! are compared.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kairos_protocol::sync::generation::{Generation, Namespace};

use super::{Kind, Violation};
use crate::chaos::event::{Exchange, Observed};

/// Numbers of one namespace that are compared.
const MOST_NUMBERS: usize = 5_000;

/// A fact that a state consists of, and its value.
type Fact = (FactName, u64);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FactName {
    Edition(usize),
    Attempts,
    Seconds,
}

/// What one number was first seen with.
type State = BTreeMap<FactName, (u64, Arc<Exchange>)>;

#[derive(Default)]
pub(super) struct Numbers(HashMap<Namespace, BTreeMap<Generation, State>>);

impl Numbers {
    /// How `exchange` contradicts what came with its number before. What nobody may store is compared, and nothing with it later.
    pub(super) fn check(&mut self, exchange: &Arc<Exchange>) -> Option<Violation> {
        let facts = facts(exchange);
        let is_of_catalog = matches!(exchange.observed, Observed::Modules { .. });
        let (namespace, generation) =
            exchange.received.iter().find(|(namespace, _)| (**namespace == Namespace::Catalog) == is_of_catalog)?;
        let numbers = self.0.entry(namespace.clone()).or_default();
        let state = numbers.get(&generation);
        let contradiction = facts.iter().find_map(|(name, value)| {
            let (before, earlier) = state?.get(name).filter(|(before, _)| before != value)?;
            let what = format!(
                "{namespace}={} with {} and {}",
                generation.get(),
                name.describe(*before),
                name.describe(*value)
            );
            Some(Violation::of(Kind::TwoStates, exchange, what).against(earlier))
        });
        if exchange.storable {
            let state = numbers.entry(generation).or_default();
            for (name, value) in facts {
                state.entry(name).or_insert_with(|| (value, Arc::clone(exchange)));
            }
            while numbers.len() > MOST_NUMBERS {
                numbers.pop_first();
            }
        }
        contradiction
    }
}

impl FactName {
    fn describe(self, value: u64) -> String {
        match self {
            Self::Edition(module) => format!("edition {value} of module {module}"),
            Self::Attempts => format!("{value} attempts"),
            Self::Seconds => format!("{value} s"),
        }
    }
}

fn facts(exchange: &Exchange) -> Vec<Fact> {
    match &exchange.observed {
        Observed::Modules { editions, .. } => {
            editions.iter().map(|(module, edition)| (FactName::Edition(*module), *edition)).collect()
        }
        Observed::Statistics { attempts, seconds, .. } => {
            vec![(FactName::Attempts, *attempts), (FactName::Seconds, *seconds)]
        }
        Observed::Progress { records, .. } => vec![
            (FactName::Attempts, records.iter().map(|record| record.attempts).sum()),
            (FactName::Seconds, records.iter().map(|record| record.seconds).sum()),
        ],
        _ => Vec::new(),
    }
}
