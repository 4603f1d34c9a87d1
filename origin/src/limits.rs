//! How often one may sign in, register and write: by account, by learner, and by where it comes from. Counted in this process, so each
//! instance has limits of its own, and a restart begins anew. Not how many may do so at once ([`crate::auth::passwords`]), and not
//! questions to the tutor, which are counted by the day ([`crate::tutor`]).

mod keyed;
mod proxies;

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;
use tokio::time::sleep;

use crate::auth::precis::email_key;
use crate::domain::error::{DomainError, Result};
use keyed::KeyedLimit;
pub use keyed::Rate;
pub use proxies::TrustedProxies;

/// How often those are forgotten who have all of their burst again.
const SWEEP_PERIOD: Duration = Duration::from_secs(10);

/// What is allowed, each by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Attempts to sign in to one account, right or wrong, from wherever.
    pub account_sign_ins: Rate,
    /// Attempts to sign in from one address: a school of a thousand has one.
    pub address_sign_ins: Rate,
    /// Accounts made from one address.
    pub address_registrations: Rate,
    /// Batches of operations of one learner, of a hundred operations each.
    pub learner_batches: Rate,
    /// Modules that one author makes, replaces or deletes.
    pub author_writes: Rate,
}

impl Default for Rates {
    /// What `serve` allows. Guessing a password gets 14,400 attempts a day; a school of 1,000 signs in within a minute and registers
    /// within twelve; an outbox of 12,000 operations is sent without a pause.
    fn default() -> Self {
        Self {
            account_sign_ins: Rate { burst: 30, per_minute: 10 },
            address_sign_ins: Rate { burst: 600, per_minute: 600 },
            address_registrations: Rate { burst: 300, per_minute: 60 },
            learner_batches: Rate { burst: 120, per_minute: 120 },
            author_writes: Rate { burst: 300, per_minute: 120 },
        }
    }
}

/// What is limited, and whose word is taken for where a request comes from. By default nothing is, and nobody's.
#[derive(Clone, Debug, Default)]
pub struct RateLimitConfig {
    /// `None` limits nothing.
    pub rates: Option<Rates>,
    /// Those who may say for whom they ask.
    pub trusted_proxies: TrustedProxies,
}

/// See the module.
pub struct RateLimits {
    limits: Option<Arc<Limits>>,
    trusted_proxies: TrustedProxies,
}

struct Limits {
    account_sign_ins: KeyedLimit,
    address_sign_ins: KeyedLimit,
    address_registrations: KeyedLimit,
    learner_batches: KeyedLimit,
    author_writes: KeyedLimit,
}

impl RateLimits {
    /// Nobody has done anything yet. Needs a runtime, where it forgets those who did nothing for a while.
    #[must_use]
    pub fn new(config: RateLimitConfig) -> Self {
        let RateLimitConfig { rates, trusted_proxies } = config;
        let limits = rates.map(|rates| {
            let limits = Arc::new(Limits {
                account_sign_ins: KeyedLimit::new(rates.account_sign_ins),
                address_sign_ins: KeyedLimit::new(rates.address_sign_ins),
                address_registrations: KeyedLimit::new(rates.address_registrations),
                learner_batches: KeyedLimit::new(rates.learner_batches),
                author_writes: KeyedLimit::new(rates.author_writes),
            });
            tokio::spawn(sweep(Arc::downgrade(&limits)));
            limits
        });
        Self { limits, trusted_proxies }
    }

    /// Whose word is taken for where a request comes from.
    #[must_use]
    pub const fn trusted_proxies(&self) -> &TrustedProxies {
        &self.trusted_proxies
    }

    /// Somebody at `address`, where that is known, tries to sign in to the account of `email`. Ask before the password is looked at.
    ///
    /// # Errors
    /// [`ProblemType::TooManyRequests`], whether there is such an account or not.
    pub fn count_sign_in(&self, address: Option<IpAddr>, email: &str) -> Result<()> {
        let Some(limits) = &self.limits else { return Ok(()) };
        // Who is refused by address uses up nothing of the account.
        count_from(("sign-ins-by-address", &limits.address_sign_ins), address, "Too many sign in from your network.")?;
        count(
            ("sign-ins-by-account", &limits.account_sign_ins),
            &email_key(email),
            "Too many attempts to sign in to this account.",
        )
    }

    /// Somebody at `address`, where that is known, makes an account.
    ///
    /// # Errors
    /// [`ProblemType::TooManyRequests`].
    pub fn count_registration(&self, address: Option<IpAddr>) -> Result<()> {
        let Some(limits) = &self.limits else { return Ok(()) };
        count_from(("registrations", &limits.address_registrations), address, "Too many register from your network.")
    }

    /// `user` sends a batch of operations.
    ///
    /// # Errors
    /// [`ProblemType::TooManyRequests`]: none of it was looked at.
    pub fn count_batch(&self, user: &UserId) -> Result<()> {
        let Some(limits) = &self.limits else { return Ok(()) };
        count(
            ("operations", &limits.learner_batches),
            user,
            "You send operations too often. None of these was looked at.",
        )
    }

    /// `author` makes, replaces or deletes a module.
    ///
    /// # Errors
    /// [`ProblemType::TooManyRequests`].
    pub fn count_module_write(&self, author: &UserId) -> Result<()> {
        let Some(limits) = &self.limits else { return Ok(()) };
        count(("module-writes", &limits.author_writes), author, "You change modules too often.")
    }
}

/// A limit, with what it is called in metrics.
type Named<'l> = (&'static str, &'l KeyedLimit);

fn count_from(limit: Named<'_>, address: Option<IpAddr>, detail: &str) -> Result<()> {
    address.map_or(Ok(()), |address| count(limit, &address, detail))
}

fn count((name, limit): Named<'_>, key: &impl Hash, detail: &str) -> Result<()> {
    limit.count(key).map_err(|wait| {
        metrics::counter!("kairos_rate_limited_total", "limit" => name).increment(1);
        let secs = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        let detail = format!("{detail} Try again in {secs} s.");
        DomainError::retry_later(ProblemType::TooManyRequests.with_detail(detail), secs)
    })
}

async fn sweep(limits: Weak<Limits>) {
    loop {
        sleep(SWEEP_PERIOD).await;
        let Some(limits) = limits.upgrade() else { return };
        let Limits { account_sign_ins, address_sign_ins, address_registrations, learner_batches, author_writes } =
            limits.as_ref();
        for limit in [account_sign_ins, address_sign_ins, address_registrations, learner_batches, author_writes] {
            limit.sweep();
        }
    }
}
