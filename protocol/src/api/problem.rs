//! The one error envelope (RFC 9457) and every `type` it can have. Not how an error becomes one: that is each tier's.

use serde::{Deserialize, Serialize};

/// Media type of an error response.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// An error response (RFC 9457). `type` is stable: programs may match on it; `detail` is for people and may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Problem {
    /// Stable: programs may match on it.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = ProblemType::uris())))]
    pub uri: String,
    /// What kind of problem, in a few words; the same for every problem of this type.
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schemars(range(min = 400, max = 599)))]
    pub status: u16,
    /// What is wrong this time and what to do about it. For people; may change.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Fields with a bad value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// The field's name in the body or query.
    pub field: String,
    /// What it must be.
    pub detail: String,
}

macro_rules! problem_types {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $title:literal;)*) => {
        /// Every kind of problem a response can have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemType { $($(#[$doc])* $name,)* }

        impl ProblemType {
            /// All of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Every `type`, in the same order.
            #[must_use]
            pub fn uris() -> Vec<&'static str> {
                Self::ALL.iter().map(|kind| kind.uri()).collect()
            }

            /// Its name in code, the same in every language.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The stable `type`.
            #[must_use]
            pub const fn uri(self) -> &'static str {
                match self { $(Self::$name => concat!("urn:kairos:problem:", $slug),)* }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The title.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

problem_types! {
    /// The body is not JSON.
    MalformedJson = "malformed-json", 400, "The body is not valid JSON";
    /// The body is JSON, but not of the route's shape: a field is missing, unknown or of the wrong kind.
    InvalidBody = "invalid-body", 422, "The body does not have the expected shape";
    /// The shape is right, a value is not; `errors` names the fields.
    InvalidFields = "invalid-fields", 422, "A field has an invalid value";
    /// A query parameter is unknown, missing, doubled or out of range; `errors` names it.
    InvalidQuery = "invalid-query", 400, "A query parameter is invalid";
    /// The cursor was not given out by this route.
    InvalidCursor = "invalid-cursor", 400, "The cursor is not valid";
    /// The path has no such form, for example a slug with a capital.
    InvalidPath = "invalid-path", 400, "The path is not valid";
    /// No access token, or one that is not a token of ours.
    Unauthenticated = "unauthenticated", 401, "Sign in first";
    /// The access token was valid once: refresh it.
    TokenExpired = "token-expired", 401, "The access token has expired";
    /// The access token's signature or form is wrong.
    TokenInvalid = "token-invalid", 401, "The access token is not valid";
    /// Email or password is wrong; which one is not said.
    WrongCredentials = "wrong-credentials", 401, "Email or password is wrong";
    /// The refresh token is unknown, expired, or was used before.
    RefreshTokenInvalid = "refresh-token-invalid", 401, "The session has ended";
    /// The account lacks the role.
    Forbidden = "forbidden", 403, "The account may not do this";
    /// No such route or thing.
    NotFound = "not-found", 404, "There is nothing here";
    /// The route exists, the method does not; `Allow` lists those that do.
    MethodNotAllowed = "method-not-allowed", 405, "The method is not allowed here";
    /// The body did not arrive in time. The connection is closed; sending it again is safe.
    RequestTimeout = "request-timeout", 408, "The request took too long to arrive";
    /// An account with this email exists.
    EmailTaken = "email-taken", 409, "The email already has an account";
    /// A module with this slug exists.
    SlugTaken = "slug-taken", 409, "The slug is already taken";
    /// The module changed since the version that the request names.
    VersionConflict = "version-conflict", 409, "The module has changed meanwhile";
    /// The operation's id was used for another operation.
    OperationIdReused = "operation-id-reused", 409, "The operation id was used for another operation";
    /// The operation's module does not exist.
    UnknownModule = "unknown-module", 422, "There is no such module";
    /// The body is larger than the route takes.
    BodyTooLarge = "body-too-large", 413, "The body is too large";
    /// The path and query are longer than any of ours.
    UriTooLong = "uri-too-long", 414, "The path and query are too long";
    /// The body's media type is not `application/json`.
    UnsupportedMediaType = "unsupported-media-type", 415, "The body must be application/json";
    /// Something was asked too often: `Retry-After` says when to go on. Nothing was done.
    TooManyRequests = "too-many-requests", 429, "Too many requests";
    /// A defect in Kaïros itself; the log has the details.
    Internal = "internal", 500, "Something went wrong on our side";
    /// The edge got no usable response from the origin.
    BadGateway = "bad-gateway", 502, "The origin gave no usable response";
    /// A dependency is down or too slow; `Retry-After` says when to try again. A write may have happened all the same.
    Unavailable = "unavailable", 503, "Temporarily unavailable";
    /// The request wants a stored response only (`only-if-cached`), and the edge has none that it may give.
    NotCached = "not-cached", 504, "There is no stored response";
}

impl ProblemType {
    /// The problem with a detail for this occasion.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Problem {
        Problem {
            uri: self.uri().to_owned(),
            title: self.title().to_owned(),
            status: self.status(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }
}

impl Problem {
    /// The same problem, naming the fields that are wrong.
    #[must_use]
    pub fn with_errors<F: Into<String>, D: Into<String>>(mut self, errors: impl IntoIterator<Item = (F, D)>) -> Self {
        let field_error = |(field, detail): (F, D)| FieldError { field: field.into(), detail: detail.into() };
        self.errors = errors.into_iter().map(field_error).collect();
        self
    }
}
