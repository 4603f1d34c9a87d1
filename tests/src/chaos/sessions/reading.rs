//! Reading the catalogue in its three forms: one module, the list, a search. All depend on the same namespace, so a session must never go
//! back whichever it uses.

use kairos_protocol::api::paths;
use serde::Deserialize;

use super::request::{Reply, Request};
use super::{Session, slug};
use crate::chaos::event::Observed;
use crate::chaos::sessions::MODULES;

/// As much of a module as is checked: the edition stands in its summary and, where there is one, in its content.
#[derive(Deserialize)]
struct Shown {
    slug: String,
    summary: String,
    content: Option<String>,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Shown>,
}

/// The text that says which edition something is.
pub(super) fn edition_text(edition: u64) -> String {
    format!("Edition {edition} of this text.")
}

fn edition(text: &str) -> Option<u64> {
    text.strip_prefix("Edition ")?.split(' ').next()?.parse().ok()
}

impl Shown {
    /// The module's number and edition: the older one, should its parts not agree.
    fn read(&self) -> Option<(usize, u64)> {
        let module = self.slug.strip_prefix("chaos-")?.parse().ok()?;
        let in_summary = edition(&self.summary)?;
        let in_content = self.content.as_ref().map_or(Some(in_summary), |content| edition(content))?;
        Some((module, in_summary.min(in_content)))
    }
}

enum Form {
    Module(usize),
    List,
    Search,
}

impl Session {
    /// Reads the catalogue in some form, and reports what it showed.
    pub(super) async fn read_catalog(&mut self) {
        let (form, module) = (self.random.between(0, 9), self.random.index(MODULES));
        let (form, path) = match form {
            0..=4 => (Form::Module(module), paths::module(&slug(module))),
            5..=7 => (Form::List, format!("{}?limit=100&subject=Chaos", paths::MODULES)),
            _ => (Form::Search, format!("{}?q=chaos", paths::MODULES_SEARCH)),
        };
        let (revalidates, no_cache) = (self.random.percent(30), self.random.percent(2));
        let reply = self.send(Request { revalidates, no_cache, ..Request::get(path.clone()) }).await;
        self.report_read(path, reply, |body| observe(&form, body)).await;
    }

    /// Reports a read whose body says what `observe` makes of it; a 304 says what was stored.
    pub(super) async fn report_read(
        &mut self,
        path: String,
        mut reply: Reply,
        observe: impl FnOnce(&[u8]) -> Option<Observed>,
    ) {
        match (reply.exchange.status, self.stored.get(&path)) {
            (Some(200), _) => match observe(&reply.body) {
                Some(observed) => {
                    reply.exchange.observed = observed.clone();
                    if let Some(tag) = reply.etag {
                        self.stored.insert(path, (tag, observed));
                    }
                }
                None => reply.exchange.failure = Some("a body that cannot be read".to_owned()),
            },
            (Some(304), Some((_, stored))) => reply.exchange.observed = stored.clone(),
            // No module was ever taken away: whoever says that there is none speaks of the time before.
            (Some(404), _) => reply.exchange.observed = observe_missing(&path),
            _ => {}
        }
        self.report(reply.exchange).await;
    }
}

fn observe(form: &Form, body: &[u8]) -> Option<Observed> {
    let list = |complete| {
        let items = serde_json::from_slice::<List>(body).ok()?.items;
        let editions = items.iter().map(Shown::read).collect::<Option<_>>()?;
        Some(Observed::Modules { editions, complete })
    };
    match form {
        Form::Module(module) => {
            let shown = serde_json::from_slice::<Shown>(body).ok()?.read()?;
            (shown.0 == *module).then(|| Observed::Modules { editions: vec![shown], complete: false })
        }
        Form::List => list(true),
        // A search that runs beside a write may miss what is being written: what it lists is checked, not what it leaves out.
        Form::Search => list(false),
    }
}

fn observe_missing(path: &str) -> Observed {
    let module = paths::module_slug(path).and_then(|slug| slug.strip_prefix("chaos-")?.parse().ok());
    module.map_or(Observed::Nothing, |module| Observed::Modules { editions: vec![(module, 0)], complete: false })
}
