//! `/v1/modules…`: reading for everyone, writing for authors.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kairos_protocol::api::catalog::{Difficulty, MAX_SEARCH_CHARS, MAX_SUBJECT_CHARS, MAX_TAG_CHARS, ModuleDraft};
use kairos_protocol::api::paths;

use super::{with_generations, written};
use crate::domain::catalog::Catalog;
use crate::domain::cursor;
use crate::error::Result;
use crate::extract::{AuthorSession, Body, ModuleSlug, Query, Read};
use crate::response_cache::ResponseCache;
use crate::store::catalog::ModuleFilter;

/// `GET /v1/modules?subject&difficulty&tag&limit&cursor`
pub async fn list_modules(
    State(catalog): State<Arc<Catalog>>,
    State(responses): State<ResponseCache>,
    read: Read,
) -> Result<Response> {
    let query = &read.query;
    let must_be = "beginner, intermediate or advanced";
    let filter = ModuleFilter {
        subject: query.text("subject", MAX_SUBJECT_CHARS)?,
        difficulty: query.value("difficulty", must_be, Difficulty::parse)?,
        tag: query.text("tag", MAX_TAG_CHARS)?,
    };
    let after = cursor::read(query.cursor())?;
    let limit = query.limit()?;
    responses.get_or_load(read.lookup, || catalog.list(filter, after, limit)).await
}

/// `GET /v1/modules/search?q&limit`
pub async fn search_modules(
    State(catalog): State<Arc<Catalog>>,
    State(responses): State<ResponseCache>,
    read: Read,
) -> Result<Response> {
    let words = read.query.text("q", MAX_SEARCH_CHARS)?.ok_or_else(|| Query::missing("q"))?;
    let limit = read.query.limit()?;
    responses.get_or_load(read.lookup, || catalog.search(words, limit)).await
}

/// `GET /v1/modules/{slug}`
pub async fn show_module(
    State(catalog): State<Arc<Catalog>>,
    State(responses): State<ResponseCache>,
    ModuleSlug(slug): ModuleSlug,
    read: Read,
) -> Result<Response> {
    responses.get_or_load(read.lookup, || catalog.show(slug)).await
}

/// `POST /v1/modules`
pub async fn create_module(
    State(catalog): State<Arc<Catalog>>,
    _: AuthorSession,
    Body(draft): Body<ModuleDraft>,
) -> Result<Response> {
    let done = catalog.create(draft).await?;
    let mut response = written(StatusCode::CREATED, &done);
    if let Ok(location) = HeaderValue::from_str(&paths::module(done.value.summary.slug.as_str())) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `PUT /v1/modules/{slug}`
pub async fn replace_module(
    State(catalog): State<Arc<Catalog>>,
    _: AuthorSession,
    ModuleSlug(slug): ModuleSlug,
    Body(draft): Body<ModuleDraft>,
) -> Result<Response> {
    Ok(written(StatusCode::OK, &catalog.replace(&slug, draft).await?))
}

/// `DELETE /v1/modules/{slug}?version`
pub async fn delete_module(
    State(catalog): State<Arc<Catalog>>,
    _: AuthorSession,
    ModuleSlug(slug): ModuleSlug,
    query: Query,
) -> Result<Response> {
    let expected = query.version()?.ok_or_else(|| Query::missing("version"))?;
    let done = catalog.delete(slug, expected).await?;
    Ok(with_generations(StatusCode::NO_CONTENT.into_response(), &done.generations))
}
