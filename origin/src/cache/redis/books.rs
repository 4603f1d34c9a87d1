//! What this process could not tell Redis and must, before it trusts Redis again. Kept in this process only: if it dies first,
//! other instances use what they have until its time is over (rows H3).

use std::collections::{BTreeMap, BTreeSet};

use kairos_protocol::generation::Namespace;

use super::super::Fence;

/// See the module.
#[derive(Default)]
pub(super) struct Books {
    /// Namespaces that were changed.
    owed: BTreeMap<Namespace, Debt>,
    /// Writes under way whose fence Redis may not have, by token.
    unannounced: BTreeMap<String, Unannounced>,
}

#[derive(Clone, Default)]
struct Debt {
    /// Fences that Redis may have, to be dropped.
    tokens: BTreeSet<String>,
    /// Tells a debt from the same debt after more was added.
    additions: u64,
}

struct Unannounced {
    namespaces: Vec<Namespace>,
    maybe_sent: bool,
}

/// One thing to tell.
pub(super) enum Step {
    /// A write is under way.
    Announce { token: String, namespaces: Vec<Namespace> },
    /// A namespace was changed.
    Pay { namespace: Namespace, tokens: BTreeSet<String>, additions: u64 },
}

impl Books {
    pub(super) fn is_empty(&self) -> bool {
        self.owed.is_empty() && self.unannounced.is_empty()
    }

    /// A fence was not confirmed; `maybe_sent`: Redis may have it all the same.
    pub(super) fn fence_failed(&mut self, fence: &Fence, maybe_sent: bool) {
        let unannounced = Unannounced { namespaces: fence.namespaces.clone(), maybe_sent };
        self.unannounced.insert(fence.token.clone(), unannounced);
    }

    /// Redis knows how the fence stands by now.
    pub(super) fn announced(&mut self, fence: &Fence) {
        self.unannounced.remove(&fence.token);
    }

    /// A release was not confirmed.
    pub(super) fn release_failed(&mut self, fence: &Fence) {
        let fence_may_be_there = self.unannounced.remove(&fence.token).is_none_or(|u| u.maybe_sent);
        for namespace in &fence.namespaces {
            self.owe(namespace).tokens.extend(fence_may_be_there.then(|| fence.token.clone()));
        }
    }

    /// An invalidation was not confirmed.
    pub(super) fn invalidation_failed(&mut self, namespaces: &[Namespace]) {
        for namespace in namespaces {
            self.owe(namespace);
        }
    }

    fn owe(&mut self, namespace: &Namespace) -> &mut Debt {
        let debt = self.owed.entry(namespace.clone()).or_default();
        debt.additions += 1;
        debt
    }

    /// Up to `most` things to tell.
    pub(super) fn steps(&mut self, most: usize) -> Vec<Step> {
        let announce = self.unannounced.iter_mut().map(|(token, unannounced)| {
            unannounced.maybe_sent = true;
            Step::Announce { token: token.clone(), namespaces: unannounced.namespaces.clone() }
        });
        let pay = self.owed.iter().map(|(namespace, debt)| Step::Pay {
            namespace: namespace.clone(),
            tokens: debt.tokens.clone(),
            additions: debt.additions,
        });
        announce.chain(pay).take(most).collect()
    }

    /// It was told.
    pub(super) fn settle(&mut self, step: &Step) {
        match step {
            Step::Announce { token, .. } => {
                self.unannounced.remove(token);
            }
            Step::Pay { namespace, additions, .. } => {
                if self.owed.get(namespace).is_some_and(|debt| debt.additions == *additions) {
                    self.owed.remove(namespace);
                }
            }
        }
    }
}
