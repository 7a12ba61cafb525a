//! The migration from a real oauth2-proxy, as `src/companion/MIGRATING.md` describes it, and back. `make migration` runs
//! this program, not `make test`, because oauth2-proxy has to be built.

#![cfg(feature = "migration")]

mod ingress;
mod person;
mod stack;

use std::time::Duration;

use portcullis_tests::lab::karma::{Karma, Upstream};
use portcullis_tests::lab::{App, Call, wait};
use serde_json::Value;

use ingress::{Authenticator, Ingresses};
use person::Person;
use stack::{HOSTS, Stack};

/// Karma and the person poll this often.
const PAUSE: Duration = Duration::from_millis(100);

/// Who decided about the last request of Karma that the app received: both send the caller, only the companion by its
/// own name.
fn decided_by(app: &App) -> Option<Authenticator> {
    let requests = app.requests();
    let mut karma = requests.iter().rev();
    let karma = karma.find(|request| request["path"] == "/metrics")?;
    let has = |name: &str| {
        let headers: Vec<&Value> = karma["headers"].as_array().into_iter().flatten().collect();
        headers.iter().any(|header| header[0] == name)
    };
    Some(if has("x-portcullis-caller") {
        Authenticator::Companion
    } else {
        Authenticator::OAuth2Proxy
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_move_one_by_one_and_back_without_a_lost_request() {
    let stack = Stack::start().await;
    let mut ingresses = Ingresses::start(&stack).await;
    let token = stack.karma();
    let upstreams = HOSTS.map(|host| {
        Upstream::new(host, ingresses.address())
            .tls(stack.authority.trust())
            .authorization(&format!("Bearer {token}"))
    });
    let karma = Karma::start(upstreams.to_vec(), PAUSE);
    let person = Person::start(stack.user_agent(ingresses.address()), PAUSE).await;
    let post = |host: &str| {
        Call::post(host, "/api/v2/silences")
            .bearer(&token)
            .body("{}")
    };
    let status = async |host: &str, address| {
        let sent = post(host)
            .try_send_tls(address, &stack.authority.trust())
            .await;
        sent.expect("a response").status
    };
    let both = async |expected: [Authenticator; 2]| {
        for (app, expected) in stack.apps.iter().zip(expected) {
            let what = format!("{expected:?} decides");
            wait::until_true(&what, wait::LONG, async || {
                decided_by(app) == Some(expected)
            })
            .await;
        }
        karma.polled(3).await;
        person.polled(3).await;
    };
    use Authenticator::{Companion, OAuth2Proxy};

    // With oauth2-proxy, every token of the issuer opens everything.
    both([OAuth2Proxy; 2]).await;
    assert_eq!(status(HOSTS[0], ingresses.address()).await, 200);
    assert_eq!(person.cookies(), ["_oauth2_proxy"]);

    // One Ingress asks the companion, which has been running on its own host. What was imported admits whom oauth2-proxy
    // admits, and the rules to come say what they would refuse.
    ingresses.set(HOSTS[0], Companion);
    both([Companion, OAuth2Proxy]).await;
    assert!(!stack.has_differences().await);
    assert_eq!(status(HOSTS[0], ingresses.address()).await, 200);
    assert!(stack.has_differences().await);

    // Then they are enforced.
    stack.enforce();
    let is_refused = async || status(HOSTS[0], ingresses.address()).await == 403;
    wait::until_true("the new rules", wait::LONG, is_refused).await;
    karma.polled(3).await;
    assert_eq!(status(HOSTS[1], ingresses.address()).await, 200);
    // The cookies of both products live side by side.
    assert_eq!(
        person.cookies(),
        [
            "__Secure-portcullis",
            "__Secure-portcullis-session",
            "_oauth2_proxy"
        ]
    );

    // Back, at any time: no new sign-in is needed.
    let sign_ins = stack.sign_ins().await;
    ingresses.set(HOSTS[0], OAuth2Proxy);
    both([OAuth2Proxy; 2]).await;
    assert_eq!(status(HOSTS[0], ingresses.address()).await, 200);
    ingresses.set(HOSTS[0], Companion);
    both([Companion, OAuth2Proxy]).await;
    ingresses.set(HOSTS[1], Companion);
    both([Companion; 2]).await;
    assert_eq!(status(HOSTS[1], ingresses.address()).await, 403);
    assert_eq!(stack.sign_ins().await, sign_ins);

    // Then the hosts move to a gateway with the filter, with the same sessions and tokens.
    let gateway = stack.gateway().await;
    let mut at_gateway = stack.user_agent(gateway.address());
    *at_gateway.cookies_mut() = person.jar();
    for host in HOSTS {
        let page = at_gateway.visit(&format!("https://{host}/")).await;
        assert_eq!(page.response.status, 200, "{}", page.text());
        let call = Call::get(host, "/metrics").bearer(&token);
        assert_eq!(gateway.call(call).await.status, 200);
        assert_eq!(status(host, gateway.address()).await, 403);
    }
    assert_eq!(stack.sign_ins().await, sign_ins);

    // oauth2-proxy is still there for the way back, until it is removed.
    ingresses.set(HOSTS[0], OAuth2Proxy);
    ingresses.set(HOSTS[1], OAuth2Proxy);
    both([OAuth2Proxy; 2]).await;

    let polls = karma.polls();
    assert_eq!(polls.failures, [""; 0], "of {} polls", polls.complete);
    assert_eq!(person.failures(), [""; 0]);
    println!(
        "{} polls of Karma and {} of a person, no failure",
        polls.complete,
        person.polls()
    );
}
