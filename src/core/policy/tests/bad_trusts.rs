//! Trust entries that are refused.

use super::bad_keys::keys_refused;
use super::{accepted, error, refused, with};
use crate::policy::Policy;

pub(super) const KEYS: &str = r#""keys": {"envoy_cluster": "gitlab"}"#;
const AUDIENCE: &str = r#"["portcullis"]"#;
/// The P-256 key of RFC 7517, appendix A.1.
pub(super) const KEY: &str = r#"{"kty": "EC", "crv": "P-256", "kid": "1",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
const ISSUER: &str = r#""issuer": "https://gitlab.example.com""#;

/// Adds members to the second entry.
#[track_caller]
fn member_refused(member: &str, path: &str, problem: &str, help: &str) {
    refused(KEYS, &format!("{KEYS}, {member}"), path, problem, help);
}

#[test]
fn a_missing_required_member_is_an_error() {
    for (piece, other, path, problem) in [
        (
            r#""name": "gitlab", "#,
            "",
            "trust[1]",
            "missing field `name`",
        ),
        (
            r#""kind": "oidc", "#,
            "",
            "trust[1]",
            "missing field `kind`",
        ),
        (
            r#""issuer": "https://gitlab.example.com","#,
            "",
            "trust[1]",
            "missing field `issuer`",
        ),
        (
            r#""audiences": ["tools"], "#,
            "",
            "trust[1]",
            "missing field `audiences`",
        ),
        (
            r#", "keys": {"envoy_cluster": "gitlab"}"#,
            "",
            "trust[1]",
            "missing field `keys`",
        ),
        (
            r#"["tools"]"#,
            "[]",
            "trust[1].audiences",
            "the list is empty",
        ),
        (
            r#"["tools"]"#,
            r#"["a", ""]"#,
            "trust[1].audiences[1]",
            "the string is empty",
        ),
        (
            r#"["tools"]"#,
            r#"["\n"]"#,
            "trust[1].audiences[0]",
            "the string contains a control character",
        ),
        (
            r#""oidc""#,
            r#""OIDC""#,
            "trust[1].kind",
            "`OIDC` is not a kind of trust entry",
        ),
    ] {
        refused(piece, other, path, problem, "");
    }
}

#[test]
fn names_are_valid_and_unique() {
    for name in ["", "Git", "git/lab", "git lab", "git_lab", &"a".repeat(64)] {
        let name = format!(r#""name": "{name}""#);
        let help = "lower-case letters, digits and `-`";
        refused(
            r#""name": "gitlab""#,
            &name,
            "trust[1].name",
            "is not a valid name",
            help,
        );
    }
    refused(
        r#""name": "gitlab""#,
        r#""name": "staging""#,
        "trust[1].name",
        "duplicate name `staging`",
        "a unique name",
    );
}

#[test]
fn d02_an_issuer_is_an_https_url_without_query_fragment_or_user() {
    for url in [
        "http://gitlab.example.com",
        "kubernetes/serviceaccount",
        "https://",
        "https://user@gitlab.example.com",
        "https://gitlab.example.com?a",
        "https://gitlab.example.com/#a",
        "https://gitlab.example.com:0",
        "https://gitlab.example.com/../a",
        " https://gitlab.example.com",
    ] {
        let issuer = format!(r#""issuer": "{url}""#);
        let help = "exactly as in `iss`";
        refused(
            ISSUER,
            &issuer,
            "trust[1].issuer",
            "is not an issuer URL",
            help,
        );
        let former = format!(r#"{ISSUER}, "former_issuers": ["{url}"]"#);
        let path = "trust[1].former_issuers[0]";
        refused(ISSUER, &former, path, "is not an issuer URL", help);
    }
    refused(
        ISSUER,
        &format!(r#"{ISSUER}, "former_issuers": ["https://gitlab.example.com"]"#),
        "trust[1].former_issuers[0]",
        "is also the value of `issuer`",
        "remove it here",
    );
}

#[test]
fn an_issuer_may_be_any_text_if_its_keys_are_named() {
    let inline = format!(r#""keys": {{"inline": {{"keys": [{KEY}]}}}}"#);
    let jwks = r#""keys": {"envoy_cluster": "gitlab", "jwks": "https://a.example/k?appid=1"}"#;
    for keys in [&*inline, jwks] {
        for issuer in [
            "accounts.google.com",
            "kubernetes/serviceaccount",
            "http://a?b",
            "x",
        ] {
            let text = with(KEYS, keys).replace("https://gitlab.example.com", issuer);
            let policy = Policy::from_json(&text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(policy.trusts()[1].issuer, issuer);
        }
        for issuer in ["", "a\\nb"] {
            let text = with(KEYS, keys).replace("https://gitlab.example.com", issuer);
            assert_eq!(error(&text).path(), "trust[1].issuer");
        }
    }
    let error = error(&with(ISSUER, r#""issuer": "accounts.google.com""#));
    assert_eq!(
        error.problem(),
        "`accounts.google.com` is not an issuer URL"
    );
    assert!(error.help().contains("name its keys in `keys.jwks`"));
}

#[test]
fn service_accounts_have_no_email_to_trust() {
    refused(
        r#""kind": "kubernetes","#,
        r#""kind": "kubernetes", "trust_unverified_email": true,"#,
        "trust[0].trust_unverified_email",
        "tokens of the kind kubernetes have no e-mail address",
        "remove it",
    );
}

#[test]
fn k04_a_kubernetes_audience_must_be_dedicated() {
    for audience in [
        "https://kubernetes.default.svc",
        "https://kubernetes.default.svc/",
        "https://kubernetes.default.svc.cluster.local",
        "https://kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "https://kubernetes.default.svc.blue.internal",
        "kubernetes",
    ] {
        let audiences = format!(r#"["portcullis", "{audience}"]"#);
        let help = "a dedicated audience";
        let path = "trust[0].audiences[1]";
        refused(
            AUDIENCE,
            &audiences,
            path,
            "the API server's own audience",
            help,
        );
    }
    for issuer in [
        "https://kubernetes.example.com",
        "https://gitlab.example.com",
    ] {
        let path = "trust[0].audiences[0]";
        refused(
            AUDIENCE,
            &format!(r#"["{issuer}"]"#),
            path,
            "is an issuer",
            "",
        );
    }
    accepted(r#"["tools"]"#, r#"["https://gitlab.example.com"]"#);
}

#[test]
fn durations_have_bounds() {
    for (name, text, problem, help) in [
        ("refresh", "9s", "out of range", "10s to 1h"),
        ("refresh", "61m", "out of range", "10s to 1h"),
        ("refresh", "5", "is not a duration", "like `30s`"),
        ("max_stale", "4m", "out of range", "at least `refresh`"),
        ("max_stale", "", "is not a duration", "like `30s`"),
    ] {
        let keys = format!(r#"{{"envoy_cluster": "c", "{name}": "{text}"}}"#);
        keys_refused(&keys, &format!("trust[1].keys.{name}"), problem, help);
    }
    for (name, text, problem, help) in [
        ("leeway", "301s", "out of range", "at most 5m"),
        ("leeway", "half an hour", "is not a duration", "like `30s`"),
        ("max_lifetime", "0s", "out of range", "at least 1s"),
    ] {
        let member = format!(r#""{name}": "{text}""#);
        member_refused(&member, &format!("trust[1].{name}"), problem, help);
    }
    let bounds = r#""keys": {"envoy_cluster": "c", "refresh": "1h", "max_stale": "1h"},
                    "leeway": "5m", "max_lifetime": "8760h""#;
    accepted(KEYS, bounds);
}

#[test]
fn j04_algorithms_without_a_public_key_are_refused_by_name() {
    for (name, problem) in [
        ("HS256", "uses a shared secret"),
        ("hs512", "uses a shared secret"),
        ("none", "means no signature"),
        ("nOnE", "means no signature"),
        ("RS1", "is not an accepted algorithm"),
        ("rs256", "is not an accepted algorithm"),
        ("", "is not an accepted algorithm"),
    ] {
        member_refused(
            &format!(r#""algorithms": ["ES256", "{name}"]"#),
            "trust[1].algorithms[1]",
            problem,
            "write one of EdDSA, ES256",
        );
    }
    let path = "trust[1].algorithms";
    member_refused(
        r#""algorithms": []"#,
        path,
        "the list is empty",
        "remove it",
    );
}

#[test]
fn claims_are_for_oidc_and_have_a_path() {
    refused(
        r#""keys": {"envoy_cluster": "k8s-staging"}"#,
        r#""keys": {"envoy_cluster": "k8s-staging"}, "claims": {}"#,
        "trust[0].claims",
        "no configurable claims",
        "remove `claims`",
    );
    for path in [r#""""#, "[]", r#"["a", ""]"#, r#"["a", 1]"#, "true", "{}"] {
        let claims = format!(r#""claims": {{"groups": {path}}}"#);
        let problem = "the value is not the name of a claim or a list of names";
        member_refused(
            &claims,
            "trust[1].claims.groups",
            problem,
            "list of member names",
        );
    }
}

/// A second entry beside `gitlab`.
fn twin(issuer: &str, audiences: &str, keys: &str) -> String {
    let kind = r#""name": "twin", "kind": "oidc""#;
    let twin = format!(r#"{{{kind}, {issuer}, "audiences": {audiences}, "keys": {keys}}}"#);
    with(&format!("{KEYS}}}"), &format!("{KEYS}}}, {twin}"))
}

#[test]
fn two_indistinguishable_entries_are_refused() {
    let own = r#"{"envoy_cluster": "gitlab"}"#;
    let spelled = r#"{"envoy_cluster": "gitlab", "refresh": "1m",
        "discovery": "https://gitlab.example.com/.well-known/openid-configuration"}"#;
    let former = r#""issuer": "https://new.example.com",
        "former_issuers": ["https://gitlab.example.com"]"#;
    let discovered = r#"{"envoy_cluster": "gitlab",
        "discovery": "https://gitlab.example.com/.well-known/openid-configuration"}"#;
    let inline = format!(r#"{{"inline": {{"keys": [{KEY}]}}}}"#);
    let pin = "A".repeat(43);
    let pinned = format!(r#"{{"envoy_cluster": "gitlab", "pins": ["{pin}"]}}"#);
    for (issuer, keys, first) in [
        (ISSUER, own, own),
        (ISSUER, spelled, own),
        (former, discovered, own),
        (ISSUER, inline.as_str(), inline.as_str()),
        (ISSUER, pinned.as_str(), own),
        (ISSUER, pinned.as_str(), pinned.as_str()),
    ] {
        let text = twin(issuer, r#"["other", "tools"]"#, keys);
        let error = error(&text.replacen(own, first, 1));
        assert_eq!(error.path(), "trust[2]", "{error}");
        assert!(
            error.problem().starts_with("`gitlab` has the same issuer"),
            "{error}"
        );
        assert!(
            error.help().contains("different audiences or `keys`"),
            "{error}"
        );
    }
}

#[test]
fn k08_entries_that_share_an_issuer_are_distinguished() {
    let tools = r#"["tools"]"#;
    for (audiences, keys) in [
        (r#"["other"]"#, r#"{"envoy_cluster": "gitlab"}"#),
        (tools, r#"{"envoy_cluster": "elsewhere"}"#),
        (tools, r#"{"envoy_cluster": "gitlab", "mirror": true}"#),
        (
            tools,
            r#"{"envoy_cluster": "gitlab", "jwks": "https://gitlab.example.com/k"}"#,
        ),
    ] {
        let text = twin(ISSUER, audiences, keys);
        crate::policy::Policy::from_json(&text).unwrap_or_else(|error| panic!("{error}"));
    }
    let pinned = |letter: &str| {
        let pin = format!("{}A", letter.repeat(42));
        format!(r#"{{"envoy_cluster": "gitlab", "pins": ["{pin}"]}}"#)
    };
    let text = twin(ISSUER, tools, &pinned("b"));
    let text = text.replacen(r#"{"envoy_cluster": "gitlab"}"#, &pinned("a"), 1);
    crate::policy::Policy::from_json(&text).unwrap_or_else(|error| panic!("{error}"));
}
