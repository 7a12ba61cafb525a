//! Secrets that no log may contain: those that the lab issues or sees, and texts that match the
//! pattern of one.
//!
//! Each [`Process`](super::process::Process) searches its logs when it ends, and fails its test if
//! a secret is found. This holds for every program and log of the lab: Envoy and the companion run
//! at their usual log levels, and access logs omit queries like those of the example
//! configurations.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard};

use aho_corasick::AhoCorasick;
use url::Url;

use super::client::Response;

/// Shorter texts would be found by chance.
const MIN_BYTES: usize = 6;

/// Shorter cookie values are not credentials.
const MIN_COOKIE_BYTES: usize = 16;

/// How many bytes of a secret are searched for, before the others are compared. The end, because tokens begin alike. To search
/// for thousands of whole tokens would take a second to prepare.
const MAX_END: usize = 16;

/// Fields whose value is a secret, as `NAME=…` or `"NAME": "…"`.
const FIELDS: [&str; 8] = [
    "access_token",
    "client_secret",
    "code_verifier",
    "id_token",
    "id_token_hint",
    "logout_token",
    "password",
    "refresh_token",
];

/// The prefix of our cookies' names.
const COOKIE_PREFIX: &str = "portcullis";

static REGISTERED: LazyLock<Mutex<Registered>> = LazyLock::new(Mutex::default);

#[derive(Debug, Default)]
struct Registered {
    /// Each secret with its kind.
    texts: BTreeMap<String, &'static str>,
    files: BTreeSet<PathBuf>,
}

/// Registers a secret. `what` is its kind, for the failure message.
pub fn register(what: &'static str, text: &str) {
    if text.len() >= MIN_BYTES {
        registered().texts.insert(text.to_owned(), what);
    }
}

/// Registers each line of a file, as written when a log is searched.
pub fn register_lines(file: PathBuf) {
    registered().files.insert(file);
}

/// Registers the cookies and the code in a response.
pub(super) fn register_all_of(response: &Response) {
    for line in response.all("set-cookie") {
        let pair = line.split(';').next().unwrap_or_default();
        let value = pair.split_once('=').map_or("", |(_, value)| value);
        if value.len() >= MIN_COOKIE_BYTES {
            register("a cookie's value", value);
        }
    }
    let location = response
        .header("location")
        .and_then(|to| Url::parse(&to).ok());
    for (name, value) in location.iter().flat_map(Url::query_pairs) {
        if name == "code" {
            register("a code", &value);
        }
    }
}

/// The secrets in a log: line number and kind, but not the secret itself.
#[must_use]
pub fn found_in(log: &str) -> Vec<String> {
    let mut known = registered().texts.clone();
    let files = self::registered().files.clone();
    for file in files {
        let lines = fs::read_to_string(file).unwrap_or_default();
        known.extend(lines.lines().map(|line| (line.to_owned(), "a grant")));
    }
    known.retain(|secret, _| secret.len() >= MIN_BYTES);
    let mut by_end: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (secret, kind) in &known {
        by_end
            .entry(end_of(secret))
            .or_default()
            .push((secret, kind));
    }
    // All at once: a test program collects thousands.
    let ends = AhoCorasick::new(by_end.keys()).expect("ends are short");
    let secrets: Vec<Vec<(&str, &str)>> = by_end.into_values().collect();
    let of_line = |(number, line): (usize, &str)| {
        let mut what = BTreeSet::new();
        for end in ends.find_overlapping_iter(line) {
            let before = &line[..end.end()];
            let secrets = secrets[end.pattern().as_usize()].iter();
            let found = secrets.filter(|(secret, _)| before.ends_with(secret));
            what.extend(found.map(|(_, kind)| *kind));
        }
        what.extend(matches_pattern(line));
        let messages = what
            .into_iter()
            .map(|what| format!("line {number}: {what}"));
        messages.collect::<Vec<_>>()
    };
    (1..).zip(log.lines()).flat_map(of_line).collect()
}

/// The end of a secret.
fn end_of(secret: &str) -> &str {
    let start = secret.len().saturating_sub(MAX_END);
    secret.get(start..).unwrap_or(secret)
}

/// Where the first token in a text starts: at an `eyJ` that begins a word. Within a word it is chance,
/// as in a random `kid`.
#[must_use]
pub fn start_of_token(text: &str) -> Option<usize> {
    let is_in_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let mut starts = text.match_indices("eyJ").map(|(start, _)| start);
    starts.find(|start| {
        let before = text.as_bytes().get(..*start).and_then(<[u8]>::last);
        !before.is_some_and(|byte| is_in_word(*byte))
    })
}

/// The kinds of secrets whose pattern a line matches.
fn matches_pattern(line: &str) -> Vec<&'static str> {
    // JSON inside JSON has escaped quotes.
    let line = &line.replace('\\', "");
    let mut found = Vec::new();
    let mut add = |what, is_there| {
        if is_there {
            found.push(what);
        }
    };
    add("a token", after(line, "eyJ").any(is_rest_of_jwt));
    add(
        "credentials",
        ["Bearer ", "Basic "]
            .iter()
            .any(|scheme| after(line, scheme).any(|rest| word(rest).len() >= MIN_COOKIE_BYTES)),
    );
    add(
        "one of our cookies",
        after(line, COOKIE_PREFIX).any(is_rest_of_cookie),
    );
    let has_field = |name| before_and_after(line, name).any(is_field);
    add("a secret field", FIELDS.into_iter().any(has_field));
    // `"code": "…"` is an error code, which is not secret.
    let in_query = |around: &(&str, &str)| around.1.starts_with('=');
    let mut codes = before_and_after(line, "code").filter(in_query);
    add("a code in a query", codes.any(is_field));
    found
}

/// Whether this is the rest of a token after `eyJ`, including a second such part after a dot.
fn is_rest_of_jwt(rest: &str) -> bool {
    rest.split_once('.')
        .is_some_and(|(header, claims)| word(header) == header && claims.starts_with("eyJ"))
}

/// Whether this is the rest of a cookie after the prefix, such as `-session.0=…`.
fn is_rest_of_cookie(rest: &str) -> bool {
    rest.split_once('=').is_some_and(|(name, value)| {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        name.bytes().all(is_name) && word(value).len() >= MIN_BYTES
    })
}

/// Whether a name between these texts is a field with a value: `NAME=…` or `"NAME": "…"`.
fn is_field((before, rest): (&str, &str)) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let begins = !before.bytes().next_back().is_some_and(is_part);
    let member = rest.strip_prefix("\":").map(str::trim_start);
    let value = rest.strip_prefix('=').or(member);
    let value = value.map(|value| word(value.trim_start_matches('"')));
    begins && value.is_some_and(|value| value.len() >= MIN_BYTES)
}

fn after<'a>(line: &'a str, what: &'a str) -> impl Iterator<Item = &'a str> {
    before_and_after(line, what).map(|(_, rest)| rest)
}

fn before_and_after<'a>(line: &'a str, what: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let starts = line.match_indices(what).map(|(start, _)| start);
    starts.filter_map(move |start| {
        let (before, rest) = line.split_at_checked(start)?;
        Some((before, rest.strip_prefix(what)?))
    })
}

/// The longest prefix in base64url.
fn word(text: &str) -> &str {
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    text.split(is_other).next().unwrap_or_default()
}

fn registered() -> MutexGuard<'static, Registered> {
    REGISTERED.lock().expect("no panic while it is held")
}
