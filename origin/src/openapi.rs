//! The API's description, `openapi.json` beside the sources. A test holds it to the routes, the problem types and real responses.

use kairos_protocol::api::problem::ProblemType;
use serde_json::Value;

use crate::error::{AppError, Result};

/// The OpenAPI 3.1 document.
///
/// # Errors
/// The file is no JSON: a defect, found by the first test that reads it.
pub fn document() -> Result<Value> {
    serde_json::from_str(include_str!("../openapi.json"))
        .map_err(|error| AppError::with_cause(ProblemType::Internal, format!("openapi.json: {error}")))
}
