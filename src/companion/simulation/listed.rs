//! A caller whom an entry lists, and as few other entries as possible.

use portcullis_core::json::Json;
use portcullis_core::policy::{ClaimTest, Entry, Matcher, NamePart, Policy};
use portcullis_core::trust::{Kind, Trust};

use super::claims::{insert, insert_email, service_account_subject};
use super::{Person, SimulatedCaller};

/// Makes up callers of a policy. A caller has, as far as possible, a token that another policy accepts too: a difference
/// between the tokens that they accept is one of settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListedCallers<'p> {
    pub(crate) own: &'p Policy,
    pub(crate) other: &'p Policy,
    /// What stands for every value that no entry requires: no entry of either policy has it.
    pub(crate) unnamed: &'p str,
}

/// A text that no entry and no refused caller of these policies has in it.
pub(crate) fn unnamed(policies: [&Policy; 2]) -> String {
    let names = policies.map(|policy| {
        let rules = policy.apps().iter().map(|app| format!("{:?}", app.rules()));
        let refused = policy.refused_callers().map(str::to_owned);
        rules.chain(refused).collect::<Vec<String>>().concat()
    });
    let mut text = "other".to_owned();
    while names.iter().any(|names| names.contains(&text)) {
        text.push('s');
    }
    text
}

/// Whether an entry selects tokens by claims that decide whether they are accepted at all.
pub(crate) fn selects_tokens(entry: &Entry) -> bool {
    entry.matchers().iter().any(|matcher| match matcher {
        Matcher::Claim { path, .. } => path
            .first()
            .is_some_and(|name| name == "aud" || name == "iss"),
        _ => false,
    })
}

impl ListedCallers<'_> {
    /// The callers for an entry: one for each trust entry or provider that it is for. `subject` is theirs, if the entry
    /// requires none.
    pub(crate) fn listed_by(self, entry: &Entry, subject: Option<&str>) -> Vec<SimulatedCaller> {
        let Some(from) = entry.from() else {
            return self.service_accounts(entry, subject);
        };
        match self.own.trust(from) {
            Some(trust) => vec![self.of_trust(trust, entry, subject)],
            None => vec![self.person(from, entry, subject)],
        }
    }

    fn service_accounts(self, entry: &Entry, subject: Option<&str>) -> Vec<SimulatedCaller> {
        let trusts = self.own.trusts().iter().filter(|trust| {
            trust.kind == Kind::Kubernetes
                && entry.matchers().iter().all(|matcher| match matcher {
                    Matcher::ServiceAccount { trust: part, .. } => part.matches(&trust.name),
                    _ => true,
                })
        });
        trusts
            .map(|trust| self.of_trust(trust, entry, subject))
            .collect()
    }

    /// The caller with a token of a trust entry.
    fn of_trust(self, trust: &Trust, entry: &Entry, subject: Option<&str>) -> SimulatedCaller {
        let mut claims = Claims {
            members: Vec::new(),
            unnamed: self.unnamed,
        };
        let audiences = self.audiences(&trust.name).into_iter().map(Json::String);
        claims.set(&["aud".to_owned()], Json::Array(audiences.collect()));
        claims.set_text("iss", self.issuer(trust));
        for matcher in entry.matchers() {
            match matcher {
                Matcher::Anyone => {}
                Matcher::Claim { path, test } => claims.set(path, value(test)),
                Matcher::Email(address) => insert_email(&mut claims.members, trust, address),
                Matcher::EmailDomain(domain) => {
                    let address = format!("{}@{domain}", self.unnamed);
                    insert_email(&mut claims.members, trust, &address);
                }
                Matcher::Group(group) => {
                    let groups = Json::Array(vec![Json::String(group.clone())]);
                    claims.set(&trust.claims.groups, groups);
                }
                Matcher::ServiceAccount { .. } => {}
                Matcher::User(user) => claims.set_text("sub", user),
            }
        }
        match trust.kind {
            Kind::Kubernetes => claims.set_service_account(entry, subject),
            Kind::Oidc => claims.default_text("sub", subject.unwrap_or(self.unnamed)),
        }
        SimulatedCaller::Claims {
            trust: trust.name.clone(),
            claims: Json::Object(claims.members),
        }
    }

    /// The user who signed in at a provider.
    fn person(self, provider: &str, entry: &Entry, subject: Option<&str>) -> SimulatedCaller {
        let mut person = Person {
            provider: Some(provider.to_owned()),
            subject: subject.unwrap_or(self.unnamed).to_owned(),
            email_verified: true,
            ..Person::default()
        };
        let mut claims = Claims {
            members: Vec::new(),
            unnamed: self.unnamed,
        };
        for matcher in entry.matchers() {
            match matcher {
                Matcher::Anyone | Matcher::ServiceAccount { .. } => {}
                Matcher::Claim { path, test } => {
                    let value = value(test);
                    // A session has these outside of the provider's other claims.
                    match (path.as_slice(), test) {
                        ([name], ClaimTest::Equals(Json::String(text))) if name == "sub" => {
                            person.subject.clone_from(text);
                        }
                        ([name], ClaimTest::Equals(Json::String(text))) if name == "email" => {
                            person.email = Some(text.clone());
                        }
                        ([name], ClaimTest::Equals(Json::String(text)))
                            if name == "preferred_username" =>
                        {
                            person.preferred_username = Some(text.clone());
                        }
                        ([name], ClaimTest::Contains(Json::String(text))) if name == "groups" => {
                            person.groups.push(text.clone());
                        }
                        _ => {}
                    }
                    claims.set(path, value);
                }
                Matcher::Email(address) => person.email = Some(address.clone()),
                Matcher::EmailDomain(domain) => {
                    person.email = Some(format!("{}@{domain}", self.unnamed))
                }
                Matcher::Group(group) => person.groups.push(group.clone()),
                Matcher::User(user) => person.subject.clone_from(user),
            }
        }
        person.claims = Some(Json::Object(claims.members));
        SimulatedCaller::Person(person)
    }

    /// All audiences that either policy requires.
    fn audiences(self, trust: &str) -> Vec<String> {
        let mut audiences = Vec::new();
        for policy in [self.own, self.other] {
            let of_trust = policy
                .trust(trust)
                .into_iter()
                .flat_map(|trust| &trust.audiences);
            let of_apps = policy.apps().iter().flat_map(|app| app.audiences());
            for audience in of_trust.chain(of_apps) {
                if !audiences.contains(audience) {
                    audiences.push(audience.clone());
                }
            }
        }
        audiences
    }

    /// An issuer that both accept, or that of the trust entry.
    fn issuer(self, trust: &Trust) -> &str {
        let accepted = |issuer: &&String| {
            let other = self.other.trust(&trust.name);
            other.is_some_and(|other| other.accepts_issuer(issuer))
        };
        let mut issuers = std::iter::once(&trust.issuer).chain(&trust.former_issuers);
        issuers.find(accepted).unwrap_or(&trust.issuer)
    }
}

/// A value that passes a test, and no other if possible: a member of a list is not equal to it.
fn value(test: &ClaimTest) -> Json {
    match test {
        ClaimTest::Equals(value) => value.clone(),
        ClaimTest::Contains(value) => Json::Array(vec![value.clone()]),
    }
}

/// The claims of a token.
struct Claims<'p> {
    members: Vec<(String, Json)>,
    unnamed: &'p str,
}

impl Claims<'_> {
    /// Sets a claim. Members of a list are added to those that it has.
    fn set(&mut self, path: &[String], value: Json) {
        let before = Json::Object(self.members.clone());
        let value = match (before.at(path), value) {
            (Some(Json::Array(before)), Json::Array(more)) => {
                Json::Array([&before[..], &more].concat())
            }
            (_, value) => value,
        };
        insert(&mut self.members, path, value);
    }

    fn set_text(&mut self, name: &str, text: &str) {
        self.set(&[name.to_owned()], Json::String(text.to_owned()));
    }

    fn default_text(&mut self, name: &str, text: &str) {
        if !self.members.iter().any(|(own, _)| own == name) {
            self.set_text(name, text);
        }
    }

    /// The claims of a service account: that of the entry, or `subject`, `NAMESPACE/NAME`.
    fn set_service_account(&mut self, entry: &Entry, subject: Option<&str>) {
        let (namespace, name) = subject
            .and_then(|subject| subject.split_once('/'))
            .unwrap_or((self.unnamed, self.unnamed));
        let parts = entry.matchers().iter().find_map(|matcher| match matcher {
            Matcher::ServiceAccount {
                namespace, name, ..
            } => Some((namespace, name)),
            _ => None,
        });
        let part = |part: Option<&NamePart>, default: &str| match part {
            Some(NamePart::Exact(exact)) => exact.clone(),
            Some(NamePart::Any) | None => default.to_owned(),
        };
        let namespace = part(parts.map(|(namespace, _)| namespace), namespace);
        let name = part(parts.map(|(_, name)| name), name);
        self.set_text("sub", &service_account_subject(&namespace, &name));
        let path = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        self.set(
            &path(&["kubernetes.io", "namespace"]),
            Json::String(namespace),
        );
        self.set(
            &path(&["kubernetes.io", "serviceaccount", "name"]),
            Json::String(name),
        );
    }
}
