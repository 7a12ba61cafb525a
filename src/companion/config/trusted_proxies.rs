//! The proxies whose headers about the original request are trusted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::document::Report;

use super::source::{Located, Source};

/// The proxies whose headers about the original request are trusted. None by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct TrustedProxies {
    networks: Vec<Network>,
    unix: bool,
}

/// A network: addresses with the same prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

/// The shortest allowed prefix, that of `10.0.0.0/8` and `fd00::/8`. Larger networks are not private.
const MIN_PREFIX: u8 = 8;

pub(super) fn read(source: &Source) -> Result<TrustedProxies, Report> {
    let mut proxies = TrustedProxies::default();
    for found in source.list("trusted_proxies")?.unwrap_or_default() {
        if found.value == "unix" {
            proxies.unix = true;
        } else {
            proxies.networks.push(network(&found)?);
        }
    }
    Ok(proxies)
}

fn network(found: &Located<'_>) -> Result<Network, Report> {
    let network = Network::parse(&found.value).ok_or_else(|| {
        let help = "write an address like `10.1.2.3`, a network like `10.1.0.0/16`, or `unix`";
        found.error("is not a network", help)
    })?;
    // T28: if every peer is trusted, any client can set the original request.
    if network.bits < MIN_PREFIX {
        let help = "list the proxies, or a network with only the proxies in it";
        return Err(found.error("is too large: it trusts almost every address", help));
    }
    let first = network.first();
    if first != network.address {
        let help = format!("write `{first}/{}`", network.bits);
        return Err(found.error("has host bits set", &help));
    }
    Ok(network)
}

// === impl TrustedProxies ===

impl TrustedProxies {
    /// Those of the configuration.
    #[cfg(test)]
    pub(crate) fn of(list: &[&str]) -> Self {
        let networks = list.iter().filter_map(|text| Network::parse(text));
        Self {
            networks: networks.collect(),
            unix: list.contains(&"unix"),
        }
    }

    /// Whether a peer with this address is trusted.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        // A socket on `[::]` has IPv4 peers as `::ffff:10.1.2.3`.
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }

    /// Whether peers on the unix socket are trusted.
    pub(crate) const fn contains_unix(&self) -> bool {
        self.unix
    }
}

// === impl Network ===

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => {
                let digits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
                (address, Some(bits.parse::<u8>().ok().filter(|_| digits)?))
            }
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        // Peers are compared in their canonical form, which never is `::ffff:10.1.2.3`.
        let canonical = address.to_canonical();
        if canonical != address
            && let Some(bits) = bits.checked_sub(128 - 32)
        {
            let address = canonical;
            return (bits <= 32).then_some(Self { address, bits });
        }
        (bits <= most).then_some(Self { address, bits })
    }

    fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && Self { address, ..*self }.first() == self.address
    }

    /// Its first address.
    fn first(&self) -> IpAddr {
        let bits = u32::from(self.bits);
        match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        }
    }
}
