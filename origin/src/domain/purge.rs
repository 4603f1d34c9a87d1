//! Which stored responses are not to be used any more, on demand: [`Purge`], read from what an admin asks for and carried out by raising
//! numbers in the store ([`Purges`]), as a write does that changes nothing. Not how caches hear of it ([`crate::cache`]), or who is an admin.

use std::sync::Arc;

use kairos_protocol::api::cache::{MAX_PATTERN_CHARS, PurgeRequest, Purged};
use kairos_protocol::api::ids::Slug;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::{Problem, ProblemType};
use kairos_protocol::policy::Policy;
use kairos_protocol::sync::generation::{Generations, Namespace};

use super::error::Result;
use crate::environment::Clock;
use crate::store::{GenerationStore, Versioned};
use crate::writes::Writes;

/// What is to be purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    namespaces: Vec<Namespace>,
    policies: Vec<Policy>,
}

impl Purge {
    /// What `request` asks for.
    ///
    /// # Errors
    /// [`ProblemType::InvalidFields`]: it names nothing or several, or what there is not.
    pub fn read(request: PurgeRequest) -> Result<Self> {
        match request {
            PurgeRequest { namespace: Some(namespace), module: None, tag: None, path: None } => {
                Self::of_namespace(&namespace)
            }
            PurgeRequest { namespace: None, module: Some(module), tag: None, path: None } => Self::of_module(&module),
            PurgeRequest { namespace: None, module: None, tag: Some(tag), path: None } => Self::of_tag(&tag),
            PurgeRequest { namespace: None, module: None, tag: None, path: Some(path) } => Self::of_path(&path),
            _ => {
                let detail = "Name exactly one of `namespace`, `module`, `tag` and `path`.";
                Err(ProblemType::InvalidFields.with_detail(detail).into())
            }
        }
    }

    fn of_namespace(text: &str) -> Result<Self> {
        let known = Namespace::parse(text);
        let namespace =
            known.ok_or_else(|| invalid("namespace", "must be `catalog` or `user.` and an account's id"))?;
        // Modules are validated by numbers of their own: of those none is raised.
        let policies = if namespace == Namespace::Catalog { vec![Policy::CatalogModule] } else { Vec::new() };
        Ok(Self { namespaces: vec![namespace], policies })
    }

    fn of_module(text: &str) -> Result<Self> {
        let slug = Slug::new(text).map_err(|_| invalid("module", "must be a module's slug"))?;
        Ok(Self { namespaces: vec![Namespace::Catalog, Namespace::Module(slug)], policies: Vec::new() })
    }

    fn of_tag(tag: &str) -> Result<Self> {
        let policies: Vec<_> = Policy::stored().filter(|policy| policy.tags().contains(&tag)).collect();
        if policies.is_empty() {
            let mut known: Vec<_> = Policy::stored().flat_map(Policy::tags).collect();
            known.sort_unstable();
            known.dedup();
            return Err(invalid("tag", &format!("must be one of {}", known.join(", "))).into());
        }
        Ok(Self { namespaces: Vec::new(), policies })
    }

    fn of_path(pattern: &str) -> Result<Self> {
        if pattern.chars().count() > MAX_PATTERN_CHARS {
            return Err(invalid("path", &format!("must be at most {MAX_PATTERN_CHARS} characters long")).into());
        }
        let Some((beginning, _)) = pattern.split_once('*') else { return Self::of_one_path(pattern) };
        let policies: Vec<_> = Policy::stored().filter(|policy| policy.may_begin_with(beginning)).collect();
        if policies.is_empty() {
            return Err(invalid("path", "fits no path whose responses are stored").into());
        }
        Ok(Self { namespaces: Vec::new(), policies })
    }

    fn of_one_path(target: &str) -> Result<Self> {
        let path = target.split('?').next().unwrap_or_default();
        match Policy::of_path(path) {
            Policy::CatalogModule => Self::of_module(paths::module_slug(path).unwrap_or_default()),
            policy if Policy::stored().any(|stored| stored == policy) => {
                Ok(Self { namespaces: Vec::new(), policies: vec![policy] })
            }
            _ => Err(invalid("path", "is none whose responses are stored").into()),
        }
    }

    /// Whose numbers are raised.
    fn raised(&self) -> Vec<Namespace> {
        self.namespaces.iter().cloned().chain(self.policies.iter().map(|policy| policy.group())).collect()
    }

    /// For people.
    fn report(&self) -> Purged {
        let namespaces = self.namespaces.iter().map(ToString::to_string).collect();
        Purged { namespaces, policies: self.policies.iter().map(|policy| policy.name().to_owned()).collect() }
    }
}

fn invalid(field: &'static str, detail: &str) -> Problem {
    ProblemType::InvalidFields.with_detail("").with_errors([(field, detail.to_owned())])
}

/// Purges.
pub struct Purges {
    store: Arc<dyn GenerationStore>,
    writes: Writes,
    clock: Arc<dyn Clock>,
}

impl Purges {
    /// Of what was made from `store`.
    #[must_use]
    pub fn new(store: Arc<dyn GenerationStore>, writes: Writes, clock: Arc<dyn Clock>) -> Self {
        Self { store, writes, clock }
    }

    /// Does it, on all instances: they hear of it as they do of a write. When this returns, this process has heard of it. With the store down
    /// nothing is purged.
    ///
    /// # Errors
    /// The store's.
    pub async fn purge(&self, purge: &Purge) -> Result<Versioned<Purged>> {
        let (store, now, namespaces, report) =
            (Arc::clone(&self.store), self.clock.now(), purge.raised(), purge.report());
        let raised = namespaces.clone();
        let raise = async move {
            let generations: Generations = store.raise_generations(&raised, now).await?;
            Ok(Versioned { value: report, generations })
        };
        self.writes.commit(namespaces, raise).await
    }
}
