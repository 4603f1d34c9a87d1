//! The sessions of a run: how many of each kind, their beginning and their end. Not what each of them does.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::sessions::{Author, Device, MODULES, Reader, RunContext, Session};
use super::setup::Accounts;

/// How long learners' devices go on with what is not acknowledged.
const LONGEST_FINISHING: Duration = Duration::from_secs(120);

/// How many sessions of each kind.
pub(super) struct WorkerCounts {
    devices: usize,
    pub(super) learners: usize,
    readers: usize,
}

impl WorkerCounts {
    /// An author for each module, a third devices (two to a learner), the rest readers.
    pub(super) fn of(sessions: usize) -> Self {
        let devices = (sessions / 3).max(2);
        let readers = sessions.saturating_sub(devices + MODULES).max(1);
        Self { devices, learners: devices.div_ceil(2).min(8), readers }
    }

    pub(super) fn total(&self) -> usize {
        MODULES + self.devices + self.readers
    }
}

/// Sessions that run.
pub(super) struct Workers {
    others: JoinSet<()>,
    devices: JoinSet<Device>,
}

impl Workers {
    pub(super) fn start(counts: &WorkerCounts, context: &Arc<RunContext>, accounts: &Accounts) -> Self {
        let mut numbers = 0..;
        let mut session = || Session::new(numbers.next().unwrap_or_default(), context);
        let (mut others, mut devices) = (JoinSet::new(), JoinSet::new());
        for module in 0..MODULES {
            let account = Arc::clone(&accounts.author);
            let author = Author { session: session(), module, account, edition: 1, version: Some(1) };
            others.spawn(author.run());
        }
        for (learner, account) in accounts.learners.iter().enumerate().cycle().take(counts.devices) {
            devices.spawn(Device::new(session(), learner, account).run());
        }
        for _ in 0..counts.readers {
            others.spawn(Reader(session()).run());
        }
        Self { others, devices }
    }

    /// Waits for all to end, and for every operation to be acknowledged. Gives the defects of our own that ended one before its time.
    pub(super) async fn finish(mut self) -> Vec<String> {
        let mut defects = Vec::new();
        while let Some(ended) = self.others.join_next().await {
            defects.extend(ended.err().map(|died| format!("a session: {died}")));
        }
        let mut finishing = JoinSet::new();
        while let Some(ended) = self.devices.join_next().await {
            match ended {
                Ok(device) => _ = finishing.spawn(device.finish()),
                Err(died) => defects.push(format!("a device: {died}")),
            }
        }
        let finished = async { while finishing.join_next().await.is_some() {} };
        // What is not acknowledged then is reported: it may count or not.
        let _ = tokio::time::timeout(LONGEST_FINISHING, finished).await;
        defects
    }
}
