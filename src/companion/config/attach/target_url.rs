//! The URL of a target.

use std::fmt;
use std::net::IpAddr;

use axum::http::Uri;
use axum::http::uri::{Authority, PathAndQuery, Scheme};

use rustls::pki_types::ServerName;

use crate::config::source::Located;
use crate::document::Report;

/// The URL of a target: `https`, or `http` to this machine. Its path is a prefix.
#[derive(Clone, Debug)]
pub(crate) struct TargetUrl {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at its end.
    prefix: String,
}

const HELP: &str = "write a URL like `https://alertmanager.example.com`";

impl TargetUrl {
    /// Parses and checks a URL.
    pub(super) fn parse(found: &Located<'_>) -> Result<Self, Report> {
        let text = &*found.value;
        // A password must not be quoted.
        let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            let help = "remove the part before `@`: the token file has the only credential";
            return Err(found.location.error("the URL has a user name", help));
        }
        if let Some(end) = text.find(['?', '#']) {
            let help = format!("write `{}`", text.get(..end).unwrap_or_default());
            return Err(found.error("has a query or a fragment", &help));
        }
        let uri: Uri = text
            .parse()
            .map_err(|_| found.error("is not a URL", HELP))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(found.error("has no scheme", HELP));
        };
        let host = authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        let address: Option<IpAddr> = address.parse().ok();
        let lower = host.to_ascii_lowercase();
        if address.is_none() && !portcullis_core::request::is_dns_name(&lower) {
            return Err(found.error("has no valid host", HELP));
        }
        let has_port = authority.as_str().len() > host.len();
        if has_port && authority.port_u16().is_none_or(|port| port == 0) {
            return Err(found.error("has no valid port", HELP));
        }
        if scheme == Scheme::HTTP {
            if !address.is_some_and(|address| address.is_loopback()) {
                let help = "write `https`; plain HTTP, which sends the token in clear text, is allowed to `127.0.0.1` and \
                            `[::1]` alone";
                return Err(found.error("is plain HTTP to another machine", help));
            }
        } else if scheme != Scheme::HTTPS {
            return Err(found.error("is neither `https` nor `http`", HELP));
        }
        let path = parts.path_and_query;
        let path = path.as_ref().map_or("", PathAndQuery::path);
        Ok(Self {
            scheme,
            authority,
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Whether the connection is encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The name that the target's certificate must have.
    pub(crate) fn server_name(&self) -> Option<ServerName<'static>> {
        let host = self.authority.host();
        let name = host.trim_start_matches('[').trim_end_matches(']');
        ServerName::try_from(name.to_owned()).ok()
    }

    /// The URL of a request with this target; `None` if it is not a path.
    pub(crate) fn uri(&self, request: &Uri) -> Option<Uri> {
        let own = request.path_and_query();
        let path = own.map_or("/", PathAndQuery::as_str);
        // The target must not lead out of the prefix.
        if !path.starts_with('/') || (!self.prefix.is_empty() && has_dot_segment(path)) {
            return None;
        }
        let path = match (own, &*self.prefix) {
            (Some(own), "") => own.clone(),
            (_, prefix) => format!("{prefix}{path}").try_into().ok()?,
        };
        let mut parts = axum::http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).ok()
    }
}

/// Whether a segment of the path is `.` or `..`, in any encoding.
fn has_dot_segment(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.to_ascii_lowercase();
    let path = path
        .replace("%2e", ".")
        .replace("%2f", "/")
        .replace("%5c", "/");
    let mut segments = path.split(['/', '\\']);
    segments.any(|segment| segment == "." || segment == "..")
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scheme,
            authority,
            prefix,
        } = self;
        write!(f, "{scheme}://{authority}{prefix}")
    }
}
