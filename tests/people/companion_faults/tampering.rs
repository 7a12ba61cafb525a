//! Sealed values that were tampered with. All kinds of tampering get the same response.

use portcullis_tests::lab::{Call, Response, UserAgent};

use crate::companion_faults::actions::{SEALED, TOKEN, cookie};
use crate::companion_faults::deployment::{APP, AUTH, Deployment, HOST, Settings};

#[tokio::test]
async fn cve_2026_47775_every_tampered_sealed_session_gets_the_same_response() {
    let deployment = Settings::single().start().await;
    let alice = deployment.signed_in("alice", 0).await;
    let good = cookie(&alice, SEALED);
    let attempt = attempt(&deployment).await;
    let mut tampered = vec![
        ("random text", "x".to_owned()),
        ("plain text", "a".repeat(good.len())),
        ("shorter", good[..good.len() - 4].to_owned()),
        ("longer", format!("{good}AAAA")),
        ("padding", format!("{good}==")),
        ("a sealed value for another purpose", attempt),
        ("the session token", cookie(&alice, TOKEN)),
    ];
    // Version, key name, nonce, ciphertext and tag.
    for position in [0, 6, 20, 60, good.len() / 2, good.len() - 10] {
        let other = if good.as_bytes()[position] == b'A' {
            "B"
        } else {
            "A"
        };
        let value = [&good[..position], other, &good[position + 1..]].concat();
        tampered.push(("one character", value));
    }
    // Moves four characters of the key's name to the end, so that the fields after it are shifted.
    tampered.push(("shifted", [&good[..8], &good[12..], &good[8..12]].concat()));

    let calls = [
        Call::get(AUTH, "/oauth2/userinfo"),
        Call::post(AUTH, "/oauth2/refresh"),
    ];
    for call in calls {
        let response_to = async |value: &str| {
            let call = call.clone().header("cookie", format!("{SEALED}={value}"));
            deployment.replicas[0].companion.call(call).await
        };
        assert_eq!(response_to(&good).await.status, 200, "{call:?}");
        let expected = visible_parts(&response_to("never-sealed").await);
        assert_eq!(expected.0, 401);
        for (what, value) in &tampered {
            assert_eq!(visible_parts(&response_to(value).await), expected, "{what}");
        }
    }
}

#[tokio::test]
async fn c05_every_tampered_sign_in_cookie_gets_the_same_response() {
    let deployment = Settings::single().start().await;
    let alice = deployment.signed_in("alice", 0).await;
    let steps = alice.history().iter();
    let mut steps = steps.filter(|step| step.url.path() == "/oauth2/callback");
    let url = &steps.next().unwrap().url;
    let path = format!("{}?{}", url.path(), url.query().unwrap());
    let mut eve = deployment.user_agent(0);
    eve.visit(&format!("{APP}/graph")).await;
    let own = eve.cookies().iter().find(|c| c.name.contains("-login-"));
    let own = own.unwrap();
    let name = |user: &UserAgent| {
        let steps = user.history().iter().filter_map(|step| step.cookie.clone());
        let pairs = steps.flat_map(|c| c.split("; ").map(str::to_owned).collect::<Vec<_>>());
        let mut names = pairs.filter(|pair| pair.contains("-login-"));
        names.next().unwrap().split_once('=').unwrap().0.to_owned()
    };
    let name = name(&alice);
    let response_to = async |cookie: String| {
        let call = Call::get(AUTH, &path).header("cookie", cookie);
        deployment.replicas[0].companion.call(call).await
    };
    let expected = visible_parts(&response_to(format!("{name}=never-sealed")).await);
    // Another sign-in begins.
    assert_eq!(expected.0, 302);
    for cookie in [
        format!("{name}={}", own.value),
        format!("{name}={}==", own.value),
        format!("{}={}", own.name, own.value),
        format!("{name}={}", cookie(&alice, SEALED)),
        "another=cookie".to_owned(),
    ] {
        assert_eq!(visible_parts(&response_to(cookie).await), expected);
    }
    assert_eq!(deployment.replicas[0].get("/ping").await.status, 200);
}

/// The cookie of a sign-in that has started.
async fn attempt(deployment: &Deployment) -> String {
    let mut user = deployment.user_agent(0);
    user.visit(&format!("https://{HOST}/graph")).await;
    let found = user.cookies().iter().find(|c| c.name.contains("-login-"));
    found.expect("a pending sign-in").value.clone()
}

/// The parts of a response that a client can compare: everything except the request ID and the
/// date.
fn visible_parts(response: &Response) -> (u16, Vec<(String, Vec<u8>)>, String) {
    let id = response.header("x-request-id").expect("a request ID");
    let headers = response.headers.iter();
    let headers = headers.filter(|(name, _)| !matches!(&**name, "x-request-id" | "date"));
    let body = response.text().replace(&id, "ID");
    (response.status, headers.cloned().collect(), body)
}
