//! Finds the passages that a question is about, in published modules only. Not what is done with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::try_join_all;
use kairos_protocol::api::catalog::{Module, Publication};
use kairos_protocol::api::ids::Slug;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::api::tutor::{MAX_PASSAGE_BYTES, MAX_PASSAGES, Passage, TutorQuestion};

use super::ranking::{scores, stems};
use super::sections::{Section, cut, prefix};
use crate::domain::error::Result;
use crate::store::CatalogStore;

/// Most modules that are looked into.
const MAX_MODULES: usize = 4;

/// Looks for passages in the catalogue.
pub(super) struct Passages {
    store: Arc<dyn CatalogStore>,
}

impl Passages {
    pub(super) fn new(store: Arc<dyn CatalogStore>) -> Self {
        Self { store }
    }

    /// What fits `question` best, best first, at most [`MAX_PASSAGES`]; those of its own module before all others. Two round trips.
    ///
    /// # Errors
    /// [`ProblemType::UnknownModule`] when its module is not published, or the store's.
    pub(super) async fn find(&self, question: &TutorQuestion) -> Result<Vec<Passage>> {
        let found = self.store.search_modules(&question.question, MAX_MODULES as u32).await?.value;
        let own = question.module.clone();
        let others = found.into_iter().map(|module| module.slug).filter(|slug| Some(slug) != own.as_ref());
        let slugs: Vec<Slug> = own.iter().cloned().chain(others).take(MAX_MODULES).collect();
        let modules = try_join_all(slugs.iter().map(|slug| self.store.module(slug))).await?;
        // Any of them may have been withdrawn since the search.
        let modules = modules.into_iter().filter_map(|found| found.value);
        let modules: Vec<Module> = modules.filter(|module| module.status == Publication::Published).collect();
        let is_there = |slug: &Slug| modules.iter().any(|module| module.summary.slug == *slug);
        if let Some(slug) = own.as_ref().filter(|slug| !is_there(slug)) {
            return Err(ProblemType::UnknownModule.with_detail(format!("There is no module `{slug}`.")).into());
        }
        Ok(choose(&modules, question))
    }
}

/// The best passages of `modules`, which are in the order of the search.
fn choose(modules: &[Module], question: &TutorQuestion) -> Vec<Passage> {
    let cut = modules.iter().flat_map(|module| sections(module).into_iter().map(move |section| (module, section)));
    let (owners, sections): (Vec<&Module>, Vec<Section<'_>>) = cut.unzip();
    let scores = scores(&sections, &stems(&question.question));
    let is_own = |module: &Module| question.module.as_ref() == Some(&module.summary.slug);
    let mut ranked: Vec<_> = owners.into_iter().zip(sections).zip(scores).collect();
    ranked.retain(|((module, _), score)| *score > 0.0 || is_own(module));
    // Stable: among equals the search's order, then the text's, decides.
    ranked.sort_by(|((module, _), score), ((other_module, _), other)| {
        is_own(other_module).cmp(&is_own(module)).then(other.total_cmp(score))
    });
    // A summary may be the beginning of the text.
    let mut texts = BTreeSet::new();
    ranked.retain(|((_, section), _)| texts.insert(section.text));
    ranked.into_iter().take(MAX_PASSAGES).map(|((module, section), _)| passage(module, &section)).collect()
}

/// What a module consists of: its pieces, and before them what it says of itself.
fn sections(module: &Module) -> Vec<Section<'_>> {
    let summary = Section { heading: &module.summary.title, text: prefix(&module.summary.summary, MAX_PASSAGE_BYTES) };
    let is_empty = summary.text.trim().is_empty();
    let mut sections = cut(&module.content);
    if !is_empty {
        sections.insert(0, summary);
    }
    sections
}

fn passage(module: &Module, section: &Section<'_>) -> Passage {
    Passage {
        module: module.summary.slug.clone(),
        version: module.version,
        title: module.summary.title.clone(),
        heading: section.heading.to_owned(),
        text: section.text.to_owned(),
    }
}
