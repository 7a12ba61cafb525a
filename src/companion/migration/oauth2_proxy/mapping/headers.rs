//! What tells apps who the caller is.

use super::{Mapping, probe};
use crate::migration::oauth2_proxy::outcome::{Line, Outcome};
use crate::migration::oauth2_proxy::source::alpha::Header;
use crate::migration::oauth2_proxy::tree::{Commented, Tree, text};

const TO: &str = "apps[].identity_headers";

/// The headers of oauth2-proxy as a reverse proxy, and their values here.
const FORWARDED: [(&str, &str); 4] = [
    ("X-Forwarded-User", "user"),
    ("X-Forwarded-Email", "email"),
    ("X-Forwarded-Groups", "groups"),
    ("X-Forwarded-Preferred-Username", "preferred_username"),
];

/// Claims that identity headers may have, and the header of each that every app gets.
const CLAIMS: [(&str, &str); 4] = [
    ("user", "x-auth-request-user"),
    ("email", "x-auth-request-email"),
    ("groups", "x-auth-request-groups"),
    ("preferred_username", "x-auth-request-preferred-username"),
];

/// The `identity_headers` of every app.
pub(super) fn map(mapping: &mut Mapping<'_>) -> Option<Commented> {
    let mut headers = Tree::Map(Vec::new());
    let mut from = Vec::new();
    for header in mapping.headers {
        if let Some((name, claim)) = of_alpha(mapping, header, &mut headers) {
            headers.put(name, text(claim));
            from.push(header.path.clone());
        }
    }
    if forwards(mapping) {
        let prefers_email = mapping.is_on("prefer-email-to-user");
        for (name, value) in FORWARDED {
            let value = if prefers_email && name == "X-Forwarded-User" {
                "email"
            } else {
                value
            };
            if headers.member(name).is_none() {
                headers.put(name, text(value));
            }
        }
        from.push(mapping.name("pass-user-headers"));
        mapping.say(
            "pass-basic-auth",
            Outcome::Changed,
            TO,
            "no Basic credentials are sent to apps; the headers are",
        );
    } else {
        let why = "there is no app behind it: X-Auth-Request-User, -Email, -Groups and -Preferred-Username are sent";
        mapping.say("pass-user-headers", Outcome::Changed, "", why);
    }
    let comment = format!("What apps read: from {}.", from.join(", "));
    (!headers.is_empty()).then(|| headers.because(comment))
}

/// Whether oauth2-proxy is the reverse proxy of an app, and tells it who the user is.
fn forwards(mapping: &Mapping<'_>) -> bool {
    let is_app =
        |upstream: &&str| !upstream.starts_with("static:") && !upstream.starts_with("file:");
    let is_off = |flag| mapping.set(flag).is_some_and(|setting| setting.is_off());
    mapping.list("upstream").iter().any(is_app)
        && mapping.headers.is_empty()
        && !(is_off("pass-user-headers") && is_off("pass-basic-auth"))
}

/// A header of the alpha configuration, if it becomes one of ours. It has a line in any case.
fn of_alpha<'a>(
    mapping: &mut Mapping<'_>,
    header: &'a Header,
    headers: &mut Tree,
) -> Option<(&'a str, &'a str)> {
    let claim = header.claim.as_deref().unwrap_or_default();
    let always = CLAIMS
        .iter()
        .find(|(own, _)| *own == claim)
        .map(|(_, name)| *name);
    let mut say = |outcome, to: Option<&str>, why: String| {
        let line = Line {
            name: header.path.clone(),
            value: Some(header.name.clone()),
            outcome,
            to: to.map(str::to_owned),
            why,
        };
        mapping.lines.add(usize::MAX, line);
    };
    let Some(always) = always else {
        let why = "tokens, secrets and other claims are not sent to apps";
        say(Outcome::NeedsYou, None, why.to_owned());
        return None;
    };
    if header.name.eq_ignore_ascii_case(always) {
        say(Outcome::Kept, None, "always".to_owned());
        return None;
    }
    if headers.member(&header.name).is_some() {
        say(
            Outcome::NeedsYou,
            Some(TO),
            "a header has one value: another one has this name".to_owned(),
        );
        return None;
    }
    if let Some(problem) = probe::identity_header(&header.name, claim) {
        say(
            Outcome::NeedsYou,
            Some(TO),
            format!("the header can't be used: {problem}; the value is in {always}"),
        );
        return None;
    }
    say(Outcome::Kept, Some(TO), String::new());
    Some((&header.name, claim))
}
