//! Who is at work in a run: how many sessions of each kind, their beginning and their end. Not what each of them does.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::sessions::{Author, Device, Ground, MODULES, Reader, Session};
use super::setup::People;

/// How long learners' devices go on with what is not acknowledged.
const LONGEST_SETTLING: Duration = Duration::from_secs(120);

/// How many sessions of each kind.
pub(super) struct Crew {
    devices: usize,
    pub(super) learners: usize,
    readers: usize,
}

impl Crew {
    /// An author for each module, a third devices (two to a learner), the rest readers.
    pub(super) fn of(sessions: usize) -> Self {
        let devices = (sessions / 3).max(2);
        let readers = sessions.saturating_sub(devices + MODULES).max(1);
        Self { devices, learners: devices.div_ceil(2).min(8), readers }
    }

    pub(super) fn total(&self) -> usize {
        MODULES + self.devices + self.readers
    }

    pub(super) fn begin(&self, ground: &Arc<Ground>, people: &People) -> Working {
        let mut numbers = 0..;
        let mut session = || Session::new(numbers.next().unwrap_or_default(), ground);
        let (mut others, mut devices) = (JoinSet::new(), JoinSet::new());
        for module in 0..MODULES {
            let account = Arc::clone(&people.author);
            let author = Author { session: session(), module, account, edition: 1, version: Some(1) };
            others.spawn(author.run());
        }
        for (learner, account) in people.learners.iter().enumerate().cycle().take(self.devices) {
            devices.spawn(Device::new(session(), learner, account).run());
        }
        for _ in 0..self.readers {
            others.spawn(Reader(session()).run());
        }
        Working { others, devices }
    }
}

/// Sessions at work.
pub(super) struct Working {
    others: JoinSet<()>,
    devices: JoinSet<Device>,
}

impl Working {
    /// Waits for all to end, and for every operation to be acknowledged. Gives the defects of our own that ended one before its time.
    pub(super) async fn settle(mut self) -> Vec<String> {
        let mut defects = Vec::new();
        while let Some(ended) = self.others.join_next().await {
            defects.extend(ended.err().map(|died| format!("a session: {died}")));
        }
        let mut settling = JoinSet::new();
        while let Some(ended) = self.devices.join_next().await {
            match ended {
                Ok(device) => _ = settling.spawn(device.settle()),
                Err(died) => defects.push(format!("a device: {died}")),
            }
        }
        let settled = async { while settling.join_next().await.is_some() {} };
        // What is unsettled then is told: it may count or not.
        let _ = tokio::time::timeout(LONGEST_SETTLING, settled).await;
        defects
    }
}
