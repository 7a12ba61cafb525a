//! The configurations in `envoy/` are valid for both versions of Envoy and for our own parser.

use portcullis_core::policy::Policy;
use portcullis_tests::lab::envoy::validate;
use portcullis_tests::lab::{
    App, Authority, Call, ExampleConfig, Issuer, ProjectedToken, SigningKey, Token, Version,
    folder, port,
};

const KUBERNETES: &str = "https://kubernetes.default.svc.cluster.local";

/// The file with the dynamic module, which Envoy 1.36 does not load.
const MODULE: &str = "module.yaml";

/// Files that need `header_value_prefix`, which Envoy 1.36 does not have.
const NEED_PREFIX: [&str; 2] = ["authenticated-keys.yaml", "credential-injector.yaml"];

#[test]
fn every_envoy_version_accepts_the_files_that_are_for_it() {
    let authority = Authority::new();
    let token = ProjectedToken::create(&folder::fresh("token"), "a.projected.token");
    for name in ExampleConfig::names() {
        let mut config = ExampleConfig::read(&name);
        for ca in ["blue-ca.pem", "green-ca.pem", "gate-ca.pem"] {
            config.file(ca, authority.file());
        }
        config.mount_token(&token);
        config.write_filter(|_| {});
        config.set_certificate(&authority, &["*.example.com"]);
        // Not every machine has the public CAs at Debian's path.
        config.file("public-ca.pem", authority.file());
        let public = config.path("public-ca.pem");
        config.replace("/etc/ssl/certs/ca-certificates.crt", &public);
        let file = config.write();
        let supported = match &*name {
            MODULE => [&[Version::V1_36][..], &Version::OF_MODULE].concat(),
            _ => Version::ALL.to_vec(),
        };
        for version in supported {
            let missing = match &*name {
                MODULE => Some("dynamic module"),
                _ => NEED_PREFIX
                    .contains(&&*name)
                    .then_some("header_value_prefix"),
            };
            match (validate(version, &file), missing) {
                (Err(log), Some(missing)) if version == Version::V1_36 => {
                    assert!(log.contains(missing), "{name}: {log}");
                }
                (Ok(()), Some(_)) if version == Version::V1_36 => {
                    panic!("Envoy {version} accepts envoy/{name}: envoy/README.md says it does not")
                }
                (Err(log), _) => panic!("Envoy {version} rejects envoy/{name}:\n{log}"),
                (Ok(()), _) => {}
            }
        }
    }
}

#[test]
fn every_policy_is_valid() {
    let names = ExampleConfig::names();
    let with_policy = [
        "audit-logs.yaml",
        "authenticated-keys.yaml",
        "gateway.yaml",
        "minimal.yaml",
        "module.yaml",
    ];
    // These have none: the companion that Envoy calls has it, the gate that Envoy sends requests to, or another file.
    let without = [
        "credential-injector.yaml",
        "ext-authz.yaml",
        "policy-updates.yaml",
    ];
    let mut all = [&with_policy[..], &without].concat();
    all.sort_unstable();
    assert_eq!(names, all);
    for name in with_policy {
        let policy = ExampleConfig::read(name).policy().to_string();
        if let Err(error) = Policy::from_json(&policy) {
            panic!("envoy/{name}: {error}");
        }
    }
    ExampleConfig::read("policy-updates.yaml").write_filter(|policy| {
        if let Err(error) = Policy::from_json(&policy.to_string()) {
            panic!("envoy/policy-updates-filter.yaml: {error}");
        }
    });
}

#[test]
fn clients_cannot_use_the_filters_cluster_for_the_companion() {
    let config = ExampleConfig::read("gateway.yaml");
    let own = config.policy()["sso"]["envoy_cluster"].as_str().unwrap();
    let public = format!("{own}-public");
    let routed = config.route_clusters();
    assert!(routed.contains(&&*public), "{routed:?}");
    assert!(!routed.contains(&own), "{routed:?}");
    assert_eq!(config.endpoint(own), config.endpoint(&public));
}

#[tokio::test]
async fn an_issuer_with_another_ca_or_name_gets_no_requests() {
    let (ours, others) = (Authority::new(), Authority::new());
    let key = SigningKey::p256();
    let untrusted = Issuer::start(&others, KUBERNETES, &[&key]).await;
    let kubelet = Issuer::start(&ours, "https://kubelet.example.com", &[&key]).await;
    let mut config = ExampleConfig::read("gateway.yaml");
    config.listen(port::free());
    config.admin(port::free());
    for (cluster, issuer) in [("blue", &untrusted), ("green", &kubelet)] {
        config.file(&format!("{cluster}-ca.pem"), ours.file());
        config.set_endpoint(cluster, issuer.address());
    }
    config.set_certificate(&ours, &["*.example.com"]);
    let gateway = config.start(Version::V1_40).await;

    let karma = Token::service_account(KUBERNETES, "portcullis", "monitoring", "karma").sign(&key);
    let call = Call::get("alertmanager.example.com", "/api/v2/alerts").bearer(&karma);
    let (response, line) = gateway.call(&call).await;
    assert_eq!(response.status, 503, "{line}");
    assert_eq!(line["reason"], "keys-unavailable");
    assert_eq!(untrusted.requests().len() + kubelet.requests().len(), 0);
}

#[tokio::test]
async fn a_host_with_a_trailing_dot_is_that_of_the_app() {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let blue = Issuer::start(&authority, KUBERNETES, &[&key]).await;
    let green = Issuer::start(&authority, KUBERNETES, &[&SigningKey::p256()]).await;
    let app = App::start("alertmanager").await;
    let mut config = ExampleConfig::read("gateway.yaml");
    config.listen(port::free());
    config.admin(port::free());
    for (cluster, issuer) in [("blue", &blue), ("green", &green)] {
        config.file(&format!("{cluster}-ca.pem"), authority.file());
        config.set_endpoint(cluster, issuer.address());
    }
    config.set_endpoint("alertmanager", app.address());
    config.set_certificate(&authority, &["*.example.com"]);
    let gateway = config.start(Version::V1_36).await;
    let karma = Token::service_account(KUBERNETES, "portcullis", "monitoring", "karma").sign(&key);
    let trust = authority.trust();
    for host in ["alertmanager.example.com.", "AlertManager.example.com.:443"] {
        let call = Call::get(host, "/api/v2/alerts").bearer(&karma);
        let response = call.try_send_tls(gateway.address(), &trust);
        assert_eq!(response.await.expect("a response").status, 200, "{host}");
        let seen = app.requests().pop().expect("a request");
        let received = seen["headers"].as_array().expect("headers").iter();
        let mut received = received.filter(|header| header[0] == "host");
        let received = received.next().expect("a host")[1].as_str().expect("text");
        assert_eq!(received, host.replace(".com.", ".com"));
    }
}
