//! `trust.*.token_file` in a running companion.

use std::fs;
use std::net::TcpListener;

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{
    Authority, Endpoint, Issuer, ServerResponse, SigningKey, folder, wait,
};
use serde_json::json;

use crate::serve::fixture::Files;

const NAME: &str = "https://kubernetes.default.svc.cluster.local";

/// Files of a companion that fetches the keys of an issuer with a token, with additional settings of the
/// connection.
fn files(issuer: &Issuer, authority: &Authority, connection: &str) -> Files {
    let files = Files::new();
    let url = format!(
        "https://{}/.well-known/openid-configuration",
        issuer.address()
    );
    let policy = json!({
        "trust": [{
            "name": "blue", "kind": "kubernetes", "issuer": NAME, "audiences": ["portcullis"],
            "keys": {"discovery": url, "envoy_cluster": "blue"},
        }],
        "apps": [{
            "name": "alertmanager", "hosts": ["alertmanager.example.com"],
            "rules": [{"name": "karma", "allow": [{"service_account": "blue/monitoring/karma"}]}],
        }],
    });
    files.write("portcullis.yaml", &policy.to_string());
    let token = folder::fresh("token").join("token");
    fs::write(&token, "s3cret").unwrap();
    let configuration = format!(
        "\
listen: {}
policy: portcullis.yaml
trust:
  blue: {{ca_file: {}, token_file: {}{connection}}}
",
        files.address,
        authority.file().display(),
        token.display(),
    );
    files.write("companion.yaml", &configuration);
    files
}

#[tokio::test]
async fn a_jwks_uri_elsewhere_is_fetched_without_the_token_and_the_log_names_connect() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, NAME, &[&key]).await;
    let other = Issuer::start(&authority, NAME, &[&key]).await;
    let jwks_uri = format!("https://{}/openid/v1/jwks", other.address());
    let document = json!({"issuer": NAME, "jwks_uri": jwks_uri});
    issuer.set_response(
        Endpoint::Discovery,
        ServerResponse::json("application/json", &document),
    );
    let companion = files(&issuer, &authority, "").start(&[]);
    companion.wait_for_log("`trust.blue.connect`").await;
    let is_fetched = async || !other.requests().is_empty();
    wait::until_true("the keys", wait::LONG, is_fetched).await;
    assert!(
        other
            .requests()
            .iter()
            .all(|request| request.authorization.is_none())
    );
    assert_eq!(
        issuer.requests()[0].authorization.as_deref(),
        Some("Bearer s3cret")
    );
    assert!(companion.process.log().contains(&jwks_uri));
    assert!(!companion.process.log().contains("s3cret"));
}

#[tokio::test]
async fn no_proxy_of_the_environment_gets_a_request() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, NAME, &[&key]).await;
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let files = files(&issuer, &authority, "");
    let mut command = files.command(&[]);
    for name in [
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "HTTP_PROXY",
        "http_proxy",
    ] {
        command.env(name, &url);
    }
    let _process = Process::start("companion", &files.folder, command);
    let is_fetched = async || issuer.count(Endpoint::Keys) > 0;
    wait::until_true("the keys", wait::LONG, is_fetched).await;
    assert!(proxy.accept().is_err(), "no connection");
}
