//! The claims of users that rules match on.

use std::collections::BTreeMap;

use super::{ClaimTest, Matcher, Policy, Rule};
use crate::json::Json;

#[cfg(test)]
mod tests;

/// The longest claim that a session carries whole, in bytes of JSON.
const MAX_WHOLE: usize = 1024;

/// The claims of users that the rules of a policy match on, by provider.
#[derive(Clone, Debug, Default)]
pub struct RequestedClaims(BTreeMap<String, BTreeMap<Vec<String>, Vec<ClaimTest>>>);

impl Policy {
    /// The claims of users that the rules match on.
    pub fn requested_claims(&self) -> RequestedClaims {
        let mut requested = RequestedClaims::default();
        let rules = self.apps().iter().flat_map(|app| app.all_rules());
        for entry in rules.flat_map(Rule::allow) {
            for matcher in entry.matchers() {
                if let (Some(from), Matcher::Claim { path, test }) = (entry.from(), matcher) {
                    let claims = requested.0.entry(from.to_owned()).or_default();
                    claims.entry(path.clone()).or_default().push(test.clone());
                }
            }
        }
        requested
    }
}

impl RequestedClaims {
    /// Those of a user's claims that rules for this provider match on, as an object with the same paths:
    /// what a session must carry. `None` if there are none. Of a claim of more than 1 KiB only the values
    /// that rules name are kept.
    pub fn select(&self, provider: &str, claims: &Json) -> Option<Json> {
        let mut found = Vec::new();
        for (path, tests) in self.0.get(provider)? {
            if let Some(value) = claims.at(path).and_then(|value| reduced(value, tests)) {
                insert(&mut found, path, value);
            }
        }
        (!found.is_empty()).then_some(Json::Object(found))
    }
}

/// A claim without what no test can accept; `None` if nothing is left.
fn reduced(claim: &Json, tests: &[ClaimTest]) -> Option<Json> {
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
fn accepts_whole(claim: &Json, tests: &[ClaimTest]) -> bool {
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
