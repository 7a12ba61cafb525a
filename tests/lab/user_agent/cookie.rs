//! A cookie, by the rules of RFC 6265bis and of browsers.

use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use url::Url;

/// The size limit of name and value together. Chromium, Firefox and Safari drop longer cookies.
const MAX_BYTES: usize = 4096;

/// A stored cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The host it belongs to; unless [`Cookie::host_only`], subdomains too.
    pub domain: String,
    /// Whether it had no `Domain` attribute.
    pub host_only: bool,
    /// The path prefix it is sent for.
    pub path: String,
    /// Sent over TLS only.
    pub secure: bool,
    /// Not accessible to scripts.
    pub http_only: bool,
    /// Which cross-site requests it is sent with.
    pub same_site: SameSite,
    /// Its expiry in seconds since 1970; `None` for a session cookie.
    pub expires: Option<i64>,
}

/// Which cross-site requests a cookie is sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// All of them.
    None,
    /// Top-level navigations with a safe method.
    Lax,
    /// None.
    Strict,
}

impl Cookie {
    /// Parses a `Set-Cookie` received from `url` at `now`.
    ///
    /// # Errors
    /// Why a browser drops it.
    pub(super) fn read(line: &str, url: &Url, now: i64) -> Result<Self, &'static str> {
        let mut parts = line.split(';').map(str::trim);
        let pair = parts.next().unwrap_or_default();
        let (name, value) = pair.split_once('=').ok_or("no name")?;
        let host = url.host_str().unwrap_or_default();
        let mut cookie = Self {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            domain: host.to_owned(),
            host_only: true,
            path: default_path(url),
            secure: false,
            http_only: false,
            same_site: SameSite::Lax,
            expires: None,
        };
        let mut max_age = None;
        for attribute in parts {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            match name.to_ascii_lowercase().as_str() {
                "domain" => cookie.set_domain(value)?,
                "expires" => cookie.expires = Some(date(value).ok_or("invalid Expires")?),
                "httponly" => cookie.http_only = true,
                "max-age" => max_age = Some(value.parse().map_err(|_| "invalid Max-Age")?),
                "path" if value.starts_with('/') => cookie.path = value.to_owned(),
                "samesite" => cookie.same_site = same_site(value)?,
                "secure" => cookie.secure = true,
                _ => {}
            }
        }
        if let Some(seconds) = max_age {
            cookie.expires = Some(now.saturating_add(seconds));
        }
        cookie.validate(url)?;
        Ok(cookie)
    }

    /// Whether it matches `url`, apart from `SameSite`.
    pub(super) fn matches(&self, url: &Url, now: i64) -> bool {
        let host = url.host_str().unwrap_or_default();
        let at_host = host == self.domain || !self.host_only && is_below(host, &self.domain);
        let path = url.path();
        let at_path = path == self.path
            || path
                .strip_prefix(&self.path)
                .is_some_and(|rest| self.path.ends_with('/') || rest.starts_with('/'));
        at_host && at_path && !self.is_expired(now) && (!self.secure || url.scheme() == "https")
    }

    /// Whether it has expired.
    pub(super) fn is_expired(&self, now: i64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether it replaces the other cookie: same name, domain and path.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        (&self.name, &self.domain, self.host_only, &self.path)
            == (&other.name, &other.domain, other.host_only, &other.path)
    }

    fn set_domain(&mut self, domain: &str) -> Result<(), &'static str> {
        let domain = domain.trim_start_matches('.').to_ascii_lowercase();
        if domain != self.domain {
            let is_address = self.domain.parse::<IpAddr>().is_ok();
            if is_address || !is_below(&self.domain, &domain) {
                return Err("Domain of another host");
            }
            if !domain.contains('.') {
                return Err("Domain is a public suffix");
            }
        }
        // A public suffix may set a cookie for itself, which is then host-only.
        self.host_only = !domain.contains('.');
        self.domain = domain;
        Ok(())
    }

    fn validate(&self, url: &Url) -> Result<(), &'static str> {
        if self.name.len() + self.value.len() > MAX_BYTES {
            return Err("too long");
        }
        if self.secure && url.scheme() != "https" {
            return Err("Secure without TLS");
        }
        if self.same_site == SameSite::None && !self.secure {
            return Err("SameSite=None without Secure");
        }
        let name = self.name.to_ascii_lowercase();
        if name.starts_with("__secure-") && !self.secure {
            return Err("__Secure- without Secure");
        }
        if name.starts_with("__host-") && !(self.secure && self.host_only && self.path == "/") {
            return Err("__Host- without Secure, with Domain, or without Path=/");
        }
        Ok(())
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.ends_with('.'))
}

fn same_site(value: &str) -> Result<SameSite, &'static str> {
    match value.to_ascii_lowercase().as_str() {
        "lax" => Ok(SameSite::Lax),
        "none" => Ok(SameSite::None),
        "strict" => Ok(SameSite::Strict),
        _ => Err("unknown SameSite"),
    }
}

fn default_path(url: &Url) -> String {
    let path = url.path();
    match path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => path.get(..end).unwrap_or("/").to_owned(),
    }
}

fn date(text: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(text).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
