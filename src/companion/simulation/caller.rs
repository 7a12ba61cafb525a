//! Callers that are described, and the credentials that they present.

use std::time::Duration;

use portcullis_core::json::Json;
use portcullis_core::policy::{Policy, suggestion};
use portcullis_core::session::{self, split_cookie};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySourceId, Kind, Trust};

use super::claims::{decoded, kubernetes_claim, service_account, user};
use super::made_up_keys::MadeUpKeys;
use super::person::Person;
use super::request::SimulatedRequest;

/// How long a token that is made up is valid, unless `max_lifetime` is shorter.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);

/// Who sends a simulated request.
#[derive(Clone)]
pub(crate) enum SimulatedCaller {
    /// Nobody in particular: the request is evaluated as it is.
    Anonymous,
    /// A bearer token with these claims of a trust entry. What it needs and lacks is added: `iss`, `aud`, `iat`,
    /// `exp`, and `kubernetes.io` by its `sub`.
    Claims {
        /// The name of the trust entry.
        trust: String,
        /// The claims, an object.
        claims: Json,
    },
    /// The caller of this name, with a token that fulfils all else that the policy requires.
    Named(NamedCaller),
    /// A user who has signed in.
    Person(Person),
    /// A real bearer token, which is evaluated by the keys of its issuer.
    Token(String),
}

/// A caller by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct NamedCaller {
    /// `FROM/SUBJECT` or `TRUST/NAMESPACE/NAME`, as audit records have it.
    pub(crate) name: String,
    /// The groups; not for service accounts.
    pub(crate) groups: Vec<String>,
    /// The verified e-mail address; not for service accounts.
    pub(crate) email: Option<String>,
}

/// Why the policy has no such caller, and how to describe one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CallerError {
    /// What is wrong.
    pub(crate) problem: String,
    /// How to fix it.
    pub(crate) help: String,
}

impl SimulatedCaller {
    /// Whether keys of issuers are needed to evaluate the request. Also without a caller: the request may have a
    /// credential in its headers.
    pub(crate) const fn needs_issuers(&self) -> bool {
        match self {
            Self::Anonymous | Self::Token(_) => true,
            Self::Claims { .. } | Self::Named(_) | Self::Person(_) => false,
        }
    }
}

/// Adds the credential of a caller to a request.
pub(super) fn present(
    request: SimulatedRequest,
    caller: &SimulatedCaller,
    policy: &Policy,
    keys: &MadeUpKeys,
    now: Timestamp,
) -> Result<SimulatedRequest, CallerError> {
    let presenter = Presenter { policy, keys, now };
    match caller {
        SimulatedCaller::Anonymous => Ok(request),
        SimulatedCaller::Claims { trust, claims } => {
            let (id, trust) = presenter.trust(trust)?;
            presenter.bearer(request, id, trust, claims.clone())
        }
        SimulatedCaller::Named(named) => presenter.named(request, named),
        SimulatedCaller::Person(person) => presenter.person(request, person),
        SimulatedCaller::Token(token) => Ok(bearer(request, token)),
    }
}

fn bearer(request: SimulatedRequest, token: &str) -> SimulatedRequest {
    request.with("authorization", format!("Bearer {token}").as_bytes())
}

struct Presenter<'a> {
    policy: &'a Policy,
    keys: &'a MadeUpKeys,
    now: Timestamp,
}

impl Presenter<'_> {
    /// The trust entry of this name.
    fn trust(&self, name: &str) -> Result<(KeySourceId, &Trust), CallerError> {
        let mut sources = self.policy.key_sources();
        let found =
            sources.find(|(id, trust)| matches!(id, KeySourceId::Trust(_)) && trust.name == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = self.policy.trusts().iter().map(|one| &*one.name).collect();
            self.unknown("trust entry", name, &known)
        })
    }

    fn unknown(&self, what: &str, name: &str, known: &[&str]) -> CallerError {
        let help = match known {
            [] => format!("add a {what} to the policy"),
            _ => suggestion(name, known),
        };
        CallerError {
            problem: format!("the policy has no {what} `{name}`"),
            help,
        }
    }

    fn named(
        &self,
        request: SimulatedRequest,
        named: &NamedCaller,
    ) -> Result<SimulatedRequest, CallerError> {
        let name = &named.name;
        let Some((from, subject)) = name
            .split_once('/')
            .filter(|(_, subject)| !subject.is_empty())
        else {
            return Err(CallerError {
                problem: format!("`{name}` is not the name of a caller"),
                help: "write `TRUST/NAMESPACE/NAME` for a service account, else `FROM/SUBJECT`"
                    .to_owned(),
            });
        };
        let providers = self
            .policy
            .sso()
            .map_or_else(Default::default, |sso| sso.providers());
        if providers.iter().any(|provider| provider == from) {
            let person = Person {
                provider: Some(from.to_owned()),
                subject: decoded(subject)?,
                email: named.email.clone(),
                email_verified: true,
                groups: named.groups.clone(),
                ..Person::default()
            };
            return self.person(request, &person);
        }
        let Ok((id, trust)) = self.trust(from) else {
            let trusts = self.policy.trusts().iter().map(|trust| &trust.name);
            let known: Vec<&str> = trusts.chain(providers).map(String::as_str).collect();
            return Err(self.unknown("trust entry or provider", from, &known));
        };
        let claims = match trust.kind {
            Kind::Kubernetes => service_account(named, subject)?,
            Kind::Oidc => user(trust, named, &decoded(subject)?),
        };
        self.bearer(request, id, trust, claims)
    }

    /// A bearer token with these claims, and with those that they lack.
    fn bearer(
        &self,
        request: SimulatedRequest,
        id: KeySourceId,
        trust: &Trust,
        claims: Json,
    ) -> Result<SimulatedRequest, CallerError> {
        let Json::Object(mut members) = claims else {
            return Err(CallerError {
                problem: "the claims are no mapping".to_owned(),
                help: "write the claims of a token, like `{sub: …}`".to_owned(),
            });
        };
        let lifetime = LIFETIME.min(trust.max_lifetime);
        let apps = self.policy.apps().iter().flat_map(|app| app.audiences());
        let audiences = trust.audiences.iter().chain(apps).cloned();
        let time = |at: Timestamp| Json::Number(at.secs().into());
        let mut lacking = vec![
            ("iss", Json::String(trust.issuer.clone())),
            ("aud", Json::Array(audiences.map(Json::String).collect())),
            ("iat", time(self.now)),
            ("exp", time(self.now.after(lifetime))),
        ];
        if trust.kind == Kind::Kubernetes {
            lacking.extend(kubernetes_claim(&members));
        }
        for (name, value) in lacking {
            if !members.iter().any(|(own, _)| own == name) {
                members.push((name.to_owned(), value));
            }
        }
        // Serializing it can't fail.
        let payload = serde_json::to_string(&Json::Object(members)).unwrap_or_default();
        let token = self.keys.sign(id, "JWT", &payload).unwrap_or_default();
        Ok(bearer(request, &token))
    }

    /// The session of a user.
    fn person(
        &self,
        request: SimulatedRequest,
        person: &Person,
    ) -> Result<SimulatedRequest, CallerError> {
        let Some(sso) = self.policy.sso() else {
            return Err(CallerError {
                problem: "no user signs in, because the policy has no `sso`".to_owned(),
                help: "describe a caller of a trust entry".to_owned(),
            });
        };
        let provider = match (&person.provider, sso.providers()) {
            (Some(provider), _) if sso.has_provider(provider) => provider,
            (Some(provider), known) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                return Err(self.unknown("provider", provider, &known));
            }
            (None, [only]) => only,
            (None, several) => {
                return Err(CallerError {
                    problem: "the user's provider is missing".to_owned(),
                    help: format!("add `provider`, one of {}", several.join(", ")),
                });
            }
        };
        let claims = person.session_claims(provider, sso, self.policy, self.now);
        let token = self
            .keys
            .sign(
                KeySourceId::Companion,
                session::TOKEN_TYPE,
                &claims.to_json(),
            )
            .unwrap_or_default();
        let cookies = split_cookie(sso.cookie_names().token(), &token).into_iter();
        let cookies: Vec<String> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Ok(request.with("cookie", cookies.join("; ").as_bytes()))
    }
}
