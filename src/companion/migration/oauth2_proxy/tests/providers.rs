//! The provider.

use serde_json::json;

use super::*;

#[test]
fn openid_providers_have_their_issuer() {
    for (flags, issuer) in [
        (
            &["--provider=google", "--oidc-issuer-url="][..],
            "https://accounts.google.com",
        ),
        (
            &["--provider=gitlab", "--oidc-issuer-url="],
            "https://gitlab.com",
        ),
        (&["--provider=gitlab"], "https://gitlab.example.com"),
        (&["--provider=keycloak-oidc"], "https://gitlab.example.com"),
        (&["--provider=adfs"], "https://gitlab.example.com"),
        (
            &[
                "--provider=azure",
                "--oidc-issuer-url=",
                "--azure-tenant=72f988bf-86f1-41af-91ab-2d7cd011db47",
            ],
            "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
        ),
        (
            &[
                "--provider=entra-id",
                "--oidc-issuer-url=https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
            ],
            "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
        ),
    ] {
        let mapped = with(flags);
        assert_eq!(
            companion(&mapped, "/providers/0/issuer"),
            json!(issuer),
            "{flags:?}"
        );
    }
}

#[test]
fn other_providers_need_somebody_and_admit_nobody_until_then() {
    for provider in [
        "github",
        "bitbucket",
        "digitalocean",
        "facebook",
        "keycloak",
        "nextcloud",
        "sourcehut",
        "unknown",
    ] {
        let mapped = with(&[&format!("--provider={provider}")]);
        assert_eq!(
            companion(&mapped, "/providers/0/issuer"),
            json!("https://change-me.invalid"),
            "{provider}"
        );
        assert_eq!(
            line(&mapped, "--provider").outcome,
            Outcome::NeedsYou,
            "{provider}"
        );
        assert_eq!(
            policy(&mapped, "/trust/1"),
            json!(null),
            "{provider}: no trust for its tokens"
        );
    }
    for issuer in ["", "https://login.microsoftonline.com/common/v2.0"] {
        let mapped = with(&[
            "--provider=entra-id",
            &format!("--oidc-issuer-url={issuer}"),
        ]);
        assert_eq!(
            companion(&mapped, "/providers/0/issuer"),
            json!("https://change-me.invalid")
        );
    }
}

#[test]
fn several_tenants_of_entra_id_have_the_template() {
    let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    let mapped = with(&[
        "--provider=entra-id",
        "--oidc-issuer-url=https://login.microsoftonline.com/common/v2.0",
        &format!("--entra-id-allowed-tenant={tenant}"),
        "--entra-id-federated-token-auth",
        "--insecure-oidc-skip-issuer-verification",
    ]);
    let provider = companion(&mapped, "/providers/0");
    assert_eq!(
        provider["issuer"],
        json!("https://login.microsoftonline.com/{tenantid}/v2.0")
    );
    assert_eq!(provider["tenants"], json!([tenant]));
    assert_eq!(provider["client_secret_file"], json!(null));
    assert!(provider["client_assertion_file"].is_string());
}

#[test]
fn a_secret_in_the_configuration_becomes_a_file_to_make() {
    let mapped = with(&["--client-secret=s3cret"]);
    assert_eq!(
        companion(&mapped, "/providers/0/client_secret_file"),
        json!("client-secret")
    );
    let secret = line(&mapped, "--client-secret");
    assert_eq!(
        (secret.outcome, secret.value.as_deref()),
        (Outcome::NeedsYou, Some("<secret>"))
    );
    assert!(secret.why.contains("mode 0600"), "{secret:?}");
    let file = with(&[]);
    assert_eq!(
        companion(&file, "/providers/0/client_secret_file"),
        json!("/run/secrets/client")
    );
    assert_eq!(line(&file, "--client-secret-file").outcome, Outcome::Kept);
}

#[test]
fn what_is_requested_is_kept_as_far_as_the_companion_accepts_it() {
    let mapped = with(&[
        "--scope=email profile",
        "--prompt=select_account",
        "--acr-values=high",
    ]);
    assert_eq!(
        companion(&mapped, "/providers/0/scopes"),
        json!(["openid", "email", "profile"])
    );
    assert_eq!(
        companion(&mapped, "/providers/0/authorize_params"),
        json!({"prompt": "select_account", "acr_values": "high"})
    );
    let none = with(&["--prompt=none"]);
    assert_eq!(
        companion(&none, "/providers/0/authorize_params"),
        json!(null)
    );
    assert_eq!(line(&none, "--prompt").outcome, Outcome::NeedsYou);
}

#[test]
fn a_value_that_the_companion_refuses_is_left_out_with_a_line() {
    let mapped = with(&[
        "--oidc-issuer-url=http://plain.example.com",
        "--oidc-enabled-signing-alg=HS256",
    ]);
    assert_eq!(
        companion(&mapped, "/providers/0/issuer"),
        json!("https://change-me.invalid")
    );
    assert_eq!(companion(&mapped, "/providers/0/algorithms"), json!(null));
    for flag in ["--oidc-issuer-url", "--oidc-enabled-signing-alg"] {
        let line = line(&mapped, flag);
        assert_eq!(line.outcome, Outcome::NeedsYou);
        assert!(line.why.contains("the value can't be used"), "{line:?}");
    }
}
