//! Cookies injected by another host of the domain, or left by an earlier user of the browser.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_tests::lab::user_agent::{Cookie, SameSite};
use portcullis_tests::lab::{Call, UserAgent};
use serde_json::Value;

use crate::companion_faults::actions::{
    SEALED, TOKEN, alerts, cookie, cookie_header, refresh, sign_in, userinfo,
};
use crate::companion_faults::deployment::{APP, AUTH, Deployment, Settings, URL};

#[tokio::test]
async fn c04_invalid_cookies_set_by_another_host_lock_nobody_out() {
    let deployment = Settings::single().start().await;
    let mut alice = deployment.signed_in("alice", 0).await;
    // A browser sends cookies with a longer path first.
    for path in ["/api", "/oauth2"] {
        for name in [
            TOKEN,
            SEALED,
            "__Secure-portcullis.0",
            "__Secure-portcullis.1",
            "__Secure-portcullis-session.0",
            "__Secure-portcullis-session.15",
            "__Secure-portcullis-login-x",
            "__Secure-portcullis-login-done",
        ] {
            inject(&mut alice, name, "invalid-value", path);
        }
    }
    for _ in 0..2 {
        assert_subject(&deployment, &mut alice, "alice").await;
        assert_eq!(
            refresh(&mut alice, &deployment.replicas[0]).await.status,
            200
        );
    }
    // If they replace the user's own cookies, the user has to sign in again.
    for name in [TOKEN, SEALED] {
        inject(&mut alice, name, "invalid-value", "/");
    }
    assert_eq!(alerts(&mut alice).await.status, 401);
    sign_in(&mut alice, "alice", "/silences").await;
    assert_subject(&deployment, &mut alice, "alice").await;
}

#[tokio::test]
async fn t19_junk_before_the_good_cookies_locks_nobody_out_and_deletes_nothing() {
    let deployment = Settings::single().start().await;
    let alice = deployment.signed_in("alice", 0).await;
    let good = cookie_header(&alice);
    let replica = &deployment.replicas[0];
    for count in [8, 9, 30] {
        let mut cookies = Vec::new();
        for name in [TOKEN, SEALED] {
            for number in 0..count {
                cookies.push(format!("{name}=junk-{number}"));
                cookies.push(format!("{name}.0=junk-{number}"));
                cookies.push(format!("{name}.1=junk-{number}"));
            }
        }
        for number in 0..count {
            cookies.push(format!("__Secure-portcullis-login-{number}=junk"));
        }
        cookies.push(good.clone());
        let cookies = cookies.join("; ");
        let call = Call::get("alertmanager.example.com", "/api/v2/alerts");
        let response = replica.gateway.call(call.header("cookie", &cookies)).await;
        assert_eq!(response.status, 200, "{count}: {}", response.text());
        assert_eq!(response.all("set-cookie"), [""; 0], "{count}");
        let call = Call::get(AUTH, "/oauth2/userinfo").header("cookie", &cookies);
        let response = replica.companion.call(call).await;
        assert_eq!(response.json()["user"], "alice", "{count}");
        assert_eq!(response.all("set-cookie"), [""; 0], "{count}");
        let call = Call::post(AUTH, "/oauth2/refresh").header("cookie", &cookies);
        let response = replica.companion.call(call).await;
        assert_eq!(response.status, 200, "{count}");
        for name in [TOKEN, SEALED] {
            let lines = response.all("set-cookie");
            let set = lines
                .iter()
                .find(|line| line.starts_with(&format!("{name}=")));
            assert!(!set.unwrap().contains("Max-Age=0"), "{count}: {lines:?}");
        }
    }
}

/// Envoy refuses a response with more than a hundred header fields, so the companion must not answer each of these
/// cookies. Another host of the domain can set them, also at other domains and paths.
#[tokio::test]
async fn t19_chunks_with_any_number_lock_nobody_out_behind_envoy() {
    let deployment = Settings::single().start().await;
    let alice = deployment.signed_in("alice", 0).await;
    let good = cookie_header(&alice);
    let replica = &deployment.replicas[0];
    let mut junk = Vec::new();
    for name in [TOKEN, SEALED] {
        for number in 0..100 {
            junk.extend([format!("{name}.{number}=x"), format!("{name}.{number}=y")]);
        }
        junk.extend([format!("{name}=x"), format!("{name}=y")]);
    }
    let cookies = format!("{}; {good}", junk.join("; "));
    for (path, expected) in [
        ("/oauth2/userinfo", 200),
        ("/oauth2/start?provider=sso", 302),
        ("/oauth2/callback?code=x&state=y", 200),
        ("/oauth2/sign_out", 200),
    ] {
        let call = Call::get(AUTH, path)
            .header("cookie", &cookies)
            .header("sec-fetch-site", "none");
        // Through the gateway.
        let response = replica.gateway.call(call).await;
        assert_eq!(response.status, expected, "{path}: {}", response.text());
        let count = response.all("set-cookie").len();
        assert!(count < 80, "{path}: {count}");
    }
    // As the filter refreshes a session, before that sign-out.
    let mut eve = deployment.signed_in("eve", 0).await;
    let cookies = format!("{}; {}", junk.join("; "), cookie_header(&eve));
    let call = Call::post(AUTH, "/oauth2/refresh").header("cookie", cookies);
    let response = replica.companion.call(call).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert!(response.all("set-cookie").len() < 80);
    assert_eq!(alerts(&mut eve).await.status, 200);
}

#[tokio::test]
async fn c04_two_sessions_in_one_request_are_both_rejected() {
    let deployment = Settings::single().start().await;
    let eve = deployment.signed_in("eve", 0).await;
    let mut alice = deployment.signed_in("alice", 0).await;
    for path in ["/api", "/oauth2"] {
        for name in [TOKEN, SEALED] {
            inject(&mut alice, name, &cookie(&eve, name), path);
        }
    }
    let reached = deployment.app.count();
    assert_eq!(alerts(&mut alice).await.verdict(), "401 no-credentials");
    assert_eq!(deployment.app.count(), reached);
    assert_eq!(userinfo(&mut alice).await.status, 401);
    assert_eq!(
        refresh(&mut alice, &deployment.replicas[0]).await.status,
        401
    );
}

#[tokio::test]
async fn r11_a_sign_in_replaces_injected_cookies() {
    let stores = [
        Settings::single(),
        Settings::with_file(),
        Settings::with_redis(),
    ];
    for settings in stores {
        let deployment = settings.start().await;
        let eve = deployment.signed_in("eve", 0).await;
        let mut attacker = deployment.user_agent(0);
        attacker.visit(&format!("{APP}/graph")).await;
        let pending_sign_in = |user: &UserAgent| {
            let found = user.cookies().iter();
            let mut found = found.filter(|c| c.name.contains("-login-"));
            found.next().expect("a pending sign-in").clone()
        };
        let injected = pending_sign_in(&attacker);

        let mut alice = deployment.user_agent(0);
        for name in [TOKEN, SEALED] {
            inject(&mut alice, name, &cookie(&eve, name), "/");
        }
        alice.cookies_mut().put(injected.clone());
        alice.visit(&format!("{URL}/oauth2/sign_in")).await;
        // The existing session is removed when the sign-in starts, so that an aborted sign-in does
        // not continue as somebody else.
        assert!(alice.cookies().get(SEALED).is_none());
        assert!(alice.cookies().get(TOKEN).is_none());
        alice.sign_in_as("alice").await;
        assert_subject(&deployment, &mut alice, "alice").await;
        assert_ne!(session_id(&alice), session_id(&eve));
        for name in [TOKEN, SEALED] {
            assert_ne!(cookie(&alice, name), cookie(&eve, name), "{name}");
        }
        // The sign-in was completed with its own state, not with the injected one.
        let callback = alice.history().iter().rev();
        let mut callback = callback.filter(|step| step.url.path() == "/oauth2/callback");
        let lines = callback.next().unwrap().response.all("set-cookie");
        let ended = lines
            .iter()
            .find(|line| line.contains("-login-") && line.contains("=; "));
        assert!(!ended.unwrap().starts_with(&injected.name));

        // The injected session has not become the user's.
        let call = Call::get(AUTH, "/oauth2/userinfo").header("cookie", cookie_header(&eve));
        let response = deployment.replicas[0].companion.call(call).await;
        assert_eq!(response.json()["user"], "eve");
    }
}

/// Sets a cookie as any host of the domain can.
fn inject(user: &mut UserAgent, name: &str, value: &str, path: &str) {
    user.cookies_mut().put(Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        domain: "example.com".to_owned(),
        host_only: false,
        path: path.to_owned(),
        secure: true,
        http_only: true,
        same_site: SameSite::Lax,
        expires: None,
    });
}

/// Checks which user the app and the companion identify.
async fn assert_subject(deployment: &Deployment, user: &mut UserAgent, login: &str) {
    let response = alerts(user).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let seen = deployment.app.requests().pop().unwrap();
    let headers = seen["headers"].as_array().unwrap();
    let header = serde_json::json!(["x-auth-request-user", login]);
    assert!(headers.contains(&header), "{seen}");
    assert!(!seen.to_string().contains(TOKEN), "{seen}");
    assert_eq!(userinfo(user).await.json()["user"], login);
}

/// The session ID in a browser's cookies.
fn session_id(user: &UserAgent) -> Value {
    let token = cookie(user, TOKEN);
    let claims = token.split('.').nth(1).expect("a token");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    serde_json::from_slice::<Value>(&claims).expect("claims")["sid"].clone()
}
