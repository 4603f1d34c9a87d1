//! What each operation does and answers, for the API's description: one function for each handler, under its name. Not what it takes:
//! the handler's extractors say that.

use aide::openapi::{Header, MediaType, ParameterSchemaOrContent, ReferenceOr, Response, SchemaObject};
use aide::transform::{TransformOperation, TransformResponse};
use axum::Json;
use kairos_protocol::api::account::{KeySet, Profile, TokenGrant};
use kairos_protocol::api::cache::{CacheReport, Purged};
use kairos_protocol::api::catalog::Module;
use kairos_protocol::api::described::{HistoryPage, ModulePage, ModuleReplacement, NewModule, ProgressPage};
use kairos_protocol::api::health::Health;
use kairos_protocol::api::operation::OperationResults;
use kairos_protocol::api::progress::Statistics;
use kairos_protocol::api::tutor::TutorAnswer;
use schemars::{JsonSchema, json_schema};

use crate::extract::Body;

type Operation<'t> = TransformOperation<'t>;

pub(crate) fn list_modules(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("listModules").summary("Published modules, in the order (subject, position, slug).");
    answers::<200, ModulePage>(operation, "A page.")
}

pub(crate) fn create_module(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("createModule").summary("Create a module. For authors.").input::<Body<NewModule>>();
    operation.response_with::<201, Json<Module>, _>(|response| {
        with_header(written(response.description("The module.")), "Location", "The module's path.")
    })
}

pub(crate) fn search_modules(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("searchModules").summary("Published modules that match, best first.");
    answers::<200, ModulePage>(operation, "One page.")
}

pub(crate) fn show_module(operation: Operation<'_>) -> Operation<'_> {
    answers::<200, Module>(operation.id("showModule").summary("One published module."), "The module.")
}

pub(crate) fn replace_module(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("replaceModule").summary("Replace the version of a module that the author has seen.");
    let operation = operation.input::<Body<ModuleReplacement>>();
    operation.response_with::<200, Json<Module>, _>(|response| written(response.description("The module.")))
}

pub(crate) fn delete_module(operation: Operation<'_>) -> Operation<'_> {
    let summary = "Delete the version of a module that the author has seen. What learners did in it stays.";
    let operation = operation.id("deleteModule").summary(summary);
    operation.response_with::<204, (), _>(|response| written(response.description("Deleted.")))
}

pub(crate) fn register(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("register").summary("Create a learner's account and sign in.");
    answers::<201, TokenGrant>(operation, "Signed in.")
}

pub(crate) fn login(operation: Operation<'_>) -> Operation<'_> {
    answers::<200, TokenGrant>(operation.id("login").summary("Sign in."), "Signed in.")
}

pub(crate) fn refresh(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("refresh").summary("Trade a refresh token for new tokens.");
    answers::<200, TokenGrant>(operation, "The next tokens.")
}

pub(crate) fn logout(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("logout").summary("End a session. Twice is no error.");
    operation.response_with::<204, (), _>(|response| response.description("Ended."))
}

pub(crate) fn show_profile(operation: Operation<'_>) -> Operation<'_> {
    answers::<200, Profile>(operation.id("showProfile").summary("Who the access token speaks for."), "The profile.")
}

pub(crate) fn list_progress(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("listProgress").summary("The learner's records, by module.");
    answers::<200, ProgressPage>(operation, "A page.")
}

pub(crate) fn show_statistics(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("showStatistics").summary("Statistics over the learner's records.");
    answers::<200, Statistics>(operation, "The statistics.")
}

pub(crate) fn list_history(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("listHistory").summary("What the learner did, newest first.");
    answers::<200, HistoryPage>(operation, "A page.")
}

pub(crate) fn apply_operations(operation: Operation<'_>) -> Operation<'_> {
    let summary = "Apply what the learner did, each operation exactly once.";
    let operation = operation.id("applyOperations").summary(summary);
    operation.response_with::<200, Json<OperationResults>, _>(|response| {
        written(response.description("What became of each."))
    })
}

pub(crate) fn stream_events(operation: Operation<'_>) -> Operation<'_> {
    let summary = "What changes, as it changes: the generations of the catalogue and of the learner who is signed in.";
    let operation = operation.id("streamEvents").summary(summary);
    operation.response_with::<200, (), _>(|mut response| {
        let media_type = MediaType { schema: Some(a_text()), ..MediaType::default() };
        response.inner().content.insert("text/event-stream".to_owned(), media_type);
        response.description("Events named `generations`, whose data and id are as in `Kairos-Gen`.")
    })
}

pub(crate) fn answer_question(operation: Operation<'_>) -> Operation<'_> {
    let summary = "Ask the tutor. With `Accept: text/event-stream` the answer comes as it is written.";
    let operation = operation.id("answerQuestion").summary(summary);
    operation.response_with::<200, Json<TutorAnswer>, _>(|mut response| {
        let media_type = MediaType { schema: Some(a_text()), ..MediaType::default() };
        response.inner().content.insert("text/event-stream".to_owned(), media_type);
        let degraded = "`default` when there is a model, and the answer only names passages.";
        with_header(response.description("The answer."), "Kairos-Degraded", degraded)
    })
}

pub(crate) fn show_cache(operation: Operation<'_>) -> Operation<'_> {
    let summary = "What this origin stores, and for one path where and how old. For admins.";
    answers::<200, CacheReport>(operation.id("showCache").summary(summary), "What it stores.")
}

pub(crate) fn purge_cache(operation: Operation<'_>) -> Operation<'_> {
    let summary = "Make stored responses unusable, by namespace, module, tag or pattern of paths. For admins.";
    let operation = operation.id("purgeCache").summary(summary);
    operation.response_with::<200, Json<Purged>, _>(|response| written(response.description("What was purged.")))
}

pub(crate) fn show_liveness(operation: Operation<'_>) -> Operation<'_> {
    answers::<200, Health>(operation.id("showLiveness").summary("The process runs."), "It does.")
}

pub(crate) fn show_readiness(operation: Operation<'_>) -> Operation<'_> {
    let summary = "Whether requests are worth sending here: 200 when ready or degraded, 503 when down.";
    answers::<200, Health>(operation.id("showReadiness").summary(summary), "Requests are answered.")
}

pub(crate) fn show_metrics(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("showMetrics").summary("Counters in the Prometheus text format.");
    operation.response_with::<200, (), _>(|mut response| {
        let media_type = MediaType { schema: Some(a_text()), ..MediaType::default() };
        response.inner().content.insert("text/plain".to_owned(), media_type);
        response.description("The counters.")
    })
}

pub(crate) fn show_openapi(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.id("showOpenapi").summary("This description.");
    answers::<200, serde_json::Map<String, serde_json::Value>>(operation, "This.")
}

pub(crate) fn show_key_set(operation: Operation<'_>) -> Operation<'_> {
    let summary = "The keys that access tokens verify against (RFC 7517).";
    answers::<200, KeySet>(operation.id("showKeySet").summary(summary), "The keys.")
}

fn answers<'t, const STATUS: u16, T: JsonSchema>(operation: Operation<'t>, description: &str) -> Operation<'t> {
    operation.response_with::<STATUS, Json<T>, _>(|response| response.description(description))
}

fn written<T>(response: TransformResponse<'_, T>) -> TransformResponse<'_, T> {
    with_header(response, "Kairos-Gen", "The generations from which on the write is seen.")
}

fn a_text() -> SchemaObject {
    SchemaObject { json_schema: json_schema!({ "type": "string" }), external_docs: None, example: None }
}

fn with_header<'t, T>(
    mut response: TransformResponse<'t, T>,
    name: &str,
    description: &str,
) -> TransformResponse<'t, T> {
    let header = Header {
        description: Some(description.to_owned()),
        style: Default::default(),
        required: false,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(a_text()),
        example: None,
        examples: Default::default(),
        extensions: Default::default(),
    };
    let described: &mut Response = response.inner();
    described.headers.insert(name.to_owned(), ReferenceOr::Item(header));
    response
}
