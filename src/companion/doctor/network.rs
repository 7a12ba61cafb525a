//! The way to a server, step by step: DNS, the connection, and its certificate.

mod tls;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

pub(super) use tls::Tls;

use super::check::{CheckId, Checks};

/// The timeout of a lookup: the default of resolvers for one question.
const DNS_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout of a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How many addresses of a host are tried, all at once.
const MAX_ADDRESSES: usize = 8;

/// A server.
#[derive(Debug)]
pub(super) struct Server {
    /// What is connected to: a DNS name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// What has a wrong host, for messages: "`trust.blue.connect`".
    pub(super) setting: String,
    /// How its certificate is verified; `None` without TLS.
    pub(super) tls: Option<Tls>,
}

impl Server {
    /// Checks each step. `false` if one has failed: the rest can't work.
    pub(super) async fn check(&self, checks: &Checks) -> bool {
        let Some(addresses) = self.resolve(checks).await else {
            checks.skipped(&[CheckId::Connection], "the host has no address");
            self.skip_tls(checks, "the host has no address");
            return false;
        };
        let Some(stream) = self.connect(checks, &addresses).await else {
            self.skip_tls(checks, "no connection");
            return false;
        };
        match &self.tls {
            Some(tls) => tls.check(checks, stream).await,
            None => true,
        }
    }

    fn skip_tls(&self, checks: &Checks, why: &str) {
        if self.tls.is_some() {
            checks.skipped(&[CheckId::Tls], why);
        }
    }

    async fn resolve(&self, checks: &Checks) -> Option<Vec<SocketAddr>> {
        let Self { host, port, .. } = self;
        if let Ok(address) = host.parse::<IpAddr>() {
            checks.ok(CheckId::Dns, &format!("{address} is an address"));
            return Some(vec![SocketAddr::new(address, *port)]);
        }
        let found = timeout(DNS_TIMEOUT, lookup_host((host.as_str(), *port))).await;
        let problem = match found {
            Ok(Ok(addresses)) => {
                let addresses: Vec<SocketAddr> = addresses.collect();
                if !addresses.is_empty() {
                    let shown = addresses.iter().take(MAX_ADDRESSES);
                    let shown: Vec<String> =
                        shown.map(|address| address.ip().to_string()).collect();
                    checks.ok(CheckId::Dns, &format!("{host} is {}", shown.join(", ")));
                    return Some(addresses);
                }
                format!("{host} has no address")
            }
            Ok(Err(error)) => format!("{host} has no address: {error}"),
            Err(_) => format!(
                "{host}: no DNS server responded in {} s",
                DNS_TIMEOUT.as_secs()
            ),
        };
        let help = format!(
            "correct {}, or the DNS records of the host; in Kubernetes, see `dnsPolicy` of the pod",
            self.setting
        );
        checks.error(CheckId::Dns, &problem, &help);
        None
    }

    async fn connect(&self, checks: &Checks, addresses: &[SocketAddr]) -> Option<TcpStream> {
        let mut attempts = JoinSet::new();
        for address in addresses.iter().copied().take(MAX_ADDRESSES) {
            attempts.spawn(async move { (address, TcpStream::connect(address).await) });
        }
        let mut problem = String::new();
        let connecting = async {
            while let Some(Ok((address, connected))) = attempts.join_next().await {
                match connected {
                    Ok(stream) => return Some((address, stream)),
                    Err(error) => problem = format!("{address}: {error}"),
                }
            }
            None
        };
        match timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Some((address, stream))) => {
                let detail = format!("{address} accepts connections");
                checks.ok(CheckId::Connection, &detail);
                return Some(stream);
            }
            Ok(None) => {}
            Err(_) => {
                let Self { host, port, .. } = self;
                let seconds = CONNECT_TIMEOUT.as_secs();
                problem = format!("{host}, port {port}: no answer in {seconds} s");
            }
        }
        let help = format!(
            "start the server, or correct {}; if there is no answer, a firewall or a NetworkPolicy drops the packets",
            self.setting
        );
        checks.error(CheckId::Connection, &problem, &help);
        None
    }
}
