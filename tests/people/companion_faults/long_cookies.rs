//! Sessions around the size limits of cookies.

use portcullis_tests::lab::{Call, UserAgent};
use serde_json::json;

use crate::companion_faults::actions::{SEALED, TOKEN, alerts, cookie_header, refresh, userinfo};
use crate::companion_faults::deployment::{AUTH, Deployment, HOST, Settings, URL};

/// Name and value together: the limit of browsers for one cookie.
const MAX_COOKIE_BYTES: usize = 4096;

#[tokio::test]
async fn c03_a_session_is_complete_around_the_size_limit_of_a_cookie() {
    let deployment = Settings::single().start().await;
    let short = length(&deployment, TOKEN, 100).await;
    // Where a value is split into two cookies, and around the browser's limit for a single cookie.
    for total in [
        4000,
        4001,
        MAX_COOKIE_BYTES - 1,
        MAX_COOKIE_BYTES,
        MAX_COOKIE_BYTES + 1,
    ] {
        let value = if total < 4010 {
            total
        } else {
            total - TOKEN.len()
        };
        // Three bytes of a claim are four characters of the token.
        let shortest = 100 + (value - short) * 3 / 4 - 1;
        let mut lengths = Vec::new();
        for group in shortest..shortest + 3 {
            lengths.push(length(&deployment, TOKEN, group).await);
        }
        assert!(
            lengths[0] <= value && value <= lengths[2],
            "{value}: {lengths:?}"
        );
    }
    // The sealed session has the group twice, and reaches the limits at other lengths.
    let (short, long) = (
        length(&deployment, SEALED, 10).await,
        length(&deployment, SEALED, 1010).await,
    );
    let group = |value: usize| 10 + (value - short) * 1000 / (long - short);
    let mut chunks = Vec::new();
    for value in [
        3990,
        4010,
        MAX_COOKIE_BYTES - SEALED.len(),
        MAX_COOKIE_BYTES + 5,
    ] {
        chunks.push(length(&deployment, SEALED, group(value)).await > 4000);
    }
    assert_eq!(chunks, [false, true, true, true]);
}

/// Signs in a user who is in a group with a name of this length. The name must be returned
/// unchanged, in cookies that a browser accepts. Returns the length of this cookie's value, over
/// all chunks.
async fn length(deployment: &Deployment, name: &str, bytes: usize) -> usize {
    let group = "g".repeat(bytes);
    let claims = json!({"email": "alice@example.com", "email_verified": true,
                        "groups": ["sre", group], "preferred_username": "alice"});
    deployment.provider.set_account("alice", claims).await;
    let mut alice = deployment.signed_in("alice", 0).await;
    assert_eq!(alice.cookies().dropped(), [""; 0], "{bytes}");
    let info = userinfo(&mut alice).await.json();
    assert_eq!(info["groups"], json!(["sre", group]), "{bytes}");
    assert_eq!(alerts(&mut alice).await.status, 200, "{bytes}");
    assert_eq!(
        refresh(&mut alice, &deployment.replicas[0]).await.status,
        200,
        "{bytes}"
    );
    let seen = deployment.app.requests().pop().unwrap();
    let header = json!(["x-auth-request-groups", format!("sre,{group}")]);
    assert!(
        seen["headers"].as_array().unwrap().contains(&header),
        "{bytes}"
    );
    chunks(&alice, name)
        .iter()
        .map(|(_, value)| value.len())
        .sum()
}

/// A cookie, whole or in chunks.
fn chunks(user: &UserAgent, name: &str) -> Vec<(String, String)> {
    let own = user.cookies().iter().filter(|cookie| {
        let rest = cookie.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    own.map(|cookie| (cookie.name.clone(), cookie.value.clone()))
        .collect()
}

#[tokio::test]
async fn c03_a_session_with_wrong_chunks_is_rejected() {
    let deployment = Settings::single().start().await;
    let group = "g".repeat(4000);
    for login in ["alice", "eve"] {
        let claims = json!({"email_verified": true, "groups": ["sre", group]});
        deployment.provider.set_account(login, claims).await;
    }
    let alice = chunks(&deployment.signed_in("alice", 0).await, SEALED);
    let eve = chunks(&deployment.signed_in("eve", 0).await, SEALED);
    assert!(alice.len() > 1 && alice.len() == eve.len(), "in chunks");
    let status_with = async |chunks: &[(String, String)]| {
        let pairs: Vec<String> = chunks.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let call = Call::get(AUTH, "/oauth2/userinfo").header("cookie", pairs.join("; "));
        deployment.replicas[0].companion.call(call).await.status
    };
    assert_eq!(status_with(&alice).await, 200);
    let reversed: Vec<_> = alice.iter().rev().cloned().collect();
    assert_eq!(
        status_with(&reversed).await,
        200,
        "the numbers give the order"
    );
    assert_eq!(
        status_with(&alice[..alice.len() - 1]).await,
        401,
        "last chunk missing"
    );
    assert_eq!(status_with(&alice[1..]).await, 401, "first chunk missing");
    let mixed: Vec<_> = [&alice[..1], &eve[1..]].concat();
    assert_eq!(
        status_with(&mixed).await,
        401,
        "another session's last chunk"
    );
    let mut swapped = alice.clone();
    let (one, other) = (alice[0].1.clone(), alice[1].1.clone());
    (swapped[0].1, swapped[1].1) = (other, one);
    assert_eq!(status_with(&swapped).await, 401, "swapped");
}

#[tokio::test]
async fn c03_a_session_too_large_for_cookies_is_reported_and_not_stored() {
    let deployment = Settings::single().start().await;
    let claims = json!({"email_verified": true, "preferred_username": "x".repeat(17_000)});
    deployment.provider.set_account("alice", claims).await;
    let mut alice = deployment.user_agent(0);
    alice.visit(&format!("{URL}/oauth2/sign_in")).await;
    let page = alice.sign_in_as("alice").await;
    assert_eq!(page.response.status, 400);
    assert!(
        page.text()
            .contains("more about you, such as groups, than this site can store"),
        "{}",
        page.text()
    );
    assert_eq!(alice.cookies().get(TOKEN), None);
    let left = alice.cookies().names();
    assert!(!left.iter().any(|name| name.starts_with(TOKEN)), "{left:?}");

    // Many cookies neither sign a user in nor break the gateway.
    let replica = &deployment.replicas[0];
    let many: Vec<String> = (0..800)
        .map(|n| format!("{SEALED}.{n}={}", "x".repeat(100)))
        .collect();
    let call = Call::get(HOST, "/api/v2/alerts").header("cookie", many.join("; "));
    let status = replica.gateway.call(call.clone()).await.status;
    assert!(matches!(status, 401 | 431), "{status}");
    let sent = replica
        .companion
        .try_call(call.to(AUTH, "/oauth2/userinfo"))
        .await;
    let status = sent.map(|response| response.status);
    assert!(matches!(status, Ok(401 | 431) | Err(_)), "{status:?}");
    deployment.signed_in("eve", 0).await;
}

/// Groups of 60 characters, and `sre`, which a rule names.
fn groups(count: usize) -> Vec<String> {
    let mut groups: Vec<String> = (0..count).map(|number| format!("{number:060}")).collect();
    groups.insert(count / 2, "sre".to_owned());
    groups
}

#[tokio::test]
async fn c03_a_user_in_200_groups_signs_in_and_has_those_that_rules_name() {
    for (settings, kept, count, warned) in [
        (Settings::single(), "all", 200, true),
        (Settings::single(), "all", 20, false),
        (Settings::single(), "policy", 200, false),
        (Settings::single(), "policy", 2, false),
        (Settings::with_file(), "all", 200, true),
        (Settings::with_redis(), "all", 200, true),
    ] {
        let settings = settings
            .with("trusted_proxies", json!(["127.0.0.1"]))
            .groups(kept);
        let deployment = settings.start().await;
        let all = groups(count);
        let claims = json!({"email": "alice@example.com", "email_verified": true, "groups": all});
        deployment.provider.set_account("alice", claims).await;
        let mut alice = deployment.signed_in("alice", 0).await;
        assert_eq!(alice.cookies().dropped(), [""; 0], "{kept} {count}");
        let expected = if kept == "all" && !warned {
            all
        } else {
            vec!["sre".to_owned()]
        };
        // The filter and the app.
        assert_eq!(alerts(&mut alice).await.status, 200, "{kept} {count}");
        let seen = deployment.app.requests().pop().unwrap();
        let header = json!(["x-auth-request-groups", expected.join(",")]);
        assert!(
            seen["headers"].as_array().unwrap().contains(&header),
            "{seen}"
        );
        // Forward auth.
        let replica = &deployment.replicas[0];
        let call = Call::get(AUTH, "/oauth2/auth")
            .header("cookie", cookie_header(&alice))
            .header("x-original-method", "GET")
            .header("x-original-url", format!("https://{HOST}/graph"));
        let response = replica.companion.call(call).await;
        assert_eq!(response.status, 202, "{kept} {count}: {}", response.text());
        let header = response.header("x-auth-request-groups");
        assert_eq!(
            header.as_deref(),
            Some(&*expected.join(",")),
            "{kept} {count}"
        );
        assert_eq!(refresh(&mut alice, replica).await.status, 200);
        assert_eq!(alerts(&mut alice).await.status, 200, "{kept} {count}");
        // The operator.
        let log = replica.companion.log();
        let warning = "too many groups for cookies: those that no rule names are left out";
        assert_eq!(log.contains(warning), warned, "{kept} {count}");
        let metrics = Call::get("localhost", "/metrics");
        let metrics = metrics.send(replica.companion.metrics()).await.text();
        let zero = metrics.contains("portcullis_companion_groups_left_out_total 0");
        assert_eq!(!zero, warned, "{metrics}");
    }
}
