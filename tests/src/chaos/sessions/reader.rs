//! A session that only reads the catalogue, as fast as responses come.

use super::Session;

pub(crate) struct Reader(pub(crate) Session);

impl Reader {
    /// Goes on until it is over.
    pub(crate) async fn run(mut self) {
        while !self.0.context.is_over() {
            self.0.listen(None).await;
            self.0.read_catalog().await;
        }
    }
}
