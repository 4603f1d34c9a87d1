//! The learner's app, served beside the API where the process was told to: from a folder, or from the files that were built into the
//! program (feature `app`). All files are read, hashed and compressed once, at the start ([`files`]); a request is then one look-up in
//! memory, so that no path leads out of the folder, and a folder that is replaced meanwhile is never seen half new. What headers they
//! have is said by the app itself (`_headers`, [`rules`]), for this program and for the edge alike.
//!
//! Not here: anything that the API answers. Its paths never get here, not even those that it does not know.

#[cfg(feature = "app")]
mod embedded;
mod error;
mod files;
mod media_types;
mod rules;

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use kairos_protocol::api::paths;
use kairos_protocol::http::encoding::{Encoding, negotiate};
use kairos_protocol::http::validator::{entity_tag, none_match_names};

pub use error::ReadError;
use files::{DOCUMENT, File, Files};

/// The label of its responses in metrics.
pub const ROUTE: &str = "app";

/// The app's files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Files>);

/// In the extensions of a response that is a file of the app.
#[derive(Clone, Copy, Debug)]
pub struct Served;

impl App {
    /// The app in `folder`, as `cargo xtask build` leaves it in `web/dist`. Blocks while it compresses: some 0.1 s a megabyte.
    ///
    /// # Errors
    /// It cannot be read, has no `index.html`, is too large, or its `_headers` cannot be kept to.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        Self::new(files::read(folder)?)
    }

    /// The app that was built into the program; `None` if none was.
    ///
    /// # Errors
    /// As [`App::read`].
    pub fn embedded() -> Result<Option<Self>, ReadError> {
        #[cfg(feature = "app")]
        return Self::new(embedded::files()).map(Some);
        #[cfg(not(feature = "app"))]
        Ok(None)
    }

    fn new(found: Vec<files::Found>) -> Result<Self, ReadError> {
        let files = Files::new(found)?;
        if files.get(DOCUMENT).is_none() {
            return Err(ReadError::NoDocument);
        }
        Ok(Self(Arc::new(files)))
    }

    /// How many files it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: it has a document at least.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// The file at `path`; the document where a view of the app may be: at a path that is no file's, by its name. `None` for what
    /// looks like a file and is not there, such as a script of the build before: the document in its place would be no script.
    fn find(&self, path: &str) -> Option<&File> {
        let is_view = || !path.rsplit('/').next().unwrap_or_default().contains('.');
        let view = || self.0.get(DOCUMENT).filter(|_| is_view());
        self.0.get(path).or_else(view)
    }
}

/// Answers what is asked of the app, and leaves the rest to the API: its own paths, other methods than `GET` and `HEAD`, and files that
/// are not there.
pub async fn serve(State(app): State<Option<App>>, request: Request, next: Next) -> Response {
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let path = request.uri().path();
    let found = match &app {
        Some(app) if is_read && !paths::is_of_api(path) => app.find(path),
        _ => None,
    };
    match found {
        Some(file) => respond(file, request.method(), request.headers()),
        None => next.run(request).await,
    }
}

fn respond(file: &File, method: &Method, asked: &HeaderMap) -> Response {
    let accepted = joined(asked, &ACCEPT_ENCODING);
    let (coding, body) = file.in_coding(negotiate(accepted.as_deref(), &file.codings()));
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Served);
    let tag = entity_tag(&file.hash, coding);
    let headers = response.headers_mut();
    headers.extend(file.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, value);
    }
    if file.codings().len() > 1 {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if joined(asked, &IF_NONE_MATCH).is_some_and(|named| none_match_names(&named, &tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    if coding != Encoding::Identity {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
    }
    if method != Method::HEAD {
        *response.body_mut() = Body::from(body);
    }
    response
}

/// All lines of a list-valued field, as one.
fn joined(headers: &HeaderMap, name: &http::HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}
