//! What Redis knew of some namespaces at one moment, and what the store said after it. Not how it is looked up.

use std::collections::BTreeMap;

use kairos_protocol::sync::generation::{Generation, Generations, Namespace};

/// What Redis knew of some namespaces at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot(BTreeMap<Namespace, SharedGeneration>);

/// What Redis knows of one namespace.
#[derive(Clone, Debug, Default)]
struct SharedGeneration {
    /// The current one, if somebody knows it.
    number: Option<Generation>,
    /// What is there, as it is: a number, or a mark that nobody knows it.
    value: Option<String>,
}

/// A number that the store gave after a look-up had `found` another value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Confirmation {
    pub(super) namespace: Namespace,
    pub(super) found: String,
    pub(super) number: Generation,
}

impl Snapshot {
    /// The values found for `namespaces`, in their order.
    pub(super) fn new(namespaces: Vec<Namespace>, values: Vec<Option<String>>) -> Self {
        Self(namespaces.into_iter().zip(values.into_iter().map(SharedGeneration::new)).collect())
    }

    /// Takes over what was found later.
    pub(super) fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// Namespaces that nothing was found for.
    pub(super) fn missing(&self) -> Vec<Namespace> {
        self.0.iter().filter(|(_, shared)| shared.value.is_none()).map(|(namespace, _)| namespace.clone()).collect()
    }

    /// The numbers of all of `namespaces`, unless one is not known.
    pub(crate) fn numbers(&self, namespaces: &[Namespace]) -> Option<Generations> {
        let number = |namespace: &Namespace| Some((namespace.clone(), self.0.get(namespace)?.number?));
        namespaces.iter().map(number).collect()
    }

    /// What to put in the place of what was found, now that the store gave `numbers`.
    pub(super) fn confirmations(&self, numbers: &Generations) -> impl Iterator<Item = Confirmation> {
        numbers.iter().filter_map(|(namespace, number)| {
            let found = self.0.get(namespace)?.value.clone()?;
            Some(Confirmation { namespace: namespace.clone(), found, number })
        })
    }
}

impl SharedGeneration {
    fn new(value: Option<String>) -> Self {
        let number = value.as_deref().and_then(|value| value.parse().ok()).map(Generation::new);
        Self { number, value }
    }
}
