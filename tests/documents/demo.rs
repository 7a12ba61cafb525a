//! The demo prints the table of the README, and the URLs and commands that it prints work.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use portcullis_tests::lab::folder::{fresh, workspace};
use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Authority, Call, UserAgent, port};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use url::Url;

use crate::document::{Document, README};

/// Two concurrent demos would write to the same folders.
static SERIAL: Mutex<()> = Mutex::const_new(());

fn demo(gateway: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.env("PORT", gateway.port().to_string());
    command.env("ADMIN_PORT", port::free().port().to_string());
    command
}

#[tokio::test]
async fn the_demo_prints_the_table_of_the_readme() {
    let _serial = SERIAL.lock().await;
    let mut demo = demo(port::free());
    let output = demo.env("ONESHOT", "1").output().expect("the demo runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let readme = Document::read(README);
    let shown = readme.blocks("text")[0];
    assert!(
        printed.contains(shown),
        "the README has a different table:\n{printed}"
    );
    let explained = printed
        .matches(" explain target/demo/portcullis.json ")
        .count();
    assert!(explained >= 12, "only {explained} refusals are explained");
    assert!(printed.contains("rotated 8 times"), "{printed}");
    assert!(printed.contains(" polls, 0 failed requests."), "{printed}");
}

#[tokio::test]
async fn the_urls_and_commands_that_the_demo_prints_work_until_ctrl_c() {
    let _serial = SERIAL.lock().await;
    let gateway = port::free();
    let mut demo = Process::start("demo", &fresh("demo"), demo(gateway));
    let log = demo.log_file().to_owned();
    let printed = || fs::read_to_string(&log).unwrap_or_default();
    demo.ready(async || printed().contains("Ctrl-C stops everything"))
        .await;
    let printed = printed();
    let after = |words: &str| {
        let (_, rest) = printed.split_once(words).expect(words);
        let end = rest.find([' ', ')', '\'', '\n']).expect(words);
        &rest[..end]
    };

    // A user opens the address.
    let trust = Authority::trust_from_file(&workspace().join(after("curl -i --cacert ")));
    let mut alice = UserAgent::trusting(trust.clone());
    alice.visit(after("Open in a browser: ")).await;
    let page = alice.sign_in_as("alice").await;
    assert_eq!(page.response.status, 200, "{}", page.text());
    assert!(page.text().contains("Prometheus"), "{}", page.text());

    // A program does what the first line does.
    let token = workspace().join(after("Authorization: Bearer $(cat "));
    let token = fs::read_to_string(token).expect("a token");
    let url = Url::parse(after(")\" '")).expect("a URL");
    let call = Call::get(url.authority(), url.path()).bearer(&token);
    let response = call.try_send_tls(gateway, &trust).await;
    assert_eq!(response.expect("a response").status, 200);

    let issuer = alice
        .history()
        .iter()
        .find(|step| step.url.host_str() == Some("localhost"));
    let provider = issuer.and_then(|step| step.url.port()).expect("a provider");
    let provider = SocketAddr::new(gateway.ip(), provider);
    assert!(demo.interrupt().await.success());
    for address in [gateway, provider] {
        assert!(TcpStream::connect(address).await.is_err(), "{address}");
    }
}
