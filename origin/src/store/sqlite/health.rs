//! Whether the file can be written.

use async_trait::async_trait;

use super::{SqliteStore, statements};
use crate::store::{HealthStore, Result};

#[async_trait]
impl HealthStore for SqliteStore {
    async fn ping(&self) -> Result<()> {
        self.writer.write("probe.write", |c| c.prepare_cached(statements::WRITE_PROBE)?.execute([]).map(drop)).await
    }
}
