//! How many questions may be asked a day (UTC): by one learner, and by all of them. Counted in this process, so each instance has limits of
//! its own, and a restart begins anew. Not the number of answers at once ([`super::Tutor`]).

use std::collections::HashMap;
use std::sync::Arc;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;
use parking_lot::Mutex;

use crate::domain::error::{DomainError, Result};
use crate::environment::Clock;

const DAY_MS: UnixMillis = 24 * 60 * 60 * 1_000;

/// The counts of a day. There is an entry only for who asked, so there are never more than questions for all.
pub(super) struct Limits {
    clock: Arc<dyn Clock>,
    learner_daily: u32,
    daily: u32,
    today: Mutex<Today>,
}

#[derive(Default)]
struct Today {
    day: UnixMillis,
    all: u32,
    by_learner: HashMap<UserId, u32>,
}

impl Limits {
    /// Nobody has asked yet.
    pub(super) fn new(learner_daily: u32, daily: u32, clock: Arc<dyn Clock>) -> Self {
        Self { clock, learner_daily, daily, today: Mutex::default() }
    }

    /// Counts a question by `user`.
    ///
    /// # Errors
    /// [`ProblemType::TooManyRequests`] until the day ends; then it is not counted.
    pub(super) fn count(&self, user: &UserId) -> Result<()> {
        let now = self.clock.now();
        let mut today = self.today.lock();
        if today.day != now.div_euclid(DAY_MS) {
            *today = Today { day: now.div_euclid(DAY_MS), ..Today::default() };
        }
        let by_learner = today.by_learner.get(user).copied().unwrap_or(0);
        if by_learner >= self.learner_daily {
            return Err(too_many(format!("You may ask {} questions a day.", self.learner_daily), now));
        }
        if today.all >= self.daily {
            return Err(too_many("All learners together have asked as much as they may today.".to_owned(), now));
        }
        today.all += 1;
        today.by_learner.insert(user.clone(), by_learner + 1);
        Ok(())
    }
}

fn too_many(detail: String, now: UnixMillis) -> DomainError {
    let day_ends_in_ms = DAY_MS - now.rem_euclid(DAY_MS);
    let secs = u32::try_from(day_ends_in_ms.div_euclid(1_000) + 1).unwrap_or(u32::MAX);
    DomainError::retry_later(ProblemType::TooManyRequests.with_detail(detail), secs)
}
