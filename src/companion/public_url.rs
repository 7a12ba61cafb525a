//! The companion's own public URL.

use portcullis_core::request::is_dns_name;

/// The companion's public URL: `https`, a host and a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicUrl {
    url: String,
    host: String,
    port: u16,
}

// === impl PublicUrl ===

impl PublicUrl {
    /// Parses `https://`, a DNS name and an optional port. `None` if there is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let authority = text.to_ascii_lowercase();
        let authority = authority.strip_prefix("https://")?;
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => {
                let digits = port.bytes().all(|byte| byte.is_ascii_digit());
                (host, port.parse().ok().filter(|port| digits && *port != 0)?)
            }
            None => (authority, 443),
        };
        is_dns_name(host).then(|| Self {
            url: match port {
                443 => format!("https://{host}"),
                _ => format!("https://{host}:{port}"),
            },
            host: host.to_owned(),
            port,
        })
    }

    /// Serialized as an origin: no trailing slash, no port 443. It is `iss` and `aud` of session tokens.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The host: a DNS name in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}
