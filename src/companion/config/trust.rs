//! How the companion connects to the issuers of the policy.

use std::collections::BTreeMap;

use crate::document::Report;
use crate::http_client::Connect;
use crate::issuers::IssuerConnection;

use super::source::Source;

/// By the names of the policy's trust entries.
pub(super) fn read(source: &Source) -> Result<BTreeMap<String, IssuerConnection>, Report> {
    let mut trust = BTreeMap::new();
    for found in source.names("trust")? {
        let name = found.value;
        let at = |field: &str| format!("trust.{name}.{field}");
        let connect = source.text(&at("connect"))?;
        let connect = connect.map(|found| {
            let help = "write a host and a port, like `10.1.0.1:6443`";
            address(&found.value).ok_or_else(|| found.error("is not a host and a port", help))
        });
        let connection = IssuerConnection {
            connect: connect.transpose()?,
            ca_file: source.path(&at("ca_file"))?.map(|found| found.value),
            token_file: source.path(&at("token_file"))?.map(|found| found.value),
        };
        trust.insert(name, connection);
    }
    Ok(trust)
}

/// A host and a port.
pub(super) fn address(text: &str) -> Option<Connect> {
    let (host, port) = text.rsplit_once(':')?;
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| digits && *port != 0)?;
    let host = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(address) => address.parse::<std::net::Ipv6Addr>().ok()?.to_string(),
        None => {
            let lower = host.to_ascii_lowercase();
            portcullis_core::request::is_dns_name(&lower).then_some(lower)?
        }
    };
    Some(Connect { host, port })
}
