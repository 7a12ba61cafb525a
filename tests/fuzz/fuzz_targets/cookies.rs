//! Session cookies: what is forwarded, and which values are tried. Each line is a Cookie header.
#![no_main]

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use portcullis_core::policy::Policy;
use portcullis_core::request::Headers;
use portcullis_core::session::{CookieNames, Cookies, candidates, pairs, split_cookie};
use portcullis_fuzz::sample::{COOKIE, policy};
use portcullis_fuzz::{lines, time};

static POLICY: LazyLock<Policy> = LazyLock::new(policy);

/// As large as proxies accept headers, in bytes.
const MAX_HEADERS: usize = 64 * 1024;

/// How much longer headers of twice the size may take. It would be four times if the work were quadratic.
const MAX_RATIO: u32 = 3;

/// What the noise of a measurement may add: the system counts in ticks. Quadratic work would take seconds.
const NOISE: Duration = Duration::from_millis(40);

/// The length of a chunk of a value, except the last.
const CHUNK: usize = 4000;

/// How many values are tried at most: each costs a signature.
const MAX_CANDIDATES: usize = 64;

fn headers<'a>(cookies: &'a [Vec<u8>]) -> Headers<'a> {
    let fields = cookies
        .iter()
        .map(|cookie| (&b"cookie"[..], cookie.as_slice()));
    Headers::new(fields.collect())
}

/// Whether a cookie holds a session token or a sealed session, whole or in chunks.
fn is_of_session(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(COOKIE.as_bytes()) else {
        return false;
    };
    let rest = rest.strip_prefix(b"-session").unwrap_or(rest);
    let is_number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    rest.is_empty() || rest.strip_prefix(b".").is_some_and(is_number)
}

fn check_forwarded(names: &CookieNames, cookies: &[Vec<u8>]) {
    let all: Vec<_> = cookies.iter().flat_map(|cookie| pairs(cookie)).collect();
    let forwarded = names.forwarded(&headers(cookies));
    let forwarded: Vec<(Vec<u8>, Vec<u8>)> = match &forwarded {
        Cookies::Unchanged => all
            .iter()
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect(),
        Cookies::Removed => Vec::new(),
        Cookies::Replaced(rest) => pairs(rest)
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect(),
    };
    assert!(
        !forwarded.iter().any(|(name, _)| is_of_session(name)),
        "a session cookie is forwarded"
    );
    let given = |(name, value): &(&[u8], &[u8])| !name.is_empty() || !value.is_empty();
    let kept: Vec<_> = all
        .iter()
        .filter(|(name, _)| !names.has(name))
        .filter(|pair| given(pair))
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect();
    let forwarded: Vec<_> = forwarded
        .into_iter()
        .filter(|(name, value)| given(&(name, value)))
        .collect();
    assert_eq!(forwarded, kept, "the app's cookies arrive in order");
    for (name, _) in all.iter().filter(|(name, _)| names.has(name)) {
        assert!(
            name.windows(10).any(|part| part == b"portcullis"),
            "another's cookie is removed"
        );
    }
}

fn check_candidates(cookies: &[Vec<u8>]) {
    let all: Vec<_> = cookies.iter().flat_map(|cookie| pairs(cookie)).collect();
    let found = candidates(all.iter().copied(), COOKIE);
    assert!(found.len() <= MAX_CANDIDATES);
    let of_ours = |(name, _): &&(&[u8], &[u8])| is_of_session(name);
    let values: Vec<&[u8]> = all
        .iter()
        .filter(of_ours)
        .map(|(_, value)| *value)
        .collect();
    for candidate in &found {
        assert!(!candidate.is_empty());
        let is_whole = values.contains(&candidate.as_bytes());
        let mut chunks = candidate.as_bytes().chunks(CHUNK);
        assert!(
            is_whole || chunks.all(|chunk| values.contains(&chunk)),
            "not put together from values of the request"
        );
    }
    let ours = all.iter().any(|(name, _)| is_of_session(name));
    assert!(ours || found.is_empty());
}

/// A value that is split into cookies is found again, whatever other cookies there are.
fn check_split(value: &[u8], cookies: &[Vec<u8>]) {
    let value: String = value
        .iter()
        .map(|byte| char::from(b'!' + byte % 90))
        .collect();
    let value = value.replace([';', ',', '"', '\\'], "-");
    let value = value.repeat(1 + 9000 / value.len().max(1));
    if value.is_empty()
        || cookies
            .iter()
            .flat_map(|cookie| pairs(cookie))
            .any(|(name, _)| is_of_session(name))
    {
        return;
    }
    let chunks = split_cookie(COOKIE, &value);
    let others = cookies.iter().flat_map(|cookie| pairs(cookie));
    let chunks = chunks
        .iter()
        .map(|(name, chunk)| (name.as_bytes(), chunk.as_bytes()));
    let found = candidates(others.chain(chunks), COOKIE);
    assert!(
        found.contains(&Cow::Borrowed(value.as_str())),
        "{} bytes are lost",
        value.len()
    );
}

/// The work is linear in the size of the headers.
fn check_work(names: &CookieNames, data: &[u8]) {
    if data.len() < 2 {
        return;
    }
    let half = time_of(names, data, MAX_HEADERS / 2);
    let whole = time_of(names, data, MAX_HEADERS);
    assert!(whole < half * MAX_RATIO + NOISE, "{half:?}, {whole:?}");
}

/// The time for headers of this size, with the data again and again, each time with other values.
fn time_of(names: &CookieNames, data: &[u8], size: usize) -> Duration {
    let mut cookie = Vec::with_capacity(size);
    let mut number = 0_u32;
    while cookie.len() + data.len() + 8 < size {
        cookie.extend_from_slice(data);
        cookie.extend_from_slice(format!("{number:x};").as_bytes());
        number += 1;
    }
    let cookies = [cookie];
    let before = time::of_thread();
    let headers = headers(&cookies);
    let _forwarded = names.forwarded(&headers);
    let _found = candidates(headers.all("cookie").flat_map(pairs), COOKIE);
    time::of_thread() - before
}

fuzz_target!(|data: &[u8]| {
    let names = POLICY.sso().expect("sso").cookie_names();
    let cookies: Vec<Vec<u8>> = lines(data).map(<[u8]>::to_vec).collect();
    check_forwarded(names, &cookies);
    check_candidates(&cookies);
    check_split(data, &cookies);
    // It takes a hundred times as long as the rest.
    if data.first().is_some_and(|first| first % 16 == 0) || data.starts_with(COOKIE.as_bytes()) {
        check_work(names, data);
    }
});
