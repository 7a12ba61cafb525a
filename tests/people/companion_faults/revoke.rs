//! `portcullis revoke`: an operator ends sessions, whatever stores them.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use portcullis_tests::lab::{Call, Gateway, UserAgent, tools, wait};
use serde_json::{Value, json};

use crate::companion_faults::actions::{alerts, cookie_header, refresh};
use crate::companion_faults::deployment::{Deployment, HOST, PROPAGATION_LIMIT, Replica, Settings};

/// Runs `revoke` with the configuration of the first replica, and returns its output.
fn revoke(deployment: &Deployment, target: &[&str]) -> Value {
    revoke_with(
        &deployment.replicas[0].companion.file("companion.yaml"),
        target,
    )
}

fn revoke_with(configuration: &Path, target: &[&str]) -> Value {
    let mut command = Command::new(tools::companion());
    command.arg("revoke").arg("--config").arg(configuration);
    let output = command.args(target).args(["-o", "json"]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Waits until every filter refuses this user's requests, and checks that it allows another's meanwhile.
async fn wait_until_refused(deployment: &Deployment, revoked: &str, other: &str) {
    for replica in &deployment.replicas {
        let is_refused = async || {
            let other = deployment.request_alerts(other, replica).await;
            assert_eq!(other.verdict(), "200");
            let response = deployment.request_alerts(revoked, replica).await;
            response.verdict() == "401 revoked"
        };
        wait::until_true("a revoked session", PROPAGATION_LIMIT, is_refused).await;
    }
}

/// Kills all companions and starts them again.
async fn restart(deployment: &mut Deployment) {
    for replica in &mut deployment.replicas {
        replica.companion.kill();
        replica.companion.restart().await;
    }
}

/// The companion ends the session instead of refreshing it.
async fn assert_not_refreshed(deployment: &Deployment, user: &mut UserAgent) {
    for replica in &deployment.replicas {
        assert_eq!(refresh(user, replica).await.status, 401);
    }
}

/// The id of the session that began last.
fn last_sid(deployment: &Deployment) -> String {
    let log = deployment.replicas[0].companion.log();
    let mut lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.rfind(|line| line["message"] == "signed in");
    line.unwrap()["sid"].as_str().unwrap().to_owned()
}

fn stores() -> [Settings; 3] {
    [
        Settings::single(),
        Settings::with_file(),
        Settings::replicas(),
    ]
}

#[tokio::test]
async fn a_revoked_user_is_refused_also_after_a_restart_and_others_are_not() {
    for settings in stores() {
        let mut deployment = settings.start().await;
        let mut alice = deployment.signed_in("alice", 0).await;
        let mut eve = deployment.signed_in("eve", 0).await;
        let (revoked, other) = (cookie_header(&alice), cookie_header(&eve));
        let output = revoke(&deployment, &["--caller", "sso/alice"]);
        assert_eq!(
            output["revoked"],
            json!({"caller": {"provider": "sso", "subject": "alice"}})
        );
        wait_until_refused(&deployment, &revoked, &other).await;
        let list = deployment.replicas[0].revocations().await;
        restart(&mut deployment).await;
        assert_eq!(deployment.replicas[0].revocations().await, list);
        wait_until_refused(&deployment, &revoked, &other).await;
        assert_not_refreshed(&deployment, &mut alice).await;
        assert_eq!(refresh(&mut eve, &deployment.replicas[0]).await.status, 200);
        // A session that begins later is valid: in the same second it would not be.
        let mut again = deployment.signed_in("alice", 0).await;
        let is_allowed = async || alerts(&mut again).await.status == 200;
        wait::until_true("a new session", wait::LONG, is_allowed).await;
    }
}

#[tokio::test]
async fn one_session_or_all_sessions_are_revoked() {
    for settings in stores() {
        let mut deployment = settings.start().await;
        let eve = deployment.signed_in("eve", 0).await;
        let other = deployment.signed_in("alice", 0).await;
        let mut alice = deployment.signed_in("alice", 0).await;
        let sid = last_sid(&deployment);
        let output = revoke(&deployment, &["--session", &sid]);
        assert_eq!(output["revoked"], json!({"session": {"sid": sid}}));
        // Another session of the same user.
        let (revoked, other) = (cookie_header(&alice), cookie_header(&other));
        wait_until_refused(&deployment, &revoked, &other).await;
        assert_not_refreshed(&deployment, &mut alice).await;

        assert_eq!(revoke(&deployment, &["--everyone"])["revoked"], "everyone");
        for cookies in [&other, &cookie_header(&eve)] {
            for replica in &deployment.replicas {
                deployment.wait_until_revoked(cookies, replica).await;
            }
        }
        restart(&mut deployment).await;
        for user in [&mut alice] {
            assert_not_refreshed(&deployment, user).await;
        }
    }
}

#[tokio::test]
async fn a_companion_logs_who_was_revoked() {
    let deployment = Settings::single().start().await;
    revoke(&deployment, &["--caller", "sso/a%2Fb"]);
    let companion = &deployment.replicas[0].companion;
    let log = companion.log();
    let line = log
        .lines()
        .find(|line| line.contains("revoked by an operator"));
    let line: Value = serde_json::from_str(line.unwrap()).unwrap();
    assert_eq!(
        (&line["provider"], &line["subject"]),
        (&json!("sso"), &json!("a/b"))
    );
}

/// The verdicts of a user's requests, with the times at which they were sent.
type Verdicts = RefCell<Vec<(Instant, String)>>;

/// Sends one request after the other.
async fn load(gateway: &Gateway, cookies: &str, verdicts: &Verdicts, ended: &Cell<bool>) {
    while !ended.get() {
        let sent = Instant::now();
        let call = Call::get(HOST, "/api/v2/alerts").header("cookie", cookies);
        let verdict = gateway.call(call).await.verdict();
        verdicts.borrow_mut().push((sent, verdict));
    }
}

#[tokio::test]
async fn under_load_nothing_of_a_revoked_user_passes_ten_seconds_later_and_nobody_elses_requests_fail()
 {
    let mut deployment = Settings::single().start().await;
    let alice = cookie_header(&deployment.signed_in("alice", 0).await);
    let eve = cookie_header(&deployment.signed_in("eve", 0).await);
    let Replica { companion, gateway } = &mut deployment.replicas[0];
    let (of_alice, of_eve, ended) = (Verdicts::default(), Verdicts::default(), Cell::new(false));
    let sent_since = |start: Instant, verdicts: &Verdicts| {
        let verdicts = verdicts.borrow();
        let since = verdicts.iter().filter(|(sent, _)| *sent >= start);
        since.cloned().collect::<Vec<_>>()
    };
    let begun = Instant::now();
    let operator = async {
        let both = async || !of_alice.borrow().is_empty() && !of_eve.borrow().is_empty();
        wait::until_true("load", wait::LONG, both).await;
        revoke_with(
            &companion.file("companion.yaml"),
            &["--caller", "sso/alice"],
        );
        let deadline = Instant::now() + PROPAGATION_LIMIT;
        // The revocation outlives the companion.
        companion.kill();
        companion.restart().await;
        let enough = async || {
            [&of_alice, &of_eve]
                .iter()
                .all(|of| sent_since(deadline, of).len() >= 20)
        };
        wait::until_true("requests after the limit", wait::LONG, enough).await;
        ended.set(true);
        deadline
    };
    let gateway = &*gateway;
    let (deadline, ..) = tokio::join!(
        operator,
        load(gateway, &alice, &of_alice, &ended),
        load(gateway, &alice, &of_alice, &ended),
        load(gateway, &eve, &of_eve, &ended),
        load(gateway, &eve, &of_eve, &ended),
    );
    assert_eq!(of_alice.borrow()[0].1, "200");
    let late = sent_since(deadline, &of_alice);
    assert!(
        late.iter().all(|(_, verdict)| verdict == "401 revoked"),
        "{late:?}"
    );
    let all = sent_since(begun, &of_eve);
    assert!(all.iter().all(|(_, verdict)| verdict == "200"), "{all:?}");
}
