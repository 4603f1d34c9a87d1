//! `explain` of every shape on the data that is there: which plan, how much it examines, what to add. Reads only, and does not create
//! what is missing. Not the shapes ([`super::shapes`]), nor what the queries are asked with ([`super::samples`]).

use std::collections::BTreeSet;

use mongodb::bson::{Bson, Document, doc};

use super::forms::{Form, all_forms};
use super::plan::{Plan, SEVERAL_SHARDS};
use super::samples::Samples;
use super::{MongoStore, indexes};
use crate::store::Result;
use crate::store::explain::{Assessment, Explained};

const EACH_ON_ITS_SHARD: &str = "it asks about several at once, each of which is on its shard";

impl MongoStore {
    /// Every shape in each of its forms, with values sampled from the data so that it finds something.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let this account read.
    pub async fn explain(&self) -> Result<Vec<Explained>> {
        let database = self.database.clone();
        let work = async move {
            let samples = Samples::take(&database).await?;
            let missing = indexes::missing(&database).await?;
            let mut explained = Vec::new();
            for form in all_forms(&samples) {
                let question = doc! { "explain": form.command.clone(), "verbosity": "executionStats" };
                let plan = match database.run_command(question).await {
                    Ok(reply) => Plan::read(&reply),
                    Err(error) => Plan::refused(error)?,
                };
                explained.push(evaluate(form, plan, &missing));
            }
            Ok(explained)
        };
        self.ask(work).await
    }
}

fn evaluate(form: Form, plan: Plan, missing: &[(&'static str, String)]) -> Explained {
    let assessment = match (plan.fault(), form.shape.reason) {
        _ if form.is_of_many && plan.fault() == Some(SEVERAL_SHARDS) => {
            Assessment::Excused { reason: EACH_ON_ITS_SHARD }
        }
        (Some(wrong), _) => Assessment::Bad { advice: format!("{wrong}; {}", advise(&form, missing)) },
        (None, _) if plan.counted.returned == 0 => Assessment::Untried,
        (None, None) if plan.sorts() => {
            Assessment::Bad { advice: format!("it sorts in memory; {}", advise(&form, missing)) }
        }
        (None, None) if !plan.counted.is_tight() => {
            Assessment::Bad { advice: format!("it examines more than it returns; {}", advise(&form, missing)) }
        }
        (None, Some(reason)) if plan.sorts() || !plan.counted.is_tight() => Assessment::Excused { reason },
        (None, _) => Assessment::Good,
    };
    Explained {
        shape: form.shape.name,
        form: form.name,
        collection: form.shape.collection,
        purpose: form.shape.purpose,
        stages: plan.stages,
        indexes: plan.indexes,
        counted: Some(plan.counted),
        assessment,
    }
}

/// What to add: the index that is missing, else one with the fields in the order that serves the query best.
fn advise(form: &Form, missing: &[(&'static str, String)]) -> String {
    let missing: Vec<&str> = missing
        .iter()
        .filter(|(collection, _)| *collection == form.shape.collection)
        .map(|(_, name)| &**name)
        .collect();
    if !missing.is_empty() {
        return format!("kairos-origin indexes --create adds {}", missing.join(" and "));
    }
    format!("an index on {{{}}} would serve it", fields(&form.command).join(", "))
}

/// Fields compared for equality, then those of the order, then those of ranges.
fn fields(command: &Document) -> Vec<String> {
    let filter = command.get_document("filter").cloned().unwrap_or_default();
    let branches = filter.get_array("$or").cloned().unwrap_or_else(|_| vec![Bson::Document(filter)]);
    let (mut equal, mut ranges) = (Vec::new(), BTreeSet::new());
    for (field, value) in branches.iter().filter_map(Bson::as_document).flatten() {
        let is_range = value.as_document().is_some_and(|operators| !operators.contains_key("$in"));
        if is_range || field.starts_with('$') {
            ranges.insert(field.clone());
        } else if !equal.contains(field) {
            equal.push(field.clone());
        }
    }
    let sort = command.get_document("sort").into_iter().flatten().map(|(field, _)| field.clone());
    let mut all: Vec<String> = Vec::new();
    for field in equal.into_iter().filter(|field| !ranges.contains(field)).chain(sort).chain(ranges.iter().cloned()) {
        if !field.starts_with('$') && !all.contains(&field) {
            all.push(field);
        }
    }
    all
}
