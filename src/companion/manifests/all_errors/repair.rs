//! How a draft becomes valid at the place of an error.

use portcullis_core::policy::PolicyError;
use serde_json::json;

use super::draft::{Draft, Kind, Place};

/// The key of the example in RFC 7517 appendix A.1.
const X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
const Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";

/// The names of trust entries and providers that are wrong, or whose kind is unknown. What refers to one of them has
/// errors that follow from that.
#[derive(Debug, Default)]
pub(super) struct Lost {
    names: Vec<String>,
    /// Whether a name is unknown too.
    any: bool,
}

/// What to do about an error.
#[derive(Debug)]
pub(super) enum Repair {
    /// Adds the missing field with this value.
    Add(String, String),
    /// Removes the value.
    Remove,
    /// Removes the value that has this one, so many levels above.
    RemoveParent(usize),
    /// Replaces the value.
    Replace(String),
    /// Nothing can be done: the policy has no apps, for instance.
    Stop,
}

impl Repair {
    /// The repair for an error at a place. `number` makes values unique.
    pub(super) fn of(draft: &Draft<'_>, place: &Place, error: &PolicyError, number: usize) -> Self {
        let problem = error.problem();
        let value = draft.at(&place.steps);
        let is_substitute = value.is_some_and(|value| matches!(value.kind, Kind::Substitute(_)));
        if is_substitute {
            return Self::RemoveParent(1);
        }
        if problem.starts_with("unknown field") {
            return Self::Remove;
        }
        if let Some(name) = missing(problem)
            && let Some(json) = substitute(&join(&place.field, name), draft, place, number)
        {
            return Self::Add(name.to_owned(), json);
        }
        match &*place.field {
            "" | "apps" => Self::Stop,
            field if field.starts_with("trust[].algorithms") => {
                let levels = field.matches("[]").count() - 1;
                Self::RemoveParent(levels)
            }
            field if field.starts_with("apps[].identity_headers.") => Self::RemoveParent(1),
            "apps[].rules[].paths" | "apps[].shadow_rules[].paths"
                if problem.contains("`encoded_paths") =>
            {
                Self::Remove
            }
            "apps[].rules[].allow" | "apps[].shadow_rules[].allow" => Self::RemoveParent(1),
            field => match substitute(field, draft, place, number) {
                Some(json) => Self::Replace(json),
                None => Self::Remove,
            },
        }
    }

    /// Changes the draft. Whether it did.
    pub(super) fn apply(
        self,
        draft: &mut Draft<'_>,
        place: &Place,
        problem: &str,
        lost: &mut Lost,
    ) -> bool {
        lost.add(draft, place, problem);
        match self {
            Self::Add(name, json) => {
                match draft.at_mut(&place.steps).map(|value| &mut value.kind) {
                    Some(Kind::Map(members)) => {
                        members.push((name, Draft::substitute(json)));
                        true
                    }
                    _ => false,
                }
            }
            Self::Remove => draft.remove(&place.steps),
            Self::RemoveParent(levels) => {
                let kept = place.steps.len().saturating_sub(levels);
                draft.remove(place.steps.get(..kept).unwrap_or_default())
            }
            Self::Replace(json) => match draft.at_mut(&place.steps) {
                Some(value) => {
                    *value = Draft::substitute(json);
                    true
                }
                None => false,
            },
            Self::Stop => false,
        }
    }
}

/// The name of the field that is missing.
fn missing(problem: &str) -> Option<&str> {
    let rest = problem.strip_prefix("missing field `")?;
    rest.strip_suffix('`')
}

fn join(field: &str, name: &str) -> String {
    let dot = if field.is_empty() { "" } else { "." };
    format!("{field}{dot}{name}")
}

/// What can stand for a value of this field; `None` if it can be removed.
fn substitute(field: &str, draft: &Draft<'_>, place: &Place, number: usize) -> Option<String> {
    let word = format!("portcullis-substitute-{number}");
    let url = format!("https://{word}.invalid");
    let keys = json!({"envoy_cluster": word, "jwks": url});
    let value = draft.at(&place.steps);
    let text = |name: &str| value?.member(name)?.text();
    let name = text("name").unwrap_or(&word);
    let public = |name: &str| json!({"name": name, "paths": [format!("/{word}")], "public": true});
    // Shadow rules have the form of rules.
    let json = match &*field.replace("apps[].shadow_rules[]", "apps[].rules[]") {
        "apps[].audiences[]"
        | "apps[].name"
        | "apps[].rules[].name"
        | "sso.envoy_cluster"
        | "trust[].audiences[]"
        | "trust[].keys.envoy_cluster"
        | "trust[].name" => json!(word),
        "apps[].hosts" => json!([format!("{word}.invalid")]),
        "apps[].hosts[]" => json!(format!("{word}.invalid")),
        "apps[].rules" => json!([public(&word)]),
        "apps[].rules[]" => public(name),
        "apps[].rules[].methods[]" => json!("GET"),
        "apps[].rules[].paths" => json!([format!("/{word}")]),
        "apps[].rules[].paths[]" => json!(format!("/{word}")),
        "sso.url" | "trust[].issuer" | "trust[].keys.jwks" => json!(url),
        "trust[]" => {
            let kind = text("kind").unwrap_or("oidc");
            json!({"name": name, "kind": kind, "issuer": url, "audiences": [word], "keys": keys})
        }
        "trust[].audiences" => json!([word]),
        "trust[].keys" => keys,
        "trust[].keys.inline" => json!({"keys": [{"kty": "EC", "crv": "P-256", "x": X, "y": Y}]}),
        "trust[].keys.refresh" => json!("10s"),
        "trust[].kind" => json!("oidc"),
        _ => return None,
    };
    Some(json.to_string())
}

// === impl Lost ===

impl Lost {
    /// Whether a place is in an entry that refers to a lost name.
    pub(super) fn is_in(&self, draft: &Draft<'_>, place: &Place) -> bool {
        let lists = ["apps[].rules[].allow[]", "apps[].shadow_rules[].allow[]"];
        let is_entry = lists.iter().any(|list| place.field.starts_with(list));
        if !is_entry || self.is_empty() {
            return false;
        }
        // apps, [i], rules, [j], allow, [k]
        let Some(entry) = place.steps.get(..6).and_then(|steps| draft.at(steps)) else {
            return false;
        };
        let from = entry.member("from").and_then(Draft::text);
        let account = entry.member("service_account").and_then(Draft::text);
        let trust = account.and_then(|account| account.split('/').next());
        let is_lost =
            |name: &str| self.any || name == "*" || self.names.iter().any(|lost| lost == name);
        from.is_some_and(is_lost) || trust.is_some_and(is_lost)
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.any
    }

    /// Adds the names that are unknown after an error at this place.
    fn add(&mut self, draft: &Draft<'_>, place: &Place, problem: &str) {
        // Which name was meant is unknown where one is mistyped.
        let is_mistyped = problem.ends_with("is not a valid name");
        // A mistyped field at the top can be one of these.
        let is_missing = draft.member("trust").is_none() || draft.member("sso").is_none();
        let is_top = is_missing && !place.field.contains(['.', '[']);
        match &*place.field {
            "trust" => self.any = true,
            _ if is_top && problem.starts_with("unknown field") => self.any = true,
            "trust[].name" | "sso.providers[]" if is_mistyped => self.any = true,
            "trust[]" if Self::is_known(draft, place) => {}
            "trust[]" | "trust[].name" | "trust[].kind" => {
                self.add_text(
                    draft.at(place.steps.get(..2).unwrap_or_default()),
                    Some("name"),
                );
            }
            "sso.providers[]" => self.add_text(draft.at(&place.steps), None),
            "sso" | "sso.providers" => {
                let providers = draft.member("sso").and_then(|sso| sso.member("providers"));
                match providers.map(|providers| &providers.kind) {
                    Some(Kind::List(providers)) => {
                        for (_, provider) in providers {
                            self.add_text(Some(provider), None);
                        }
                    }
                    Some(_) => self.any = true,
                    None => self.names.push("sso".to_owned()),
                }
            }
            _ => {}
        }
    }

    /// Whether a trust entry has a name and a kind.
    fn is_known(draft: &Draft<'_>, place: &Place) -> bool {
        let value = draft.at(&place.steps);
        let is_text = |name| value.and_then(|value| value.member(name)?.text()).is_some();
        is_text("name") && is_text("kind")
    }

    /// Adds a name, which is the text of a value or of its member.
    fn add_text(&mut self, value: Option<&Draft<'_>>, member: Option<&str>) {
        let value = match member {
            Some(member) => value.and_then(|value| value.member(member)),
            None => value,
        };
        match value.and_then(Draft::text) {
            Some(name) => self.names.push(name.to_owned()),
            None => self.any = true,
        }
    }
}
