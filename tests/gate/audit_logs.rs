//! `envoy/audit-logs.yaml`: the audit record in a file, by Envoy's access log service, and by OpenTelemetry.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use portcullis_tests::lab::background::{self, Task};
use portcullis_tests::lab::{
    App, Authority, Call, ExampleConfig, Issuer, SigningKey, Token, Version, port, secrets, wait,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const GITLAB: &str = "https://gitlab.com";
const HOST: &str = "prometheus.example.com";

/// A receiver of logs by gRPC, with what it has received: the messages of all requests.
struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<u8>>>,
    _task: Task,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let listener = listener.into_std().expect("a listener");
        let received: Arc<Mutex<Vec<u8>>> = Arc::default();
        let into = Arc::clone(&received);
        let task = background::spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let into = Arc::clone(&into);
                tokio::spawn(async move {
                    let service = service_fn(|request| receive(request, Arc::clone(&into)));
                    let builder = Builder::new(TokioExecutor::new());
                    let _ended = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            received,
            _task: task,
        }
    }

    /// The audit record for this path, once it has arrived.
    async fn record(&self, path: &str) -> Value {
        wait::until("an audit record", wait::LONG, async || {
            let received = self.received.lock().expect("no panic").clone();
            let text = String::from_utf8_lossy(&received).into_owned();
            let starts = text.match_indices(r#"{"audit":"portcullis."#);
            let mut records = starts.filter_map(|(start, _)| {
                let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter();
                values.next()?.ok()
            });
            records.find(|record: &Value| record["path"] == path)
        })
        .await
    }
}

/// Records the messages of a request as they arrive: a stream of them may not end.
async fn receive(
    mut request: Request<Incoming>,
    into: Arc<Mutex<Vec<u8>>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    while let Some(Ok(frame)) = request.body_mut().frame().await {
        if let Some(data) = frame.data_ref() {
            into.lock().expect("no panic").extend_from_slice(data);
        }
    }
    let response = Response::builder().header("content-type", "application/grpc");
    let response = response.header("grpc-status", "0").body(Empty::new());
    Ok(response.expect("a response"))
}

#[tokio::test]
async fn a_siem_gets_the_same_record_by_file_als_and_opentelemetry() {
    for version in Version::ALL {
        let (authority, key) = (Authority::new(), SigningKey::p256());
        let issuer = Issuer::start(&authority, GITLAB, &[&key]).await;
        let app = App::start("prometheus").await;
        let (als, otel) = (Receiver::start().await, Receiver::start().await);
        let mut config = ExampleConfig::read("audit-logs.yaml");
        config.listen(port::free());
        config.admin(port::free());
        config.file("public-ca.pem", authority.file());
        let public = config.path("public-ca.pem");
        config.replace("/etc/ssl/certs/ca-certificates.crt", &public);
        for (cluster, address) in [
            ("gitlab", issuer.address()),
            ("prometheus", app.address()),
            ("access-log-service", als.address),
            ("otel-collector", otel.address),
        ] {
            config.set_endpoint(cluster, address);
        }
        let gateway = config.start(version).await;

        let token = Token::id_token(GITLAB, "https://prometheus.example.com", "42")
            .claim("email", "ada@example.com")
            .claim("email_verified", true)
            .claim("project_path", "platform/releases")
            .sign(&key);
        let allowed = Call::get(HOST, "/api/v1/query?query=s3cret").bearer(&token);
        let (response, line) = gateway.call(&allowed).await;
        assert_eq!(response.status, 200, "{version}");
        let record: Value =
            serde_json::from_str(line["audit"].as_str().expect("a record")).unwrap();
        for (member, value) in [
            ("decision", "allowed"),
            ("rule", "release-checks"),
            ("allow", "allow[0]"),
            ("caller", "gitlab/42"),
            ("email", "ada@example.com"),
            ("client", "127.0.0.1"),
            ("path", "/api/v1/query"),
            ("revision", "4f2c91a"),
        ] {
            assert_eq!(record[member], json!(value), "{member}");
        }
        assert_eq!(als.record("/api/v1/query").await, record, "{version}");
        assert_eq!(otel.record("/api/v1/query").await, record, "{version}");

        let refused = Call::get(HOST, "/admin").bearer(&token);
        assert_eq!(gateway.call(&refused).await.0.status, 403);
        assert_eq!(als.record("/admin").await["reason"], "caller-not-allowed");
        assert_eq!(otel.record("/admin").await["reason"], "caller-not-allowed");
        let received = otel.received.lock().expect("no panic").clone();
        let received = String::from_utf8_lossy(&received).into_owned();
        assert!(!received.contains("s3cret"), "{received}");
        for log in [received, gateway.log()] {
            assert!(secrets::start_of_token(&log).is_none(), "{log}");
        }
    }
}
