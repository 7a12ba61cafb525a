//! What is written runs: `portcullis serve` judges tokens by it.

use portcullis_tests::lab::imported::{AUDIENCE, ISSUER};
use portcullis_tests::lab::{Authority, ImportedCompanion, Issuer, SigningKey, Token};

#[tokio::test]
async fn rules_from_the_log_admit_the_caller_in_it_and_no_other_token() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
    let token =
        |name: &str| Token::service_account(ISSUER, AUDIENCE, "monitoring", name).sign(&key);
    let (karma, other) = (token("karma"), token("other"));
    let alerts = "https://alertmanager.example.com/api/v2/alerts/groups";

    let gate = ImportedCompanion::start(&issuer, &authority, true).await;
    assert_eq!(gate.status(Some(&karma), "GET", alerts).await, 202);
    assert_eq!(
        gate.status(
            Some(&karma),
            "GET",
            "https://alertmanager.example.com/metrics"
        )
        .await,
        202
    );
    assert_eq!(
        gate.status(Some(&karma), "POST", alerts).await,
        403,
        "it only reads"
    );
    assert_eq!(
        gate.status(
            Some(&karma),
            "GET",
            "https://prometheus.example.com/api/v1/query"
        )
        .await,
        403
    );
    assert_eq!(gate.status(Some(&other), "GET", alerts).await, 403);
    assert_eq!(gate.status(None, "GET", alerts).await, 401);
    let healthy = "https://prometheus.example.com/-/healthy";
    assert_eq!(
        gate.status(None, "GET", healthy).await,
        202,
        "as --skip-auth-route says"
    );
    assert_eq!(gate.status(None, "POST", healthy).await, 401);
}

#[tokio::test]
async fn without_a_log_any_token_opens_what_it_opened_before() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
    let token =
        |audience: &str| Token::service_account(ISSUER, audience, "monitoring", "other").sign(&key);
    let gate = ImportedCompanion::start(&issuer, &authority, false).await;
    for url in [
        "https://alertmanager.example.com/api/v2/silences",
        "https://prometheus.example.com/",
    ] {
        assert_eq!(gate.status(Some(&token(AUDIENCE)), "POST", url).await, 202);
        assert_eq!(
            gate.status(Some(&token("another")), "POST", url).await,
            401,
            "as before"
        );
    }
}
