//! Sessions as long as cookies get, and longer.

use portcullis_tests::lab::{Call, Person};
use serde_json::json;

use crate::companion_faults::people::{SEALED, TOKEN, alerts, refresh, userinfo};
use crate::companion_faults::stage::{AUTH, HOST, Plan, Stage, URL};

/// Name and value together: what browsers keep of one cookie.
const LONGEST: usize = 4096;

#[tokio::test]
async fn c03_a_session_is_whole_on_either_side_of_a_cookies_end() {
    let stage = Plan::alone().start().await;
    let short = length(&stage, TOKEN, 100).await;
    // From one piece to two, and around what browsers keep, as if it were one still.
    for whole in [4000, 4001, LONGEST - 1, LONGEST, LONGEST + 1] {
        let value = if whole < 4010 {
            whole
        } else {
            whole - TOKEN.len()
        };
        // Three bytes of a claim are four of the token.
        let least = 100 + (value - short) * 3 / 4 - 1;
        let mut lengths = Vec::new();
        for group in least..least + 3 {
            lengths.push(length(&stage, TOKEN, group).await);
        }
        assert!(
            lengths[0] <= value && value <= lengths[2],
            "{value}: {lengths:?}"
        );
    }
    // The sealed session has the group twice, and meets the same ends elsewhere.
    let (short, long) = (
        length(&stage, SEALED, 10).await,
        length(&stage, SEALED, 1010).await,
    );
    let group = |value: usize| 10 + (value - short) * 1000 / (long - short);
    let mut pieces = Vec::new();
    for value in [3990, 4010, LONGEST - SEALED.len(), LONGEST + 5] {
        pieces.push(length(&stage, SEALED, group(value)).await > 4000);
    }
    assert_eq!(pieces, [false, true, true, true]);
}

/// Signs somebody in who is in a group with a name of so many bytes. All of it must come back, in
/// cookies that a browser keeps. Returns how long the value of this cookie is, in pieces together.
async fn length(stage: &Stage, name: &str, bytes: usize) -> usize {
    let group = "g".repeat(bytes);
    let claims = json!({"email": "alice@example.com", "email_verified": true,
                        "groups": ["sre", group], "preferred_username": "alice"});
    stage.provider.set_account("alice", claims).await;
    let mut alice = stage.signed_in("alice", 0).await;
    assert_eq!(alice.cookies().dropped(), [""; 0], "{bytes}");
    let told = userinfo(&mut alice).await.json();
    assert_eq!(told["groups"], json!(["sre", group]), "{bytes}");
    assert_eq!(alerts(&mut alice).await.status, 200, "{bytes}");
    assert_eq!(refresh(&mut alice).await.status, 200, "{bytes}");
    let seen = stage.app.seen().pop().unwrap();
    let header = json!(["x-auth-request-groups", format!("sre,{group}")]);
    assert!(
        seen["headers"].as_array().unwrap().contains(&header),
        "{bytes}"
    );
    pieces(&alice, name)
        .iter()
        .map(|(_, value)| value.len())
        .sum()
}

/// A cookie, whole or in pieces.
fn pieces(person: &Person, name: &str) -> Vec<(String, String)> {
    let own = person.cookies().iter().filter(|cookie| {
        let rest = cookie.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    own.map(|cookie| (cookie.name.clone(), cookie.value.clone()))
        .collect()
}

#[tokio::test]
async fn c03_a_session_in_pieces_that_are_not_its_own_is_none() {
    let stage = Plan::alone().start().await;
    let group = "g".repeat(4000);
    for login in ["alice", "eve"] {
        let claims = json!({"email_verified": true, "groups": ["sre", group]});
        stage.provider.set_account(login, claims).await;
    }
    let alice = pieces(&stage.signed_in("alice", 0).await, SEALED);
    let eve = pieces(&stage.signed_in("eve", 0).await, SEALED);
    assert!(alice.len() > 1 && alice.len() == eve.len(), "in pieces");
    let asked = async |pieces: &[(String, String)]| {
        let pairs: Vec<String> = pieces.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let call = Call::get(AUTH, "/oauth2/userinfo").header("cookie", pairs.join("; "));
        stage.sites[0].companion.call(call).await.status
    };
    assert_eq!(asked(&alice).await, 200);
    let backwards: Vec<_> = alice.iter().rev().cloned().collect();
    assert_eq!(asked(&backwards).await, 200, "the numbers tell the order");
    assert_eq!(
        asked(&alice[..alice.len() - 1]).await,
        401,
        "the last is missing"
    );
    assert_eq!(asked(&alice[1..]).await, 401, "the first is missing");
    let mixed: Vec<_> = [&alice[..1], &eve[1..]].concat();
    assert_eq!(asked(&mixed).await, 401, "somebody else's end");
    let mut swapped = alice.clone();
    let (one, other) = (alice[0].1.clone(), alice[1].1.clone());
    (swapped[0].1, swapped[1].1) = (other, one);
    assert_eq!(asked(&swapped).await, 401, "swapped");
}

#[tokio::test]
async fn c03_more_than_cookies_hold_is_told_and_leaves_no_half_session() {
    let stage = Plan::alone().start().await;
    let groups: Vec<String> = (0..900)
        .map(|number| format!("a-long-group-{number}"))
        .collect();
    let claims = json!({"email_verified": true, "groups": groups});
    stage.provider.set_account("alice", claims).await;
    let mut alice = stage.person(0);
    alice.visit(&format!("{URL}/oauth2/sign_in")).await;
    let page = alice.sign_in_as("alice").await;
    assert_eq!(page.reply.status, 400);
    assert!(
        page.text().contains("more groups than your session can hold"),
        "{}",
        page.text()
    );
    assert_eq!(alice.cookies().get(TOKEN), None);
    let left = alice.cookies().names();
    assert!(!left.iter().any(|name| name.starts_with(TOKEN)), "{left:?}");

    // Nor does a flood of cookies bring anybody in, or the rest of the house down.
    let site = &stage.sites[0];
    let flood: Vec<String> = (0..800)
        .map(|n| format!("{SEALED}.{n}={}", "x".repeat(100)))
        .collect();
    let call = Call::get(HOST, "/api/v2/alerts").header("cookie", flood.join("; "));
    let status = site.gateway.call(call.clone()).await.status;
    assert!(matches!(status, 401 | 431), "{status}");
    let sent = site
        .companion
        .try_call(call.to(AUTH, "/oauth2/userinfo"))
        .await;
    let status = sent.map(|reply| reply.status);
    assert!(matches!(status, Ok(401 | 431) | Err(_)), "{status:?}");
    stage.signed_in("eve", 0).await;
}
