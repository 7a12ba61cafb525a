//! Tests of the lab's programs for sign-in.

mod browser;
mod companion;
mod provider;
mod servers;

use portcullis_tests::lab::Provider;
use url::Url;

/// Where the client `portcullis` of a provider begins a sign-in. The code is not redeemed, so the challenge
/// is that of RFC 7636 appendix B.
fn authorization_url(provider: &Provider, redirect_uri: &str) -> Url {
    let parameters = [
        ("client_id", "portcullis"),
        ("redirect_uri", redirect_uri),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge_method", "S256"),
        (
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
    ];
    Url::parse_with_params(&format!("{}/auth", provider.issuer()), parameters).unwrap()
}
