//! Whether the file can be written.

use async_trait::async_trait;

use super::SqliteStore;
use crate::store::{HealthStore, Result};

#[async_trait]
impl HealthStore for SqliteStore {
    async fn ping(&self) -> Result<()> {
        let sql = "INSERT INTO probe (id, number) VALUES (1, 1) ON CONFLICT DO UPDATE SET number = number + 1";
        self.writer.write(|c| c.prepare_cached(sql)?.execute([]).map(drop)).await
    }
}
