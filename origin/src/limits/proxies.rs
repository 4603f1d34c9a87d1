//! Where a request comes from: the connection's other end, or what a proxy there says that is trusted (`X-Forwarded-For`). Not
//! `Forwarded` (RFC 7239): of two headers a caller could send the one that the proxy does not know and hands on.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;
use ipnet::IpNet;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// Bits of an IPv6 address that say which network it is in: a host has all of the addresses there.
const NETWORK_BITS: u32 = 64;

/// The networks of proxies that say truly for whom they ask. By default there are none.
#[derive(Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    was_silent: AtomicBool,
}

impl Clone for TrustedProxies {
    fn clone(&self) -> Self {
        Self::new(self.networks.clone())
    }
}

impl TrustedProxies {
    /// Those in `networks`.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self { networks, was_silent: AtomicBool::new(false) }
    }

    /// The address that asks, of IPv6 its network (/64): the first from the right in `X-Forwarded-For` that is no trusted proxy, if
    /// the connection is one's. `None` where a trusted proxy does not say for whom it asks: nobody pays for the others then.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return Some(network(client));
        }
        let mut values = headers.get_all(X_FORWARDED_FOR).iter().rev().peekable();
        if values.peek().is_none() {
            if !self.was_silent.swap(true, Ordering::Relaxed) {
                tracing::info!(proxy = %client, "a trusted proxy sends no X-Forwarded-For: no limits by address");
            }
            return None;
        }
        let hops = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            // Whatever is left of it was said by nobody who is trusted.
            let Some(address) = parse(hop.trim()) else { break };
            client = address.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        Some(network(client))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// An address, with a port or without.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(host) => Ipv6Addr::from_bits(host.to_bits() & (u128::MAX << (128 - NETWORK_BITS))).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_from_the_right_that_is_no_proxy_asks() {
        let networks = ["127.0.0.0/8", "10.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap());
        let proxies = TrustedProxies::new(networks.to_vec());
        for (peer, forwarded, asks) in [
            ("192.0.2.1", &[][..], Some("192.0.2.1")),
            ("192.0.2.1", &["198.51.100.1"], Some("192.0.2.1")),
            ("127.0.0.1", &[], None),
            ("127.0.0.1", &["192.0.2.9"], Some("192.0.2.9")),
            ("::ffff:127.0.0.1", &["192.0.2.9"], Some("192.0.2.9")),
            ("127.0.0.1", &["198.51.100.1, 192.0.2.9"], Some("192.0.2.9")),
            ("127.0.0.1", &["198.51.100.1", "192.0.2.9"], Some("192.0.2.9")),
            ("127.0.0.1", &["198.51.100.1, 192.0.2.9, 10.1.2.3"], Some("192.0.2.9")),
            ("127.0.0.1", &["192.0.2.9:4711"], Some("192.0.2.9")),
            ("127.0.0.1", &["unknown, 10.1.2.3"], Some("10.1.2.3")),
            ("127.0.0.1", &["unknown"], Some("127.0.0.1")),
            ("127.0.0.1", &[""], Some("127.0.0.1")),
            ("127.0.0.1", &["10.0.0.1, 10.0.0.2"], Some("10.0.0.1")),
            ("127.0.0.1", &["[2001:db8:1:2:3:4:5:6]:80"], Some("2001:db8:1:2::")),
            ("2001:db8:1:2:ffff::1", &[], Some("2001:db8:1:2::")),
        ] {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(X_FORWARDED_FOR, value.parse().unwrap());
            }
            let found = proxies.client(peer.parse().unwrap(), &headers);
            assert_eq!(found, asks.map(|address| address.parse().unwrap()), "{peer} {forwarded:?}");
        }
    }
}
