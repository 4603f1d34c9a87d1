//! The API's description (OpenAPI 3.1), made from the routes, from what their extractors say of themselves, and from the wire types.
//! Not written by hand anywhere: `operations` says of each route what its types cannot.

pub(crate) mod operations;
mod parameters;

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::generate::{in_context, infer_responses};
use aide::openapi::{
    Components, Info, License, MediaType, OpenApi, Operation, ReferenceOr, Response, SchemaObject, SecurityScheme,
    Server,
};
use axum::Router;
use kairos_protocol::api::problem::{self, Problem};
use kairos_protocol::api::{paths, schema};
use kairos_protocol::policy::{Policy, Sharing};
use serde_json::value::{RawValue, to_raw_value};

use crate::extract::{BEARER, require_bearer};

/// The description as it is sent: made once, when the service starts.
#[derive(Clone)]
pub struct Description(Arc<RawValue>);

impl Description {
    /// The description as text. `null`, which the tests would find, if it cannot be written as JSON.
    #[must_use]
    pub fn new(document: &OpenApi) -> Self {
        Self(to_raw_value(document).unwrap_or_default().into())
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> Box<RawValue> {
        (*self.0).to_owned()
    }
}

/// The router that `routes` makes, and what it is described as.
pub fn describe<S: Clone + Send + Sync + 'static>(routes: impl FnOnce() -> ApiRouter<S>) -> (Router<S>, OpenApi) {
    in_context(|context| context.schema = schema::settings().into_generator());
    infer_responses(false);
    let mut document = OpenApi { info: info(), servers: vec![at_root()], ..OpenApi::default() };
    let routes = routes();
    let router = routes.finish_api_with(&mut document, |mut api| {
        complete(api.inner_mut());
        api
    });
    (router, document)
}

fn info() -> Info {
    Info {
        title: "Kaïros".to_owned(),
        version: "1".to_owned(),
        description: Some(
            "Course modules and learners' progress through them. `docs/PROTOCOL.md` has the meaning of headers, cache \
             policies and problems."
                .to_owned(),
        ),
        license: Some(License {
            name: "MIT OR Apache-2.0".to_owned(),
            identifier: Some("MIT OR Apache-2.0".to_owned()),
            ..License::default()
        }),
        ..Info::default()
    }
}

fn at_root() -> Server {
    Server { url: "/".to_owned(), ..Server::default() }
}

/// Adds what holds for every operation, or follows from its path.
fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::default);
    let bearer = SecurityScheme::Http {
        scheme: "bearer".to_owned(),
        bearer_format: Some("JWT".to_owned()),
        description: None,
        extensions: Default::default(),
    };
    components.security_schemes.insert(BEARER.to_owned(), ReferenceOr::Item(bearer));
    components.responses.insert("Problem".to_owned(), ReferenceOr::Item(a_problem()));
    for (path, item) in document.paths.iter_mut().flat_map(|paths| &mut paths.paths) {
        let ReferenceOr::Item(item) = item else { continue };
        let get = item.get.as_mut().map(|operation| (operation, paths::query_parameters(path)));
        let delete = item.delete.as_mut().map(|operation| (operation, paths::deletion_parameters(path)));
        let others =
            [item.post.as_mut(), item.put.as_mut()].into_iter().flatten().map(|operation| (operation, &[][..]));
        for (operation, query) in get.into_iter().chain(delete).chain(others) {
            complete_operation(operation, path, query);
        }
    }
}

fn complete_operation(operation: &mut Operation, path: &str, query: &[&str]) {
    parameters::add_query(operation, query);
    if Policy::of_path(path).sharing() == Sharing::Subject {
        require_bearer(operation);
    }
    let responses = operation.responses.get_or_insert_with(Default::default);
    responses.default = Some(ReferenceOr::ref_("#/components/responses/Problem"));
}

fn a_problem() -> Response {
    let json_schema = in_context(|context| context.schema.subschema_for::<Problem>());
    let schema = SchemaObject { json_schema, external_docs: None, example: None };
    let media_type = MediaType { schema: Some(schema), ..MediaType::default() };
    Response {
        description: "A problem.".to_owned(),
        content: [(problem::CONTENT_TYPE.to_owned(), media_type)].into_iter().collect(),
        ..Response::default()
    }
}
