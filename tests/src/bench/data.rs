//! What the origin has while it is measured: the sample catalogue, and learners who went through it. Not how it is asked for.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use kairos_origin::auth::keys::Keys;
use kairos_origin::auth::tokens::Tokens;
use kairos_origin::environment::Environment;
use kairos_origin::store::Store;
use kairos_origin::store::progress::FingerprintedOperation;
use kairos_protocol::api::account::Role;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::{Action, Operation};
use tokio::process::Command;

/// Learners.
pub(super) const LEARNERS: usize = 5_000;
/// Learners whose operations are brought in at once.
const BATCH: usize = 250;
/// Modules of the sample catalogue that each of them took.
const MODULES: &[&str] = &[
    "edge-caching",
    "freshness",
    "invalidation",
    "life-of-a-response",
    "measuring-a-cache",
    "offline-first",
    "offline-writes",
    "private-and-shared",
    "serving-stale",
    "validation",
    "vary",
    "why-caches",
];
/// The module that is read.
pub(super) const MODULE: &str = "/v1/modules/freshness";

/// Imports the catalogue with `import`, the origin's own command, and brings in what learners did. Returns their tokens.
pub(super) async fn fill(store: &Arc<dyn Store>, import: &mut Command) -> Result<Vec<String>> {
    let output = import.stdin(Stdio::null()).output().await.context("the origin cannot be started")?;
    ensure!(output.status.success(), "the import failed: {}", String::from_utf8_lossy(&output.stderr));
    let environment = Environment::system();
    let now = environment.now();
    let learners: Vec<UserId> = (0..LEARNERS).map(learner).collect::<Result<_>>()?;
    for batch in learners.chunks(BATCH) {
        let mut operations = Vec::new();
        for user in batch {
            for (index, module) in MODULES.iter().enumerate() {
                let submit = Action::Submit { score: Some(u8::try_from(30 + index * 5)?) };
                for (number, action) in [Action::Study { seconds: 600 }, submit].into_iter().enumerate() {
                    let id = OperationId::new(format!("bench-{user}-{index}-{number}"))?;
                    let operation = Operation { id, module: Slug::new(*module)?, at_ms: now - 86_400_000, action };
                    operations.push((user.clone(), FingerprintedOperation::new(operation)));
                }
            }
        }
        store.import_operations(&operations, now).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    }
    let no_key = |error| anyhow::anyhow!("no signing key: {error:?}");
    let keys = Keys::new(Arc::<dyn Store>::clone(store), environment.clone());
    let tokens = Tokens::new(&keys.current().await.map_err(no_key)?.keys, keys, environment);
    let sign = |user: &UserId| tokens.sign(user, &[Role::Learner]).map_err(|_| anyhow::anyhow!("no token"));
    learners.iter().map(sign).collect()
}

/// One of them.
pub(super) fn learner(number: usize) -> Result<UserId> {
    Ok(UserId::new(format!("bench{number:05}"))?)
}

/// Where the sample catalogue is.
pub(super) fn catalog() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).join("catalog")
}
