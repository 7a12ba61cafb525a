//! `portcullis serve`, as operators and machines meet it: how it starts, what it keeps up with, what
//! it refuses, and how it ends. That people can sign in is proven elsewhere.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Call, Connection, Reply, folder, port, wait};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

const POLICY: &str = "\
sso: {url: \"https://auth.example.com\", envoy_cluster: portcullis}
apps:
  - name: grafana
    hosts: [grafana.example.com]
    rules:
      - name: people
        allow: [{from: sso, group: sre}]
";

/// A companion's files, before it runs.
struct Files {
    folder: PathBuf,
    address: SocketAddr,
    metrics: SocketAddr,
    provider: SocketAddr,
}

/// A companion that runs.
struct Companion {
    files: Files,
    process: Process,
}

impl Files {
    /// Good ones. Nobody is where the provider should be.
    fn new() -> Self {
        let files = Self {
            folder: folder::fresh("serve"),
            address: port::free(),
            metrics: port::free(),
            provider: port::free(),
        };
        files.write("portcullis.yaml", POLICY);
        files.write("session-keys", &keys());
        files.write("companion.yaml", &files.configuration());
        files
    }

    fn configuration(&self) -> String {
        format!(
            "\
url: https://auth.example.com
listen: {}
metrics: {}
policy: portcullis.yaml
providers:
  - issuer: https://{}
    client_id: portcullis
session:
  keys_file: session-keys
  cookie: {{domain: example.com}}
",
            self.address, self.metrics, self.provider
        )
    }

    fn write(&self, name: &str, text: &str) {
        // Whole or not at all, as careful people and Kubernetes do.
        let draft = self.folder.join("draft");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, self.folder.join(name)).unwrap();
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        let config = self.folder.join("companion.yaml");
        command.args(["serve", "--config"]).arg(config).args(flags);
        command
    }

    fn start(self, flags: &[&str]) -> Companion {
        let process = Process::start("companion", &self.folder, self.command(flags));
        Companion {
            files: self,
            process,
        }
    }

    /// What comes of starting it where that can't be.
    fn refused(&self, flags: &[&str]) -> (Option<i32>, String) {
        told(&self.command(flags).output().unwrap())
    }
}

impl Companion {
    async fn up(flags: &[&str]) -> Self {
        let mut companion = Files::new().start(flags);
        companion
            .process
            .ready_at(companion.files.address, "/ping")
            .await;
        companion
    }

    async fn get(&self, path: &str) -> Reply {
        Call::get("auth.example.com", path)
            .send(self.files.address)
            .await
    }

    async fn metrics(&self) -> String {
        let call = Call::get("localhost", "/metrics");
        call.send(self.files.metrics).await.text()
    }

    async fn has_said(&self, what: &str) {
        wait::until_true(what, wait::LONG, async || self.process.log().contains(what)).await;
    }

    /// The lines of its log that are JSON, which all are from the first on.
    fn log(&self) -> Vec<Value> {
        let log = self.process.log();
        log.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.unwrap().success());
    }

    async fn end(&mut self) -> Option<i32> {
        let ended = async || self.process.ended();
        wait::until("its end", wait::LONG, ended).await.code()
    }
}

/// Session keys as `portcullis session-keys` makes them.
fn keys() -> String {
    let key = |byte: u8| URL_SAFE_NO_PAD.encode([byte; 32]);
    serde_json::json!({
        "version": 1,
        "handle": key(1),
        "keys": [{
            "made": 1_700_000_000,
            "use_after": 1_700_000_000,
            "sealing": key(2),
            "signing": key(3),
        }],
    })
    .to_string()
}

fn told(output: &Output) -> (Option<i32>, String) {
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    (output.status.code(), text)
}

#[tokio::test]
async fn it_starts_with_the_provider_down_and_ready_says_so() {
    let companion = Companion::up(&[]).await;
    let ready = companion.get("/ready").await;
    assert_eq!(
        (ready.status, &*ready.text()),
        (503, "missing: providers\n")
    );
    let ping = companion.get("/ping").await;
    assert_eq!((ping.status, &*ping.text()), (200, "OK\n"));
    for path in ["/ping", "/ready"] {
        let call = Call::get("localhost", path);
        let beside = call.send(companion.files.metrics).await;
        assert_eq!(beside.status, companion.get(path).await.status, "{path}");
        let head = Call::new("HEAD", "auth.example.com", path);
        let head = head.send(companion.files.address).await;
        assert_eq!((head.status, head.body.len()), (beside.status, 0), "{path}");
        assert_eq!(head.header("cache-control").as_deref(), Some("no-store"));
        let post = Call::post("auth.example.com", path);
        let post = post.send(companion.files.address).await;
        assert_eq!(post.status, 405, "{path}");
        assert_eq!(post.header("allow").as_deref(), Some("GET,HEAD"), "{path}");
    }
}

#[tokio::test]
async fn what_is_nowhere_is_a_page_for_people_and_metrics_are_for_others() {
    let companion = Companion::up(&[]).await;
    for path in [
        "/", "/metrics", "/oauth2", "/oauth2/", "//ping", "/ping/", "/PING", "/%70ing", "/ping;x",
    ] {
        let call = Call::get("auth.example.com", path).header("accept", "text/html");
        let page = call.send(companion.files.address).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text().contains("<h1>Nothing is here</h1>"), "{path}");
        assert_eq!(page.header("x-frame-options").as_deref(), Some("DENY"));
    }
    let json = companion.get("/nowhere?code=hunter2").await;
    assert_eq!(
        (json.status, json.json()["error"].as_str()),
        (404, Some("not_found"))
    );
    let metrics = companion.metrics().await;
    for line in [
        "portcullis_companion_build_info{version=\"0.1.0\"} 1",
        "portcullis_companion_requests_total{endpoint=\"unknown\",status=\"404\"} 10",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn each_request_leaves_one_line_and_no_secret_in_it() {
    let companion = Companion::up(&[]).await;
    let call = Call::get("auth.example.com", "/nowhere?code=hunter2&state=hunter2")
        .header("cookie", "__Secure-portcullis=hunter2")
        .header("authorization", "Bearer hunter2")
        .header("referer", "https://hunter2.example.com/")
        .header("x-request-id", "from-the-proxy");
    let reply = call.send(companion.files.address).await;
    let id = reply.header("x-request-id").unwrap();
    companion.has_said(&id).await;
    assert!(!companion.process.log().contains("hunter2"));
    let lines = companion.log();
    let of_it: Vec<&Value> = lines.iter().filter(|line| line["id"] == *id).collect();
    let [line] = &*of_it else {
        panic!("one line: {of_it:?}");
    };
    assert_eq!(line["message"], "answered");
    assert_eq!(
        (&line["method"], &line["path"]),
        (&"GET".into(), &"/nowhere".into())
    );
    assert_eq!(
        (&line["status"], &line["proxy_id"]),
        (&404.into(), &"from-the-proxy".into())
    );
    assert!(
        line["micros"].is_u64() && line["peer"].is_string(),
        "{line}"
    );
    assert!(
        !lines.iter().any(|line| line["path"] == "/ping"),
        "probes are not told at info"
    );
}

#[tokio::test]
async fn the_log_can_be_text() {
    let companion = Companion::up(&["--log-format", "text"]).await;
    companion.get("/a%22b").await;
    companion.has_said("path=\"/a%22b\"").await;
    assert!(companion.process.log().contains("INFO"));
}

#[test]
fn t25_a_bad_configuration_is_told_at_its_place_with_the_mend() {
    let files = Files::new();
    let good = files.configuration();
    for (piece, other, start, mend) in [
        (
            "  keys_file",
            "  key_file",
            ":9:3: session.key_file: unknown field `key_file`",
            "did you mean `keys_file`?",
        ),
        (
            "url: https",
            "url: http",
            ":1:6: url: `http://auth.example.com` is plain HTTP",
            "write `url: https",
        ),
        (
            "policy: portcullis.yaml\n",
            "",
            ": no `policy`",
            "write `policy: portcullis.yaml`",
        ),
        ("session:", "session: {", ":", "look at the indentation"),
    ] {
        files.write("companion.yaml", &good.replace(piece, other));
        let (code, text) = files.refused(&[]);
        assert_eq!(code, Some(1), "{text}");
        let name = files.folder.join("companion.yaml");
        assert!(
            text.starts_with(&format!("error: {}{start}", name.display())),
            "{text}"
        );
        let told = text.split("\nmend: ").nth(1).expect("a mend");
        assert!(told.starts_with(mend), "{text}");
    }
}

#[test]
fn t25_files_that_are_missing_or_wrong_are_told_with_the_mend() {
    for (name, text, problem) in [
        ("companion.yaml", None, "cannot be read"),
        ("portcullis.yaml", None, "cannot be read"),
        ("portcullis.yaml", Some("apps: []\n"), "apps"),
        (
            "portcullis.yaml",
            Some(&*POLICY.replace("auth.example.com", "other.example.com")),
            "another companion",
        ),
        (
            "portcullis.yaml",
            Some(&*POLICY.replace("grafana.example.com", "grafana.example.net")),
            "admits people",
        ),
    ] {
        let files = Files::new();
        match text {
            Some(text) => files.write(name, text),
            None => fs::remove_file(files.folder.join(name)).unwrap(),
        }
        let (code, told) = files.refused(&[]);
        assert_eq!(code, Some(1), "{told}");
        assert!(
            told.starts_with("error: ") && told.contains("\nmend: "),
            "{told}"
        );
        assert!(told.contains(name) && told.contains(problem), "{told}");
    }
    let files = Files::new();
    let (code, told) = files.refused(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    assert_eq!(code, Some(1));
    assert!(
        told.starts_with("error: cert.pem: cannot be read"),
        "{told}"
    );
    let (code, told) = files.refused(&["--lisen", "x"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("'--listen'"), "{told}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_with_the_mend() {
    let companion = Companion::up(&[]).await;
    let files = Files::new();
    let taken = companion.files.address.to_string();
    let (code, told) = files.refused(&["--listen", &taken]);
    assert_eq!(code, Some(1));
    // Its log has begun by then, and a report is for people nevertheless.
    assert!(
        told.contains(&format!("error: {taken}: cannot listen: ")),
        "{told}"
    );
}

#[test]
fn a_variable_counts_before_the_file_and_a_flag_before_both() {
    let files = Files::new();
    let told = |flags: &[&str], idle: Option<&str>| {
        let mut command = files.command(flags);
        command.envs(idle.map(|idle| ("PORTCULLIS_SESSION_IDLE", idle)));
        told(&command.output().unwrap()).1
    };
    files.write(
        "companion.yaml",
        &files.configuration().replace("  keys", "  idle: x\n  keys"),
    );
    assert!(told(&[], None).contains("companion.yaml:9:9: session.idle: `x`"));
    assert!(told(&[], Some("y")).starts_with("error: PORTCULLIS_SESSION_IDLE: `y`"));
    assert!(told(&["--session-idle=z"], Some("y")).starts_with("error: --session-idle: `z`"));
}

#[tokio::test]
async fn a_bad_edit_of_the_policy_keeps_what_worked_and_is_seen() {
    let companion = Companion::up(&[]).await;
    companion
        .files
        .write("portcullis.yaml", &POLICY.replace("group", "gruop"));
    companion.has_said("a bad edit").await;
    let lines = companion.log();
    let line = lines
        .iter()
        .find(|line| line["report"].is_string())
        .unwrap();
    let report = line["report"].as_str().unwrap();
    assert!(
        report.contains("portcullis.yaml:7:29: apps[0].rules[0].allow[0].gruop"),
        "{report}"
    );
    assert!(report.ends_with("mend: did you mean `group`?"), "{report}");
    let metrics = companion.metrics().await;
    assert!(metrics.contains("reloads_total{file=\"policy\",outcome=\"kept-old\"} 1\n"));
    assert!(metrics.contains("file_stale{file=\"policy\"} 1\n"));
    assert_eq!(companion.get("/ping").await.status, 200);

    companion
        .files
        .write("portcullis.yaml", &POLICY.replace("sre", "ops"));
    companion.has_said("read again").await;
    assert!(
        companion
            .metrics()
            .await
            .contains("file_stale{file=\"policy\"} 0\n")
    );
}

#[tokio::test]
async fn told_to_stop_it_ends_well() {
    for name in ["TERM", "INT"] {
        let mut companion = Companion::up(&[]).await;
        // A connection that waits for nothing keeps nobody.
        let mut idle = Connection::open(companion.files.address).await.unwrap();
        idle.send(&Call::get("auth.example.com", "/ping")).await;
        companion.signal(name);
        assert_eq!(companion.end().await, Some(0), "{name}");
        let lines = companion.log();
        assert_eq!(lines.last().unwrap()["message"], "stopped");
    }
}

#[tokio::test]
async fn told_twice_it_does_not_wait_for_the_rest() {
    let files = Files::new();
    let trust = certify(&files.folder);
    let [cert, key] = tls_flags(&files.folder);
    let patient = ["--limits-handshake=10m", "--limits-shutdown=10m"];
    let mut companion = files.start(&[&[&*cert, &*key], &patient[..]].concat());
    let address = companion.files.address;
    let ready = async || ping_over_tls(address, &trust).is_some();
    companion.process.ready(ready).await;
    // Somebody who never comes to the point.
    let _silent = std::net::TcpStream::connect(address).unwrap();
    let there = async || {
        let metrics = companion.metrics().await;
        metrics.contains("portcullis_companion_connections 1\n")
    };
    wait::until_true("the silent one", wait::LONG, there).await;
    companion.signal("TERM");
    companion.has_said("stopping").await;
    assert_eq!(companion.process.ended(), None);
    companion.signal("TERM");
    assert_eq!(companion.end().await, Some(0));
}

#[tokio::test]
async fn t29_slow_clients_and_long_requests_are_cut_off() {
    let companion = Companion::up(&["--limits-header=1s"]).await;
    let mut slow = Connection::open(companion.files.address).await.unwrap();
    slow.write(b"GET /ping HTTP/1.1\r\nx: ").await.unwrap();
    // The other end closes, within the patience of `read`.
    assert!(slow.read(1).await.is_err());
    let long = Call::get("auth.example.com", "/ping").header("x", "a".repeat(80 * 1024));
    let reply = long.try_send(companion.files.address).await;
    assert!(reply.is_err() || reply.unwrap().status == 431);
    let body = Call::post("auth.example.com", "/nowhere").body(vec![b'a'; 80 * 1024]);
    let reply = body.try_send(companion.files.address).await;
    assert!(reply.is_err() || reply.unwrap().status == 413);
    assert_eq!(companion.get("/ping").await.status, 200);
}

#[tokio::test]
async fn it_speaks_http_2_without_tls_too() {
    let companion = Companion::up(&[]).await;
    let call = Call::get("auth.example.com", "/ping");
    assert_eq!(call.send_h2(companion.files.address).await.status, 200);
}

#[tokio::test]
async fn it_answers_on_a_unix_socket() {
    let files = Files::new();
    let socket = files.folder.join("socket");
    let listen = format!("--listen=unix:{}", socket.display());
    let mut companion = files.start(&[&listen]);
    companion.process.ready(async || socket.exists()).await;
    let mut stream = UnixStream::connect(&socket).unwrap();
    let request = b"GET /nowhere HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 404 "), "{told}");
    companion.has_said("\"peer\":\"unix\"").await;
    companion.signal("TERM");
    companion.end().await;
    assert!(!socket.exists());
}

/// Writes a certificate for the companion's name, and its key, and gives what trusts it.
fn certify(folder: &Path) -> Arc<ClientConfig> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["auth.example.com".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    // The key first: for a moment the two do not fit, as with anybody who copies two files.
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    let mut roots = RootCertStore::empty();
    let der = CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap();
    roots.add(der).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// What has the companion speak TLS with that certificate.
fn tls_flags(folder: &Path) -> [String; 2] {
    ["cert", "key"].map(|name| {
        let file = folder.join(format!("{name}.pem"));
        format!("--tls-{name}={}", file.display())
    })
}

/// Asks for `/ping` over TLS; `None` where the certificate is another one, or nobody is there yet.
fn ping_over_tls(address: SocketAddr, trust: &Arc<ClientConfig>) -> Option<String> {
    let name = ServerName::try_from("auth.example.com").unwrap();
    let client = ClientConnection::new(Arc::clone(trust), name).unwrap();
    let stream = std::net::TcpStream::connect(address).ok()?;
    let mut stream = StreamOwned::new(client, stream);
    let request = b"GET /ping HTTP/1.1\r\nhost: auth.example.com\r\nconnection: close\r\n\r\n";
    stream.write_all(request).ok()?;
    let mut told = String::new();
    stream.read_to_string(&mut told).ok()?;
    Some(told)
}

#[tokio::test]
async fn it_speaks_tls_and_takes_a_new_certificate_when_there_is_one() {
    let files = Files::new();
    let trust = certify(&files.folder);
    let [cert, key] = tls_flags(&files.folder);
    let mut companion = files.start(&[&cert, &key]);
    let address = companion.files.address;
    let ready = async || ping_over_tls(address, &trust).is_some();
    companion.process.ready(ready).await;
    assert!(
        ping_over_tls(address, &trust)
            .unwrap()
            .starts_with("HTTP/1.1 200 OK")
    );

    let renewed = certify(&companion.files.folder);
    let taken = async || ping_over_tls(address, &renewed).is_some();
    wait::until_true("the new certificate", wait::LONG, taken).await;
    assert!(ping_over_tls(address, &trust).is_none());

    fs::write(companion.files.folder.join("key.pem"), "no key").unwrap();
    companion.has_said("holds no private key in PEM").await;
    assert!(ping_over_tls(address, &renewed).is_some());
}

#[test]
fn the_help_teaches() {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["serve", "--help"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for piece in [
        "keys_file: /run/secrets/session-keys",
        "PORTCULLIS_SESSION_COOKIE_DOMAIN",
        "--trusted-proxies <NETWORKS>",
        "A flag counts before a variable",
        "Exit codes:",
    ] {
        assert!(help.contains(piece), "{piece}: {help}");
    }
}
