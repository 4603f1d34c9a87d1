//! The slug in `/v1/modules/{slug}`.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::operation::ParamLocation;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use kairos_protocol::api::ids::Slug;
use kairos_protocol::api::problem::ProblemType;
use schemars::JsonSchema;

use super::described::describe_parameters;
use crate::error::{AppError, Result};

/// A slug that is one.
pub struct ModuleSlug(pub Slug);

impl<S: Send + Sync> FromRequestParts<S> for ModuleSlug {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let invalid = |why: String| AppError::from(ProblemType::InvalidPath.with_detail(why));
        let parameters = RawPathParams::from_request_parts(parts, state).await;
        let parameters = parameters.map_err(|_| invalid("It is not UTF-8, percent-encoded.".to_owned()))?;
        let text = parameters.iter().find(|(name, _)| *name == "slug").map(|(_, value)| value).unwrap_or_default();
        Slug::new(text).map(Self).map_err(|error| invalid(format!("The slug {error}.")))
    }
}

/// The parameter, for the API's description.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is wanted")]
struct PathParameters {
    slug: Slug,
}

impl OperationInput for ModuleSlug {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe_parameters::<PathParameters>(context, operation, ParamLocation::Path, |_| true);
    }
}
