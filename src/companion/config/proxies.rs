//! Proxies whose word counts: what they say of the original request is believed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::document::Report;

use super::source::{Found, Source};

/// Whose headers about the original request count. By default nobody's.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Proxies {
    networks: Vec<Network>,
    unix: bool,
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

/// The fewest bits that a network may have, those of `10.0.0.0/8` and `fd00::/8`. Larger ones are
/// nobody's own.
const FEWEST_BITS: u8 = 8;

pub(super) fn read(source: &Source) -> Result<Proxies, Report> {
    let mut proxies = Proxies::default();
    for found in source.list("trusted_proxies")?.unwrap_or_default() {
        if found.value == "unix" {
            proxies.unix = true;
        } else {
            proxies.networks.push(network(&found)?);
        }
    }
    Ok(proxies)
}

fn network(found: &Found<'_>) -> Result<Network, Report> {
    let network = Network::parse(&found.value).ok_or_else(|| {
        let help = "write an address like `10.1.2.3`, a network like `10.1.0.0/16`, or `unix`";
        found.wrong("is not a network", help)
    })?;
    // T28: the default of a peer, which trusted everybody, was its worst hole.
    if network.bits < FEWEST_BITS {
        let help = "name the proxies, or the network that they alone are in";
        return Err(found.wrong("is everybody, or nearly so", help));
    }
    let begins = network.first();
    if begins != network.address {
        let help = format!("write `{begins}/{}`", network.bits);
        return Err(found.wrong("has bits behind the network's own", &help));
    }
    Ok(network)
}

// === impl Proxies ===

impl Proxies {
    /// Whether a peer at this address is one of them.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        // A socket that listens on `[::]` shows IPv4 peers as `::ffff:10.1.2.3`.
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.has(address))
    }

    /// Whether whoever may use the unix socket is one of them.
    pub(crate) const fn has_unix(&self) -> bool {
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

    fn has(&self, address: IpAddr) -> bool {
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
