//! Settings of providers that depend on each other, and those with names of their own.

use super::*;
use crate::provider::{ClientAuthentication, EndSessionEndpoint};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const OTHER: &str = "72f988bf-86f1-41af-91ab-2d7cd011db48";
const TEMPLATE: &str = "https://login.example.com/{tenantid}/v2.0";

#[test]
fn parameters_of_the_protocol_can_not_be_added() {
    for name in [
        "client_id",
        "response_type",
        "response_mode",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "request",
        "request_uri",
        "id_token_hint",
        "State",
        "REQUEST_URI",
    ] {
        let more = format!("    authorize_params: {{hd: a, {name}: x}}\n    client_id");
        let error = error_of(FILE, "    client_id", &more);
        assert!(error.starts_with("error: etc/companion.yaml:5:"), "{error}");
        let place = format!("providers[0].authorize_params.{name}: `{name}` is a parameter");
        assert!(
            error.contains(&place) && error.contains("help: remove it"),
            "{error}"
        );
        let flag = format!("--provider-authorize-params=hd=a,{name}=x");
        let error = read(FILE, &[&flag]).expect_err(name);
        assert!(
            error.starts_with(&format!(
                "error: --provider-authorize-params: `{name}` is a"
            )),
            "{error}"
        );
    }
}

#[test]
fn a_prompt_without_interaction_can_not_be_requested() {
    for prompt in ["none", "login none", "NONE", " none "] {
        let more = format!("    authorize_params: {{prompt: '{prompt}'}}\n    client_id");
        let error = error_of(FILE, "    client_id", &more);
        assert!(error.contains("would make each sign-in fail"), "{error}");
        assert!(error.contains("write `login`, `consent`"), "{error}");
    }
    for prompt in ["login", "consent select_account", "nonexistent"] {
        let flag = format!("--provider-authorize-params=prompt={prompt}");
        let mut config = good(FILE, &[&flag]);
        let parameters = &config.sign_in().providers[0].authorize_params;
        assert_eq!(*parameters, [("prompt".to_owned(), prompt.to_owned())]);
    }
}

#[test]
fn added_parameters_are_named_strings() {
    for (value, problem) in [
        ("[a]", "expected a mapping, found a list"),
        ("offline", "expected a mapping, found a string"),
        ("{max_age: 3600}", "expected a string, found a number"),
        ("{hd: true}", "expected a string, found a boolean"),
        ("{hd: ''}", "is empty"),
        ("{'a b': c}", "has an invalid name"),
        ("{'a&state': c}", "has an invalid name"),
        ("{hd: \"a\\nb\"}", "has a control character"),
    ] {
        let more = format!("    authorize_params: {value}\n    client_id");
        let error = error_of(FILE, "    client_id", &more);
        assert!(error.contains(problem), "{value}: {error}");
        assert!(error.contains("providers[0].authorize_params"), "{error}");
    }
    for (flag, problem) in [
        ("offline", "has no `=`"),
        ("access_type=", "nothing after it"),
        ("a=b,a=c", "duplicate name `a`"),
        ("=b", "has an invalid name"),
    ] {
        let flag = format!("--provider-authorize-params={flag}");
        let error = read(FILE, &[&flag]).expect_err(problem);
        assert!(error.contains(problem), "{error}");
    }
    // A flag replaces the mapping of the file.
    let file = FILE.replace(
        "    client_id",
        "    authorize_params: {hd: a}\n    client_id",
    );
    let mut config = good(&file, &["--provider-authorize-params=b=c=d"]);
    let parameters = &config.sign_in().providers[0].authorize_params;
    assert_eq!(*parameters, [("b".to_owned(), "c=d".to_owned())]);
}

#[test]
fn end_session_is_a_boolean_or_a_url() {
    let url = "https://Login.example.com/logout?logout_uri=https%3A%2F%2Fa";
    for (value, expected) in [
        ("true", EndSessionEndpoint::Discovered),
        ("false", EndSessionEndpoint::None),
        (url, EndSessionEndpoint::Url(url.to_owned())),
    ] {
        let file = format!("    end_session: {value}\n    client_id");
        let mut by_file = good(&FILE.replace("    client_id", &file), &[]);
        let mut by_flag = good(FILE, &[&format!("--provider-end-session={value}")]);
        for config in [&mut by_file, &mut by_flag] {
            assert_eq!(config.sign_in().providers[0].end_session, expected);
        }
    }
    let error = error_of(FILE, "    client_id", "    end_session: 7\n    client_id");
    assert!(
        error.contains("expected a string, found a number"),
        "{error}"
    );
}

#[test]
fn a_client_has_a_secret_or_an_assertion() {
    let flag = "--provider-client-assertion-file=/run/token";
    let mut config = good(FILE, &[flag]);
    assert_eq!(
        config.sign_in().providers[0].client_authentication,
        ClientAuthentication::Assertion("/run/token".into())
    );
    let error = read(FILE, &[flag, "--provider-client-secret-file=/run/secret"]).expect_err("both");
    assert!(
        error.starts_with(
            "error: --provider-client-assertion-file: can't be combined with `client_secret_file`"
        ),
        "{error}"
    );
    let error = error_of(
        FILE,
        "    client_id",
        "    client_assertion: hunter2\n    client_id",
    );
    assert!(
        error.contains("set `client_assertion_file` to a file name"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn tenants_need_a_template_and_its_metadata() {
    let issuer = format!("--provider-issuer={TEMPLATE}");
    let discovery =
        "--provider-discovery=https://login.example.com/organizations/openid-configuration";
    let one = format!("--provider-tenants={}", TENANT.to_ascii_uppercase());
    let two = format!("--provider-tenants={TENANT},{OTHER}");
    let mut config = good(FILE, &[&issuer, discovery, &one]);
    let provider = &config.sign_in().providers[0];
    assert_eq!(
        (&*provider.issuer, &*provider.tenants),
        (TEMPLATE, &[TENANT.to_owned()][..])
    );
    good(FILE, &[&issuer, discovery, &two]);

    let error = read(FILE, &[&issuer, &one]).expect_err("no metadata");
    assert!(error.contains("missing field `discovery`"), "{error}");
    assert!(error.contains("organizations/v2.0/.well-known"), "{error}");
}

#[test]
fn unverified_addresses_of_several_tenants_are_never_trusted() {
    let issuer = format!("--provider-issuer={TEMPLATE}");
    let discovery =
        "--provider-discovery=https://login.example.com/organizations/openid-configuration";
    let one = format!("--provider-tenants={TENANT}");
    let two = format!("--provider-tenants={TENANT},{OTHER}");
    let trust = "--provider-trust-unverified-email=true";
    good(FILE, &[&issuer, discovery, &one, trust]);
    let error = read(FILE, &[&issuer, discovery, &two, trust]).expect_err("several tenants");
    assert!(
        error.starts_with(
            "error: --provider-trust-unverified-email: is unsafe with several tenants"
        ),
        "{error}"
    );
}

#[test]
fn options_for_sentinels_need_sentinels() {
    for option in ["username", "password-file"] {
        let flag = format!("--session-redis-sentinel-{option}=a");
        for store in ["redis://h", "redis-cluster://h"] {
            let error = read(FILE, &[&flag, "--session-store", store]).expect_err(store);
            assert!(error.contains("is for sentinels"), "{error}");
            assert!(error.contains("redis-sentinel://"), "{error}");
        }
        good(FILE, &[&flag, "--session-store=redis-sentinel://h/main"]);
    }
}
