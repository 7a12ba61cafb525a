//! What callers were seen to do: the request log of oauth2-proxy, and access logs of NGINX.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Read as _};

use super::ingress::Location;

#[cfg(test)]
mod tests;

/// What a log says, by host and user.
#[derive(Debug, Default)]
pub(in crate::migration::oauth2_proxy) struct Seen {
    hosts: BTreeMap<String, BTreeMap<String, Vec<Use>>>,
    /// Lines that name a user and a request.
    pub(in crate::migration::oauth2_proxy) used: usize,
    /// Other lines.
    pub(in crate::migration::oauth2_proxy) ignored: usize,
    /// Requests of further callers, or to further paths, than a policy should list.
    pub(in crate::migration::oauth2_proxy) dropped: usize,
    /// Lines without the path: the request for a decision itself.
    pub(in crate::migration::oauth2_proxy) without_path: usize,
}

/// Path patterns, the methods seen with each, and how often.
type Paths = BTreeMap<String, (BTreeSet<String>, usize)>;

/// Requests of one user with the same methods.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::migration::oauth2_proxy) struct Use {
    pub(in crate::migration::oauth2_proxy) methods: Vec<String>,
    /// Path patterns.
    pub(in crate::migration::oauth2_proxy) paths: Vec<String>,
    pub(in crate::migration::oauth2_proxy) count: usize,
}

/// One request that was answered.
#[derive(Debug, Eq, PartialEq)]
struct Request<'a> {
    user: &'a str,
    host: Option<&'a str>,
    /// As ingress-nginx names it.
    upstream: Option<&'a str>,
    method: &'a str,
    path: &'a str,
}

/// The most callers of all hosts.
const MAX_CALLERS: usize = 1000;

/// The most patterns of one caller at one host.
const MAX_PATTERNS: usize = 100;

/// The longest line, in bytes.
const MAX_LINE: u64 = 64 * 1024;

/// How many segments of a path are kept; what is below them is one pattern.
const KEPT_SEGMENTS: usize = 2;

/// Reads a log of any length. `locations` tell the host of a request of which NGINX logs the upstream alone.
pub(in crate::migration::oauth2_proxy) fn read(
    mut log: impl BufRead,
    locations: &[Location],
) -> io::Result<Seen> {
    let mut seen = Seen::default();
    let mut requests: BTreeMap<(String, String), Paths> = BTreeMap::new();
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        // A longer line is read in parts, which are no requests.
        if log.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let line = String::from_utf8_lossy(&bytes);
        let Some(request) = Request::parse(line.trim_end()) else {
            seen.ignored += 1;
            continue;
        };
        if request.path.starts_with("/oauth2/") {
            seen.without_path += 1;
            continue;
        }
        let Some(host) = host(&request, locations) else {
            seen.ignored += 1;
            continue;
        };
        let key = (host, request.user.to_owned());
        let pattern = pattern(request.path);
        let is_known = requests
            .get(&key)
            .is_some_and(|paths| paths.contains_key(&pattern));
        let is_full = match requests.get(&key) {
            Some(paths) => paths.len() >= MAX_PATTERNS,
            None => requests.len() >= MAX_CALLERS,
        };
        if is_full && !is_known {
            seen.dropped += 1;
            continue;
        }
        seen.used += 1;
        let (methods, count) = requests.entry(key).or_default().entry(pattern).or_default();
        methods.insert(request.method.to_owned());
        *count += 1;
    }
    for ((host, user), paths) in requests {
        seen.hosts
            .entry(host)
            .or_default()
            .insert(user, uses(paths));
    }
    Ok(seen)
}

/// Requests by their methods.
fn uses(paths: Paths) -> Vec<Use> {
    let mut by_methods: BTreeMap<BTreeSet<String>, (Vec<String>, usize)> = BTreeMap::new();
    for (path, (methods, count)) in paths {
        let (paths, total) = by_methods.entry(methods).or_default();
        paths.push(path);
        *total += count;
    }
    let uses = by_methods.into_iter().map(|(methods, (paths, count))| Use {
        methods: methods.into_iter().collect(),
        paths,
        count,
    });
    uses.collect()
}

/// The host of a request: from the log, from the upstream, or the only one.
fn host(request: &Request<'_>, locations: &[Location]) -> Option<String> {
    if let Some(host) = request.host {
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        return Some(host.to_ascii_lowercase());
    }
    let gated = locations
        .iter()
        .filter(|location| location.restrictions.is_some());
    let hosts: BTreeSet<&str> = match request.upstream {
        Some(upstream) => gated
            .filter(|location| location.paths.iter().any(|path| path.upstream == upstream))
            .map(|location| &*location.host)
            .collect(),
        None => gated.map(|location| &*location.host).collect(),
    };
    let mut hosts = hosts.into_iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host.to_owned()),
        _ => None,
    }
}

/// A pattern for a path: itself, or everything below its first segments.
fn pattern(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments.get(..KEPT_SEGMENTS) {
        Some(kept) if segments.len() > KEPT_SEGMENTS => format!("/{}/**", kept.join("/")),
        _ => path.to_owned(),
    }
}

// === impl Seen ===

impl Seen {
    /// The hosts.
    pub(in crate::migration::oauth2_proxy) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.keys().map(String::as_str)
    }

    /// What each user did at a host.
    pub(in crate::migration::oauth2_proxy) fn uses(
        &self,
        host: &str,
    ) -> impl Iterator<Item = (&str, &[Use])> {
        let users = self.hosts.get(host).into_iter().flatten();
        users.map(|(user, uses)| (user.as_str(), uses.as_slice()))
    }
}

// === impl Request ===

impl<'a> Request<'a> {
    /// A line of a log; `None` if it names no user or no request, or the request was refused.
    fn parse(line: &'a str) -> Option<Self> {
        // CLIENT - ID - USER [TIME] …, or CLIENT - USER [TIME] …
        let (before, rest) = line.split_once(" [")?;
        let user = before.rsplit(" - ").next()?;
        let (_, rest) = rest.split_once("] ")?;
        if user.is_empty() || user == "-" || user.contains(char::is_whitespace) {
            return None;
        }
        if rest.starts_with('"') {
            Self::nginx(user, rest)
        } else {
            Self::oauth2_proxy(user, rest)
        }
    }

    /// `HOST METHOD UPSTREAM "URI" PROTOCOL "AGENT" STATUS SIZE DURATION`
    fn oauth2_proxy(user: &'a str, rest: &'a str) -> Option<Self> {
        let (start, rest) = rest.split_once(" \"")?;
        let mut start = start.split(' ');
        let (host, method) = (start.next()?, start.next()?);
        let (uri, rest) = rest.split_once('"')?;
        let (_, after_agent) = rest.rsplit_once('"')?;
        let status = after_agent.split_whitespace().next()?;
        Self::of(user, Some(host), None, method, uri, status)
    }

    /// `"METHOD URI PROTOCOL" STATUS … [UPSTREAM] …`: combined, and what ingress-nginx appends.
    fn nginx(user: &'a str, rest: &'a str) -> Option<Self> {
        let rest = rest.strip_prefix('"')?;
        let (request, rest) = rest.split_once('"')?;
        let mut request = request.split(' ');
        let (method, uri) = (request.next()?, request.next()?);
        let status = rest.split_whitespace().next()?;
        // The agent may have brackets, but is quoted.
        let after_agent = rest.rsplit_once('"').map_or("", |(_, after)| after);
        let upstream = after_agent
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'));
        Self::of(
            user,
            None,
            upstream.map(|(name, _)| name),
            method,
            uri,
            status,
        )
    }

    fn of(
        user: &'a str,
        host: Option<&'a str>,
        upstream: Option<&'a str>,
        method: &'a str,
        uri: &'a str,
        status: &str,
    ) -> Option<Self> {
        let is_answered = status.len() == 3 && status.starts_with(['2', '3', '5']);
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        let path = uri.split(['?', '#']).next()?;
        // A client chooses its paths: an asterisk would be a wildcard in the rule.
        let is_path = path.starts_with('/') && !path.contains('*');
        (is_answered && is_method && is_path).then_some(Self {
            user,
            host,
            upstream,
            method,
            path,
        })
    }
}
