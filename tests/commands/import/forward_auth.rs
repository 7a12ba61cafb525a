//! What is written runs: `portcullis serve` judges tokens by it.

use std::net::SocketAddr;
use std::process::Command;

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Authority, Call, Issuer, SigningKey, Token, folder, port};

use super::inputs;

const ISSUER: &str = "https://kubernetes.example.com";

/// A companion with what the configuration of a team was turned into.
struct Companion {
    address: SocketAddr,
    _process: Process,
}

/// Imports the configuration, makes the files that the report names, and starts the companion.
async fn companion(issuer: &Issuer, authority: &Authority, with_log: bool) -> Companion {
    let portcullis = || Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let (folder, story) = (folder::fresh("import"), inputs().join("story"));
    let mut import = portcullis();
    import
        .current_dir(&folder)
        .args(["import", "oauth2-proxy", "--out", "out", "--config"]);
    import
        .arg(story.join("oauth2-proxy.cfg"))
        .arg("--ingress")
        .arg(story.join("ingress.yaml"));
    if with_log {
        import.arg("--access-log").arg(story.join("requests.log"));
    }
    let ca = format!("--provider-ca-file={}", authority.file().display());
    let output = import
        .args(["--", &ca, "--trusted-proxy-ip=127.0.0.1"])
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    // As the report says.
    let out = folder.join("out");
    std::fs::write(out.join("client-secret"), "secret").unwrap();
    let mut keys = portcullis();
    let status = keys
        .current_dir(&out)
        .args(["session-keys", "--out", "session-keys"])
        .output()
        .unwrap();
    assert!(status.status.success());

    let address = port::free();
    let mut serve = portcullis();
    serve
        .current_dir(&out)
        .args(["serve", "--config", "companion.yaml"]);
    // Where the lab has the issuer, which no name leads to.
    serve.args([
        "--listen",
        &address.to_string(),
        "--metrics",
        &port::free().to_string(),
    ]);
    serve.args([
        "--trust-connect",
        &format!("kubernetes={}", issuer.address()),
    ]);
    let mut process = Process::start("companion", &out, serve);
    process.ready_at(address, "/ping").await;
    Companion {
        address,
        _process: process,
    }
}

impl Companion {
    /// The status of forward auth for a request with this token.
    async fn status(&self, token: Option<&str>, method: &str, url: &str) -> u16 {
        let call = Call::get("localhost", "/oauth2/auth")
            .header("x-original-method", method)
            .header("x-original-url", url);
        let call = match token {
            Some(token) => call.header("authorization", format!("Bearer {token}")),
            None => call,
        };
        call.send(self.address).await.status
    }
}

#[tokio::test]
async fn rules_from_the_log_admit_the_caller_in_it_and_no_other_token() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
    let token =
        |name: &str| Token::service_account(ISSUER, "oauth2-proxy", "monitoring", name).sign(&key);
    let (karma, other) = (token("karma"), token("other"));
    let alerts = "https://alertmanager.example.com/api/v2/alerts/groups";

    let gate = companion(&issuer, &authority, true).await;
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
    let gate = companion(&issuer, &authority, false).await;
    for url in [
        "https://alertmanager.example.com/api/v2/silences",
        "https://prometheus.example.com/",
    ] {
        assert_eq!(
            gate.status(Some(&token("oauth2-proxy")), "POST", url).await,
            202
        );
        assert_eq!(
            gate.status(Some(&token("another")), "POST", url).await,
            401,
            "as before"
        );
    }
}
