//! `portcullis attach` between a client that reads its configuration once and two Alertmanagers behind a gate, while
//! the kubelet rotates the token.

use std::fs;
use std::process::Command;

use portcullis_tests::lab::karma::Upstream;
use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Alertmanager, Call, ProjectedToken, folder, port, tools, wait};
use serde_json::json;

use crate::karma_gate::{HOSTS, KarmaGate, LIFETIME};

#[tokio::test]
async fn no_poll_fails_in_ten_lifetimes_of_the_token_where_a_copied_token_does() {
    let alertmanagers = [Alertmanager::start().await, Alertmanager::start().await];
    let apps = [alertmanagers[0].address(), alertmanagers[1].address()];
    let karma_gate = KarmaGate::start(apps).await;
    let folder = folder::fresh("attach");
    let copied = karma_gate.token(LIFETIME);
    let mut volume = ProjectedToken::create(&folder.join("token"), &copied);
    let gate = karma_gate.gate.address();
    let listeners = [port::free(), port::free()];
    let forwards = HOSTS.iter().zip(listeners).map(|(host, address)| {
        json!({"listen": address, "to": format!("https://{host}"), "connect": gate})
    });
    let config = json!({
        "token_file": volume.path(),
        "ca_file": karma_gate.authority.file(),
        "forwards": forwards.collect::<Vec<_>>(),
    });
    let file = folder.join("attach.yaml");
    fs::write(&file, config.to_string()).unwrap();
    let mut command = Command::new(tools::companion());
    command.args(["attach", "--config"]).arg(&file);
    let mut attach = Process::start("attach", &folder, command);
    attach
        .ready(async || {
            let call = Call::get("127.0.0.1", "/metrics");
            call.try_send(listeners[0]).await.is_ok()
        })
        .await;

    let clients = listeners.map(|address| Upstream::new(&address.to_string(), address));
    karma_gate.rotate(&mut volume).await;
    wait::until_true("a token", wait::LONG, async || {
        let call = Call::get("127.0.0.1", "/metrics");
        call.send(listeners[0]).await.status == 200
    })
    .await;
    karma_gate
        .assert_no_poll_fails(clients, &mut volume, &copied)
        .await;
    assert_eq!(attach.ended(), None);
}
