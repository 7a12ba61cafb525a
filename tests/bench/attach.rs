//! `portcullis attach` compared with NGINX: both add a token and forward to the same target with TLS.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Authority, Nginx, SigningKey, Token, folder, port, tools};
use serde_json::json;

use crate::load::{CONNECTIONS, ExpectedResponse, Load};
use crate::machine::{self, Machine};
use crate::report::{self, Results};
use crate::rounds::{self, Variant};
use crate::settings::Settings;

/// The names in the target's certificate. NGINX compares DNS names only.
const HOST: &str = "127.0.0.1";
const NAME: &str = "target.example.com";

/// The response of the target to an authorized request.
const RESPONSE: ExpectedResponse = ExpectedResponse {
    begins: b"HTTP/1.1 200 ",
    ends: b"the end",
};

/// The size of the target's response, in bytes: about that of a page of alerts.
const RESPONSE_BYTES: usize = 1024;

/// What each of the programs is called in the tables.
const NGINX: &str = "NGINX";
const ATTACH: &str = "Portcullis attach";
const ATTACH_HTTP2: &str = "Portcullis attach, HTTP/2 to the target";

/// Measures and reports.
pub(crate) async fn measure(
    machine: &Machine,
    settings: &Settings,
    results: &mut Results,
) -> Result<(), String> {
    println!(
        "\nForwarding with a token to a target with TLS, responses of {RESPONSE_BYTES} bytes.\n"
    );
    let authority = Authority::new();
    let token = Token::new(json!({"sub": "karma"})).sign(&SigningKey::p256());
    let target = target(&authority, &token, "").await;
    let target_http2 = self::target(&authority, &token, " http2").await;
    let nginx = forwarder(&authority, &token, target.address()).await;
    let (attach, address) = attach(&authority, &token, target.address()).await;
    let (attach_http2, address_http2) =
        self::attach(&authority, &token, target_http2.address()).await;
    let started = [nginx.id(), attach.id()].map(machine::memory);
    for process in [nginx.id(), attach.id(), attach_http2.id()] {
        machine.pin_to_server_core(process)?;
    }
    let mut variants = vec![
        variant(NGINX, &[], nginx.address(), nginx.id())?,
        variant(ATTACH, &[NGINX], address, attach.id())?,
        variant(ATTACH_HTTP2, &[NGINX], address_http2, attach_http2.id())?,
    ];
    let series = rounds::run(&mut variants, settings)?;
    report::throughput(results, "attach", &series);
    drop(variants);
    let used = [nginx.id(), attach.id()].map(machine::memory);
    println!(
        "\n{:<36}{:>11}{:>17}",
        "memory, MiB", "at start", "after the benchmark"
    );
    for ((name, started), used) in [NGINX, ATTACH].into_iter().zip(started).zip(used) {
        println!("{name:<36}{started:>11.1}{used:>17.1}");
    }
    Ok(())
}

fn variant(
    name: &'static str,
    baselines: &'static [&'static str],
    address: SocketAddr,
    process: u32,
) -> Result<Variant, String> {
    let request =
        "GET /api/v2/alerts HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n\r\n";
    let load = Load::open(address, CONNECTIONS, vec![request.to_owned()], RESPONSE);
    Ok(Variant {
        name,
        baselines,
        processes: vec![process],
        load: load.map_err(|error| format!("{name}: {error}"))?,
    })
}

/// A target that responds to requests with the token.
async fn target(authority: &Authority, token: &str, parameters: &str) -> Nginx {
    let identity = authority.identity(&[HOST, NAME]);
    let address = port::free();
    let filling = "a".repeat(RESPONSE_BYTES - RESPONSE.ends.len());
    let configuration = format!(
        "access_log off;\nkeepalive_requests 1000000000;\nserver {{\nlisten {address} ssl{parameters};\n\
         ssl_certificate {};\nssl_certificate_key {};\nlocation / {{\n\
         if ($http_authorization != \"Bearer {token}\") {{ return 401; }}\nreturn 200 \"{filling}the end\";\n}}\n}}",
        identity.certificate.display(),
        identity.key.display(),
    );
    Nginx::start(address, &configuration).await
}

/// NGINX as it would be configured for this purpose. Its token never changes.
async fn forwarder(authority: &Authority, token: &str, target: SocketAddr) -> Nginx {
    let address = port::free();
    let configuration = format!(
        "access_log off;\nkeepalive_requests 1000000000;\nupstream target {{ server {target}; keepalive 64; \
         keepalive_requests 1000000000; }}\nserver {{\nlisten {address};\nlocation / {{\nproxy_pass https://target;\n\
         proxy_http_version 1.1;\nproxy_set_header Connection \"\";\nproxy_set_header Host {HOST};\n\
         proxy_set_header Cookie \"\";\nproxy_set_header Authorization \"Bearer {token}\";\n\
         proxy_ssl_verify on;\nproxy_ssl_name {NAME};\nproxy_ssl_trusted_certificate {};\n}}\n}}",
        authority.file().display(),
    );
    Nginx::start(address, &configuration).await
}

async fn attach(authority: &Authority, token: &str, target: SocketAddr) -> (Process, SocketAddr) {
    let (folder, address, metrics) = (folder::fresh("attach"), port::free(), port::free());
    let file = folder.join("token");
    fs::write(&file, token).expect("a token");
    let mut command = Command::new(tools::companion());
    command
        .args(["attach", "--listen", &address.to_string()])
        .args(["--to", &format!("https://{target}")])
        .args(["--metrics", &metrics.to_string()])
        .arg("--token-file")
        .arg(file)
        .arg("--ca-file")
        .arg(authority.file());
    let mut process = Process::start("attach", &folder, command);
    process.ready_at(metrics, "/ready").await;
    (process, address)
}
