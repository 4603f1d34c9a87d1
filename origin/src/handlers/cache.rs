//! `/v1/admin/cache…`: what this origin stores, and purging it, for admins.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kairos_protocol::api::cache::{CacheReport, MAX_PATTERN_CHARS, PurgeRequest};
use kairos_protocol::api::health::RedisHealth;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::policy::{Policy, Sharing};

use super::written;
use crate::cache::Cache;
use crate::domain::purge::{Purge, Purges};
use crate::error::Result;
use crate::extract::{AdminSession, Body, Query};
use crate::response_cache::{CacheRequest, Lookup, ResponseCache};

/// `GET /v1/admin/cache?path&user`
pub async fn show_cache(
    State(responses): State<ResponseCache>,
    State(cache): State<Cache>,
    _: AdminSession,
    query: Query,
) -> Result<Json<CacheReport>> {
    let stored = match asked_about(&query)? {
        Some(lookup) => Some(responses.report_of(&lookup).await),
        None => None,
    };
    let redis = RedisHealth::of(cache.shared_is_reached());
    let (memory, policies) = (responses.memory_report(), responses.policy_reports());
    Ok(Json(CacheReport { memory, redis, policies, stored }))
}

/// `POST /v1/admin/cache/purge`
pub async fn purge_cache(
    State(purges): State<Arc<Purges>>,
    State(responses): State<ResponseCache>,
    _: AdminSession,
    Body(request): Body<PurgeRequest>,
) -> Result<Response> {
    let done = purges.purge(&Purge::read(request)?).await?;
    responses.drop_purged(&done.generations);
    Ok(written(StatusCode::OK, &done))
}

/// The look-up that a read of `path` would make, by `user` where that matters.
fn asked_about(query: &Query) -> Result<Option<Lookup>> {
    let user = query.value("user", "an account's id", |text| UserId::new(text).ok())?;
    let Some(target) = query.text("path", MAX_PATTERN_CHARS)? else {
        return if user.is_some() { Err(Query::missing("path")) } else { Ok(None) };
    };
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let policy = Policy::of_path(path);
    if Policy::stored().all(|stored| stored != policy) {
        return Err(invalid("path", "is none whose responses are stored"));
    }
    let subject = user.filter(|_| policy.sharing() == Sharing::Subject);
    if policy.sharing() == Sharing::Subject && subject.is_none() {
        return Err(Query::missing("user"));
    }
    let key =
        paths::canonical_target(path, query).map_err(|_| invalid("path", "has a query that its route refuses"))?;
    Ok(Some(Lookup { policy, subject, key: key.to_string(), request: CacheRequest::default(), nothing_shared: None }))
}

fn invalid(name: &str, detail: &str) -> crate::error::AppError {
    ProblemType::InvalidQuery.with_detail(format!("`{name}` {detail}.")).with_errors([(name, detail)]).into()
}
