//! How extractors describe themselves in the API's description. Not what they take out of a request: that is theirs.

use aide::generate::GenContext;
use aide::openapi::{Operation, ParameterSchemaOrContent};
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use kairos_protocol::api::schema::as_on_the_wire;
use schemars::JsonSchema;
use schemars::transform::{RecursiveTransform, Transform as _};

/// Name of the security scheme that access tokens belong to.
pub(crate) const BEARER: &str = "bearer";

/// Says that the operation needs an access token.
pub(crate) fn require_bearer(operation: &mut Operation) {
    operation.security = vec![[(BEARER.to_owned(), Vec::new())].into_iter().collect()];
}

/// Adds those fields of `T` that are `wanted`, each as a parameter.
pub(crate) fn describe_parameters<T: JsonSchema>(
    context: &mut GenContext,
    operation: &mut Operation,
    location: ParamLocation,
    wanted: impl Fn(&str) -> bool,
) {
    let mut schema = T::json_schema(&mut context.schema);
    RecursiveTransform(as_on_the_wire).transform(&mut schema);
    let mut parameters = parameters_from_schema(context, schema, location);
    parameters.retain(|parameter| wanted(&parameter.parameter_data_ref().name));
    for parameter in &mut parameters {
        // It is the parameter's already.
        if let ParameterSchemaOrContent::Schema(schema) = &mut parameter.parameter_data_mut().format {
            schema.json_schema.remove("description");
        }
    }
    add_parameters(context, operation, parameters);
}
