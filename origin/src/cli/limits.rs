//! The options about how often one may sign in and write. Not what is allowed ([`crate::limits::Rates`]).

use std::net::IpAddr;

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use crate::limits::{RateLimitConfig, Rates, TrustedProxies};

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits")]
/// How often one may sign in and write.
pub(super) struct LimitOptions {
    /// Whether sign-ins, registrations and writes that come too often are refused (429)
    #[arg(long, env = "KAIROS_RATE_LIMITS", value_name = "on|off", default_value = "on")]
    rate_limits: Switch,
    /// Network of proxies whose X-Forwarded-For is believed; may be given several times
    #[arg(
        long = "trusted-proxy", env = "KAIROS_TRUSTED_PROXIES", value_name = "CIDR", value_delimiter = ',',
        default_value = "127.0.0.0/8,::1/128", value_parser = network
    )]
    trusted_proxies: Vec<IpNet>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl LimitOptions {
    /// What they say.
    pub(super) fn config(&self) -> RateLimitConfig {
        let rates = (self.rate_limits == Switch::On).then(Rates::default);
        RateLimitConfig { rates, trusted_proxies: TrustedProxies::new(self.trusted_proxies.clone()) }
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let host = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| host()).map_err(|_| "must be a network such as 10.0.0.0/8, or an address".to_owned())
}
