//! `envoy/policy-updates.yaml`: a policy in a file of its own applies to the next request on every connection.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use portcullis_tests::lab::{
    App, Authority, Call, Connection, ExampleConfig, Issuer, SigningKey, Token, Version, port, wait,
};
use serde_json::{Value, json};

const KUBERNETES: &str = "https://kubernetes.default.svc.cluster.local";

/// How soon a refused caller is refused.
const LIMIT: Duration = Duration::from_secs(10);

struct Example {
    config: ExampleConfig,
    key: SigningKey,
    _issuer: Issuer,
    app: App,
}

impl Example {
    async fn new() -> Self {
        let (authority, key) = (Authority::new(), SigningKey::p256());
        let issuer = Issuer::start(&authority, KUBERNETES, &[&key]).await;
        let app = App::start("alertmanager").await;
        let mut config = ExampleConfig::read("policy-updates.yaml");
        config.listen(port::free());
        config.admin(port::free());
        config.file("blue-ca.pem", authority.file());
        config.set_endpoint("blue", issuer.address());
        config.set_endpoint("alertmanager", app.address());
        config.write_filter(|_| {});
        Self {
            config,
            key,
            _issuer: issuer,
            app,
        }
    }

    fn refuse(&self, callers: &[&str]) {
        self.config
            .write_filter(|policy| policy["refuse_callers"] = json!(callers));
    }

    fn call(&self, account: &str, method: &str) -> Call {
        let token = Token::service_account(KUBERNETES, "portcullis", "monitoring", account);
        Call::get("alertmanager.example.com", "/api/v2/alerts")
            .with_method(method)
            .bearer(&token.sign(&self.key))
    }
}

/// The verdicts of a client's requests, with the times at which they were sent.
type Verdicts = RefCell<Vec<(Instant, String)>>;

/// Sends one request after the other on one connection.
async fn load(connection: &mut Connection, call: &Call, verdicts: &Verdicts, ended: &Cell<bool>) {
    while !ended.get() {
        let sent = Instant::now();
        let verdict = connection.send(call).await.verdict();
        verdicts.borrow_mut().push((sent, verdict));
    }
}

async fn under_load(version: Version) {
    let example = Example::new().await;
    let gateway = example.config.start(version).await;
    let (karma, prometheus) = (
        example.call("karma", "GET"),
        example.call("prometheus", "POST"),
    );
    let address = gateway.address();
    let connect = async || Connection::open(address).await.unwrap();
    let mut connections = [
        connect().await,
        connect().await,
        connect().await,
        connect().await,
    ];
    // From the first keys on.
    for (connection, call) in connections
        .iter_mut()
        .zip([&karma, &karma, &prometheus, &prometheus])
    {
        assert_eq!(connection.send(call).await.verdict(), "200", "{version}");
    }
    let (refused, others, ended) = (Verdicts::default(), Verdicts::default(), Cell::new(false));
    let operator = async {
        let both = async || refused.borrow().len() >= 20 && others.borrow().len() >= 20;
        wait::until_true("load", wait::LONG, both).await;
        example.refuse(&["blue/monitoring/karma"]);
        let deadline = Instant::now() + LIMIT;
        let is_over = async || {
            let is_late = |verdicts: &Verdicts| {
                let verdicts = verdicts.borrow();
                let late = verdicts.iter().filter(|(sent, _)| *sent >= deadline);
                late.count() >= 20
            };
            is_late(&refused) && is_late(&others)
        };
        wait::until_true("requests after the limit", wait::LONG, is_over).await;
        ended.set(true);
        deadline
    };
    let [first, second, third, fourth] = &mut connections;
    let (deadline, ..) = tokio::join!(
        operator,
        load(first, &karma, &refused, &ended),
        load(second, &karma, &refused, &ended),
        load(third, &prometheus, &others, &ended),
        load(fourth, &prometheus, &others, &ended),
    );
    let (refused, others) = (refused.take(), others.take());
    assert_eq!(refused[0].1, "200");
    let late: Vec<&str> = refused
        .iter()
        .filter(|(sent, _)| *sent >= deadline)
        .map(|(_, verdict)| &**verdict)
        .collect();
    assert!(
        late.iter().all(|verdict| *verdict == "403 caller-refused"),
        "{version}: {late:?}"
    );
    let failed = others.iter().find(|(_, verdict)| verdict != "200");
    assert_eq!(failed, None, "{version}");
    drop(gateway);
    let restarted = example.config.start(version).await;
    for (call, expected) in [(&karma, "403 caller-refused"), (&prometheus, "200")] {
        let verdict = call.send(restarted.address()).await.verdict();
        assert_eq!(verdict, expected, "{version}, after a restart");
    }
}

#[tokio::test]
async fn under_load_a_refused_caller_is_refused_on_open_connections_and_nobody_else_fails() {
    tokio::join!(under_load(Version::V1_36), under_load(Version::V1_40));
}

#[tokio::test]
async fn an_invalid_policy_is_rejected_and_without_a_valid_one_nothing_is_forwarded() {
    let example = Example::new().await;
    let gateway = example.config.start(Version::V1_40).await;
    let (karma, address) = (example.call("karma", "GET"), gateway.address());
    let mut connection = Connection::open(address).await.unwrap();
    assert_eq!(connection.send(&karma).await.verdict(), "200");
    let typo = |policy: &mut Value| policy["refuse_caller"] = json!([]);
    example.config.write_filter(typo);
    wait::until_true("Envoy's rejection", wait::LONG, async || {
        gateway.log().contains("refuse_caller: unknown field")
    })
    .await;
    assert_eq!(connection.send(&karma).await.verdict(), "200");
    example.refuse(&["blue/monitoring/karma"]);
    wait::until_true("the next policy", wait::LONG, async || {
        connection.send(&karma).await.verdict() == "403 caller-refused"
    })
    .await;
    drop(gateway);
    let forwarded = example.app.count();
    example.config.write_filter(typo);
    let without_policy = example.config.start(Version::V1_40).await;
    let response = karma.send(without_policy.address()).await;
    assert_eq!(
        (response.status, response.verdict().contains(' ')),
        (500, false)
    );
    assert_eq!(example.app.count(), forwarded);
}
