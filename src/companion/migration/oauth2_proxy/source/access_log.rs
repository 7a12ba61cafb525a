//! What callers were seen to do: the request log of oauth2-proxy, and access logs of NGINX.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use super::ingress::Location;
use crate::access_log::LoggedRequest;
use crate::files;

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
    log: impl BufRead,
    locations: &[Location],
) -> io::Result<Seen> {
    let mut seen = Seen::default();
    let mut requests: BTreeMap<(String, String), Paths> = BTreeMap::new();
    // A longer line is read in parts, which are no requests.
    files::each_line_of(log, MAX_LINE, |line| {
        let request = LoggedRequest::parse(line.trim_end()).filter(is_used);
        let Some((request, user)) = request.and_then(|one| one.user.map(|user| (one, user))) else {
            seen.ignored += 1;
            return;
        };
        if request.is_for_oauth2_proxy() {
            seen.without_path += 1;
            return;
        }
        let Some(host) = host(&request, locations) else {
            seen.ignored += 1;
            return;
        };
        let key = (host, user.to_owned());
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
            return;
        }
        seen.used += 1;
        let (methods, count) = requests.entry(key).or_default().entry(pattern).or_default();
        methods.insert(request.method.to_owned());
        *count += 1;
    })?;
    for ((host, user), paths) in requests {
        seen.hosts
            .entry(host)
            .or_default()
            .insert(user, uses(paths));
    }
    Ok(seen)
}

/// Whether rules may be made of a request: one that was answered. A client chooses its paths, and an asterisk would be a
/// wildcard in a rule.
fn is_used(request: &LoggedRequest<'_>) -> bool {
    matches!(request.status / 100, 2 | 3 | 5) && !request.path.contains('*')
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
fn host(request: &LoggedRequest<'_>, locations: &[Location]) -> Option<String> {
    if let Some(host) = request.host_name() {
        return Some(host);
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
