//! The claims of users that rules match on.

use std::collections::BTreeMap;

use super::{ClaimTest, Entry, Matcher, Policy, Rule};
use crate::json::Json;

#[cfg(test)]
mod tests;

/// The longest claim that a session carries whole, in bytes of JSON.
const MAX_WHOLE: usize = 1024;

impl Policy {
    /// Those of a user's claims that rules for this provider match on, as an object with the same paths:
    /// what a session must carry. `None` if there are none. Of a claim of more than 1 KiB only the values
    /// that rules name are kept.
    pub fn requested_claims(&self, provider: &str, claims: &Json) -> Option<Json> {
        let rules = self.apps().iter().flat_map(|app| app.rules());
        let entries = rules.flat_map(Rule::allow);
        let entries = entries.filter(|entry| entry.from() == Some(provider));
        let mut requested: BTreeMap<&[String], Vec<&ClaimTest>> = BTreeMap::new();
        for matcher in entries.flat_map(Entry::matchers) {
            if let Matcher::Claim { path, test } = matcher {
                requested.entry(path).or_default().push(test);
            }
        }
        let mut found = Vec::new();
        for (path, tests) in requested {
            let value = path
                .iter()
                .try_fold(claims, |value, name| value.member(name));
            if let Some(value) = value.and_then(|value| reduced(value, &tests)) {
                insert(&mut found, path, value);
            }
        }
        (!found.is_empty()).then_some(Json::Object(found))
    }
}

/// A claim without what no test can accept; `None` if nothing is left.
fn reduced(claim: &Json, tests: &[&ClaimTest]) -> Option<Json> {
    let accepts = |value: &Json| tests.iter().any(|test| test.accepts(value));
    match claim {
        Json::Null | Json::Object(_) => None,
        Json::Bool(_) | Json::Number(_) => Some(claim.clone()),
        Json::String(text) if text.len() <= MAX_WHOLE || accepts_whole(claim, tests) => {
            Some(claim.clone())
        }
        Json::String(text) => {
            let words = text.split(' ');
            let words = words.filter(|word| accepts(&Json::String((*word).to_owned())));
            // As a list, because the rest of the text could be what another entry compares with.
            let words: Vec<Json> = words.map(|word| Json::String(word.to_owned())).collect();
            (!words.is_empty()).then_some(Json::Array(words))
        }
        Json::Array(members) => {
            let scalars = members
                .iter()
                .filter(|member| !matches!(member, Json::Null | Json::Array(_) | Json::Object(_)));
            let scalars: Vec<Json> = scalars.cloned().collect();
            let length = |member: &Json| member.as_str().map_or(8, str::len);
            let is_short = scalars.iter().map(length).fold(0, usize::saturating_add) <= MAX_WHOLE;
            let kept = scalars.into_iter();
            let kept = kept.filter(|one| is_short || accepts(&Json::Array(vec![one.clone()])));
            let kept: Vec<Json> = kept.collect();
            (!kept.is_empty()).then_some(Json::Array(kept))
        }
    }
}

/// Whether a test needs the whole value.
fn accepts_whole(claim: &Json, tests: &[&ClaimTest]) -> bool {
    let mut tests = tests.iter();
    tests.any(|test| matches!(test, ClaimTest::Equals(_)) && test.accepts(claim))
}

/// Adds a value at a path.
fn insert(members: &mut Vec<(String, Json)>, path: &[String], value: Json) {
    let Some((name, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        members.push((name.clone(), value));
        return;
    }
    let place = members.iter().position(|(other, _)| other == name);
    let place = place.unwrap_or_else(|| {
        members.push((name.clone(), Json::Object(Vec::new())));
        members.len().saturating_sub(1)
    });
    if let Some((_, Json::Object(inner))) = members.get_mut(place) {
        insert(inner, rest, value);
    }
}
