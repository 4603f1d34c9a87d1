//! Groups: the stored responses of one policy, which can be made unusable together. Each group has a number in the store, 0 until it is
//! purged for the first time. It is part of its responses' keys, in memory and in Redis: what was stored under another number is not found,
//! and a load that began before a purge stores its response where nobody looks. Not here: what purges them ([`crate::domain::purge`]).

use std::sync::atomic::{AtomicU64, Ordering};

use kairos_protocol::policy::Policy;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};

/// The numbers that this process knows of.
pub(super) struct Groups(Vec<Group>);

struct Group {
    policy: Policy,
    namespace: Namespace,
    number: AtomicU64,
}

impl Default for Groups {
    fn default() -> Self {
        let group = |policy: Policy| Group { policy, namespace: policy.group(), number: AtomicU64::new(0) };
        Self(Policy::stored().map(group).collect())
    }
}

impl Groups {
    /// What their numbers are found under.
    pub(super) fn namespaces(&self) -> Vec<Namespace> {
        self.0.iter().map(|group| group.namespace.clone()).collect()
    }

    /// The number of the group of `policy`.
    pub(super) fn number(&self, policy: Policy) -> Generation {
        let group = self.0.iter().find(|group| group.policy == policy);
        Generation::new(group.map_or(0, |group| group.number.load(Ordering::Relaxed)))
    }

    /// Takes over what is larger in `numbers`. Returns the policies whose responses were purged.
    pub(super) fn raise(&self, numbers: &Generations) -> Vec<Policy> {
        let is_raised = |group: &&Group| {
            let number = numbers.get(&group.namespace).unwrap_or_default().get();
            group.number.fetch_max(number, Ordering::Relaxed) < number
        };
        self.0.iter().filter(is_raised).map(|group| group.policy).collect()
    }
}
