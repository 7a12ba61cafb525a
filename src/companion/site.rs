//! The companion's own public URL.

use portcullis_core::request::is_dns_name;

/// The companion's own origin: `https`, a host, a port where it is not the scheme's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Site {
    text: String,
    host: String,
    port: u16,
}

// === impl Site ===

impl Site {
    /// Reads `https://`, a DNS name and perhaps a port, and nothing behind it.
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
            text: match port {
                443 => format!("https://{host}"),
                _ => format!("https://{host}:{port}"),
            },
            host: host.to_owned(),
            port,
        })
    }

    /// As browsers write the origin: no slash behind it, no port where it is 443. Session tokens
    /// have it as `iss` and `aud`.
    pub fn as_str(&self) -> &str {
        &self.text
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
