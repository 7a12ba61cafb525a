use std::time::Duration;

use super::*;
use crate::fixtures::{jwk, jwks, token};
use crate::keys::{HttpResponse, KeyRecord, PureRust};
use crate::session::Id;
use crate::token::Algorithm;
use crate::trust::TrustId;

mod cached_sessions;
mod caching;
mod candidates;
mod companion;
mod encoded_paths;
mod evidence;
mod foreign_cookies;
mod own_bearer;
mod refreshing;
mod refused_callers;
mod report_until;
mod same_origin;
mod session_tokens;
mod sessions;
mod shadow_rules;
mod shared_issuer;
mod ungated;
mod users;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Two clusters that share an issuer, and an issuer that is not a cluster.
const POLICY: &str = r#"{
  "trust": [
    {"name": "blue", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
     "audiences": ["portcullis"], "max_lifetime": "24h",
     "keys": {"envoy_cluster": "blue", "jwks": "https://blue.example.com/jwks", "max_stale": "1h"}},
    {"name": "green", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
     "audiences": ["portcullis", "green"],
     "keys": {"envoy_cluster": "green", "jwks": "https://green.example.com/jwks", "max_stale": "1h"}},
    {"name": "gitlab", "kind": "oidc", "issuer": "https://gitlab.example.com",
     "audiences": ["portcullis"],
     "keys": {"envoy_cluster": "gitlab", "jwks": "https://gitlab.example.com/jwks"}}
  ],
  "apps": [
    {"name": "alertmanager", "hosts": ["alertmanager.example.com"], "rules": [
      {"name": "polls", "methods": ["GET"], "paths": ["/api/v2/**"],
       "allow": [{"service_account": "blue/monitoring/karma"}]},
      {"name": "all-of-green", "allow": [{"service_account": "green/*/*"}]},
      {"name": "probes", "paths": ["/-/healthy"], "public": true}]},
    {"name": "own", "hosts": ["own.example.com"], "audiences": ["own"], "preflight": false,
     "rules": [{"name": "all", "allow": [{"service_account": "blue/*/*"}]}]}
  ]
}"#;

/// A gate, its keys, its cache and its clock.
struct TestGate {
    gate: Gate,
    keyring: Keyring,
    cache: TokenCache,
    revocations: Revocations,
    now: Timestamp,
}

/// The trust entry at this index of the policy.
fn trust(index: usize) -> KeySourceId {
    TrustId::at(index).into()
}

/// The result of an evaluation, in a form that can be compared.
#[derive(Debug, PartialEq)]
enum Summary {
    Decided(Reason, Option<String>, Option<String>),
    Await(Vec<KeySourceId>),
    Refresh(Id, String),
}

impl TestGate {
    /// A gate without keys.
    fn new() -> Self {
        Self::of(POLICY)
    }

    /// A gate with this policy and without keys.
    fn of(policy: &str) -> Self {
        let gate = Gate::new(Policy::from_json(policy).unwrap_or_else(|error| panic!("{error}")));
        let keyring = Keyring::new(gate.policy().key_sources(), START);
        Self {
            gate,
            keyring,
            cache: TokenCache::default(),
            revocations: Revocations::default(),
            now: START,
        }
    }

    /// A gate with keys: blue has the one for ES256, green the one for EdDSA, gitlab the one for
    /// RS256, each with the `kid` of [`kid`].
    fn with_keys() -> Self {
        let mut test = Self::new();
        // Twice, because a key counts after the other entries of the issuer were fetched since.
        for _ in 0..2 {
            for (index, algorithm) in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256]
                .into_iter()
                .enumerate()
            {
                test.fetch(trust(index), Some(&[(algorithm, kid(algorithm))]));
            }
        }
        test
    }

    /// The issuer responds with these keys, or not at all.
    fn fetch(&mut self, source: KeySourceId, keys: Option<&[(Algorithm, &str)]>) {
        let body = keys.map(|keys| {
            let keys: Vec<String> = keys
                .iter()
                .map(|(algorithm, kid)| jwk(*algorithm, kid))
                .collect();
            jwks(&keys)
        });
        self.fetch_body(source, body);
    }

    /// The issuer responds with this body, or not at all.
    fn fetch_body(&mut self, source: KeySourceId, body: Option<String>) {
        let mut sources = self.gate.policy().key_sources();
        let (_, trust) = sources.find(|(id, _)| *id == source).unwrap();
        let remote = trust.keys.remote.clone().unwrap();
        let mut record: KeyRecord = self.keyring.trust_keys(source).unwrap().record().clone();
        let request = record.begin(trust, &remote, 1, self.now);
        let response = body.as_ref().map(|body| HttpResponse {
            status: 200,
            content_type: None,
            content_encoding: None,
            body: body.as_bytes(),
        });
        let _outcome =
            record.apply_response(trust, &remote, &request, response.as_ref(), self.now, 0);
        self.keyring.update(source, record);
        self.keyring.observe(self.now);
    }

    /// The context of a request that arrives now.
    fn context<'t>(&'t self, signatures: &'t dyn Signatures) -> Context<'t> {
        Context {
            keyring: &self.keyring,
            signatures,
            revocations: &self.revocations,
            arrived: self.now,
            now: self.now,
        }
    }

    /// What evaluates a request that arrives now: the gate, the context and the cache. Not by
    /// [`Self::context`], which borrows the cache too.
    fn parts(&mut self) -> (&Gate, Context<'_>, &mut TokenCache) {
        let context = Context {
            keyring: &self.keyring,
            signatures: &PureRust,
            revocations: &self.revocations,
            arrived: self.now,
            now: self.now,
        };
        (&self.gate, context, &mut self.cache)
    }

    /// Advances the clock.
    fn wait(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    /// Evaluates a request with these headers in addition to method, host and path.
    fn evaluate(&mut self, request: &str, headers: &[(&str, &str)]) -> Summary {
        let now = self.now;
        self.evaluate_at(request, headers, now)
    }

    /// Evaluates a request that arrived at `arrived`.
    fn evaluate_at(
        &mut self,
        request: &str,
        headers: &[(&str, &str)],
        arrived: Timestamp,
    ) -> Summary {
        let (gate, context, cache) = self.parts();
        let context = Context { arrived, ..context };
        evaluate(gate, request, headers, context, cache)
    }

    /// Evaluates a poll of the alertmanager with this token.
    fn poll(&mut self, token: &str) -> Summary {
        let bearer = format!("Bearer {token}");
        self.evaluate(
            "GET alertmanager.example.com /api/v2/alerts",
            &[("authorization", &bearer)],
        )
    }
}

fn evaluate(
    gate: &Gate,
    request: &str,
    headers: &[(&str, &str)],
    context: Context<'_>,
    cache: &mut TokenCache,
) -> Summary {
    Summary::of(&evaluation(gate, request, headers, context, cache))
}

fn evaluation<'g>(
    gate: &'g Gate,
    request: &str,
    fields: &[(&str, &str)],
    context: Context<'_>,
    cache: &mut TokenCache,
) -> Evaluation<'g> {
    gate.evaluate(&headers(request, fields), context, cache)
}

/// The headers of a request: `METHOD authority path`, and these in addition.
fn headers<'a>(request: &'a str, fields: &[(&'a str, &'a str)]) -> Headers<'a> {
    let names = [":method", ":authority", ":path"];
    let fields = names
        .into_iter()
        .zip(request.split(' '))
        .chain(fields.iter().copied());
    let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Headers::new(fields.collect())
}

impl Summary {
    fn of(evaluation: &Evaluation<'_>) -> Self {
        match evaluation {
            Evaluation::AwaitKeys { sources, .. } => Self::Await(sources.clone()),
            Evaluation::Refresh(refresh) => {
                Self::Refresh(refresh.sid(), refresh.cookies().to_owned())
            }
            Evaluation::Decided(decision) => Self::Decided(
                decision.reason(),
                decision.rule().map(|rule| rule.name().to_owned()),
                decision
                    .authenticated()
                    .map(|known| known.caller_name().to_owned()),
            ),
        }
    }
}

/// The name under which the fixed key of an algorithm is published here.
fn kid(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDsa => "green-1",
        Algorithm::Es256 => "blue-1",
        _ => "gitlab-1",
    }
}

/// A token of the service account `karma`, signed by the key of this algorithm.
fn karma(algorithm: Algorithm, kid: Option<&str>, audience: &str, lifetime: u64) -> String {
    let kid = kid.map_or_else(String::new, |kid| format!(r#","kid":"{kid}""#));
    let header = format!(r#"{{"alg":"{algorithm}"{kid}}}"#);
    let iat = START.secs();
    let payload = format!(
        r#"{{"iss":"https://kubernetes.example.com","aud":"{audience}","iat":{iat},"exp":{},
            "sub":"system:serviceaccount:monitoring:karma","jti":"{audience}{lifetime}",
            "kubernetes.io":{{"namespace":"monitoring","serviceaccount":{{"name":"karma"}}}}}}"#,
        iat + lifetime
    );
    token(algorithm, &header, &payload)
}

/// A refusal without a caller.
fn refused(reason: Reason) -> Summary {
    Summary::Decided(reason, None, None)
}

fn decided(reason: Reason, rule: Option<&str>, caller: &str) -> Summary {
    Summary::Decided(reason, rule.map(str::to_owned), Some(caller.to_owned()))
}

#[test]
fn requests_that_need_no_token_ignore_tokens() {
    let mut test = TestGate::new();
    let bad = [
        ("authorization", "Bearer x, Bearer y"),
        ("authorization", "Bearer z"),
    ];
    assert_eq!(
        test.evaluate("GET alertmanager.example.com /-/healthy", &bad),
        Summary::Decided(Reason::Public, Some("probes".to_owned()), None)
    );
    let preflight = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "POST"),
    ];
    assert_eq!(
        test.evaluate("OPTIONS alertmanager.example.com /api", &preflight),
        refused(Reason::Preflight)
    );
    assert_eq!(
        test.evaluate("OPTIONS own.example.com /api", &preflight),
        refused(Reason::NoCredentials)
    );
    assert_eq!(
        test.evaluate("POST alertmanager.example.com /-/healthy", &[]),
        refused(Reason::NoCredentials)
    );
}

#[test]
fn requests_are_refused_for_their_form_before_their_token() {
    let mut test = TestGate::new();
    for (request, reason) in [
        (
            "GET alertmanager.example.com //api",
            Reason::RequestAmbiguous,
        ),
        ("GET other.example.com /api", Reason::AppUnknown),
        ("GET alertmanager.example.com /api", Reason::NoCredentials),
    ] {
        assert_eq!(test.evaluate(request, &[]), refused(reason), "{request}");
    }
    let basic = [("authorization", "Basic YTpi")];
    let request = "GET alertmanager.example.com /api";
    assert_eq!(
        test.evaluate(request, &basic),
        refused(Reason::NoCredentials)
    );
    let malformed = [("authorization", "Bearer a.b")];
    assert_eq!(
        test.evaluate(request, &malformed),
        refused(Reason::TokenMalformed)
    );
}

#[test]
fn t07_each_request_is_decided_by_the_rules_of_its_app() {
    let mut test = TestGate::with_keys();
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let caller = "blue/monitoring/karma";
    for (request, expected) in [
        (
            "GET alertmanager.example.com /api/v2/alerts",
            decided(Reason::Rule, Some("polls"), caller),
        ),
        (
            "POST alertmanager.example.com /api/v2/alerts",
            decided(Reason::CallerNotAllowed, None, caller),
        ),
        (
            "GET alertmanager.example.com /-/reload",
            decided(Reason::CallerNotAllowed, None, caller),
        ),
        (
            "GET own.example.com /",
            decided(Reason::AudienceMismatch, None, caller),
        ),
    ] {
        assert_eq!(test.evaluate(request, &headers), expected, "{request}");
    }
}
