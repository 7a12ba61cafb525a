//! The text form of the owners of keys.

use super::{Attempt, Check, CheckState, Claim, KeyOwners, MAX_CLAIMS, MAX_ENTRIES, Owner, State};
use crate::fetch_lease::{given, number, option};
use crate::json::Json;
use crate::jwk::Thumbprint;

/// The version of the text form. It is part of the name in shared data.
const FORMAT: u32 = 1;

/// The longest text form, in bytes.
const MAX_TEXT: usize = 2 << 20;

/// The text is not a valid record of owners. A worker that reads one replaces it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the shared owners of an issuer's keys have another format than this release writes")]
pub struct KeyOwnersError(());

impl KeyOwners {
    /// The text form: JSON.
    pub fn to_text(&self) -> String {
        let entries: Vec<String> = self.entries.iter().map(|name| quoted(name)).collect();
        let claims: Vec<String> = self.claims.iter().map(Claim::to_text).collect();
        format!(
            "{{\"format\":{FORMAT},\"entries\":[{}],\"claims\":[{}]}}",
            entries.join(","),
            claims.join(","),
        )
    }

    /// Parses the text form. It comes from memory that other plugins may share, so it is parsed as
    /// strictly as a response from the network.
    pub fn from_text(text: &[u8]) -> Result<Self, KeyOwnersError> {
        let json = (text.len() <= MAX_TEXT)
            .then(|| Json::parse(text).ok())
            .flatten();
        json.and_then(|json| Self::from_json(&json))
            .ok_or(KeyOwnersError(()))
    }

    fn from_json(json: &Json) -> Option<Self> {
        if number(json.member("format")?)? != u64::from(FORMAT) {
            return None;
        }
        let owners = Self {
            entries: list(json, "entries", |name| name.as_str().map(str::to_owned))?,
            claims: list(json, "claims", Claim::from_json)?,
        };
        let is_bounded = owners.entries.len() <= MAX_ENTRIES && owners.claims.len() <= MAX_CLAIMS;
        is_bounded.then_some(owners)
    }
}

impl Claim {
    fn to_text(&self) -> String {
        let state = match &self.state {
            State::Owned { owner, checks } => {
                let checks: Vec<String> = checks.iter().map(Check::to_text).collect();
                let (owner, checks) = (owner.to_text(), checks.join(","));
                format!("\"owner\":{owner},\"checks\":[{checks}]")
            }
            State::Ambiguous { claimants } => {
                let claimants: Vec<String> = claimants.iter().map(Owner::to_text).collect();
                format!("\"claimants\":[{}]", claimants.join(","))
            }
        };
        format!("{{\"key\":\"{}\",{state}}}", self.key)
    }

    fn from_json(json: &Json) -> Option<Self> {
        let state = match json.member("owner") {
            Some(owner) => State::Owned {
                owner: Owner::from_json(owner)?,
                checks: list(json, "checks", Check::from_json)?,
            },
            None => State::Ambiguous {
                claimants: list(json, "claimants", Owner::from_json)?,
            },
        };
        let key = Thumbprint::parse(json.member("key")?.as_str()?)?;
        Some(Self { key, state })
    }
}

impl Owner {
    fn to_text(&self) -> String {
        let source = option(self.source.as_deref().map(quoted));
        format!("{{\"name\":{},\"source\":{source}}}", quoted(&self.name))
    }

    fn from_json(json: &Json) -> Option<Self> {
        let source = match given(json, "source")? {
            Some(source) => Some(source.as_str()?.to_owned()),
            None => None,
        };
        let name = json.member("name")?.as_str()?.to_owned();
        Some(Self { name, source })
    }
}

impl Check {
    fn to_text(&self) -> String {
        let state = match self.state {
            CheckState::Unobserved => "\"state\":\"unobserved\"".to_owned(),
            CheckState::Unread => "\"state\":\"unread\"".to_owned(),
            CheckState::Waiting(Attempt {
                number,
                in_progress,
                is_first,
            }) => format!(
                "\"state\":\"waiting\",\"attempt\":{number},\"in_progress\":{in_progress},\
                 \"is_first\":{is_first}"
            ),
        };
        format!("{{\"entry\":{},{state}}}", quoted(&self.entry))
    }

    fn from_json(json: &Json) -> Option<Self> {
        let state = match json.member("state")?.as_str()? {
            "unobserved" => CheckState::Unobserved,
            "unread" => CheckState::Unread,
            "waiting" => CheckState::Waiting(Attempt {
                number: number(json.member("attempt")?)?,
                in_progress: boolean(json, "in_progress")?,
                is_first: boolean(json, "is_first")?,
            }),
            _ => return None,
        };
        let entry = json.member("entry")?.as_str()?.to_owned();
        Some(Self { entry, state })
    }
}

fn boolean(json: &Json, name: &str) -> Option<bool> {
    match json.member(name)? {
        Json::Bool(value) => Some(*value),
        _ => None,
    }
}

fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

fn list<T>(json: &Json, name: &str, read: impl Fn(&Json) -> Option<T>) -> Option<Vec<T>> {
    json.member(name)?.as_array()?.iter().map(read).collect()
}
