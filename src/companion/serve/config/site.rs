//! Where a browser meets the companion.

use portcullis_core::request::is_dns_name;

use crate::document::Report;

use super::source::Source;

/// The companion's own origin: `https`, a host, a port where it is not the scheme's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Site {
    text: String,
    host: String,
    port: u16,
}

const HELP: &str = "write `url: https://auth.example.com`";

pub(super) fn read(source: &Source) -> Result<Site, Report> {
    let found = source.required("url", HELP)?;
    Site::parse(&found.value).ok_or_else(|| {
        let problem = if found.value.starts_with("http://") {
            "is plain HTTP, over which browsers keep no session"
        } else if found.value.matches('/').count() > 2 {
            "has something behind the host"
        } else {
            "is not `https://` and a host, perhaps with a port"
        };
        found.wrong(problem, HELP)
    })
}

// === impl Site ===

impl Site {
    /// Reads `https://`, a DNS name and perhaps a port, and nothing behind it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
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
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The host: a DNS name in lower case.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}
