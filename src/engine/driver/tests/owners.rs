//! Keys of trust entries that share an issuer.

use std::slice;

use portcullis_core::outcome::Outcome;
use portcullis_core::policy::Policy;

use super::*;

/// Blue is listed first.
const POLICY: &str = r#"{
  "trust": [
    {"name": "blue", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
     "audiences": ["gate"], "keys": {"envoy_cluster": "blue", "jwks": "https://x.example.com/blue"}},
    {"name": "green", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
     "audiences": ["gate"], "keys": {"envoy_cluster": "green", "jwks": "https://x.example.com/green"}}
  ],
  "apps": [
    {"name": "alertmanager", "hosts": ["alertmanager.example.com"], "rules": [
      {"name": "polls", "allow": [{"service_account": "*/monitoring/karma"}]}]}
  ]
}"#;

/// Keys of the examples in RFC 7515 and RFC 7517, and that of the fixtures.
const KEYS: [&str; 3] = [
    r#""x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#,
    r#""x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#,
    r#""x":"djhr80QgjzZho50wCkT1yv3szIzOWVDqmpAgtYHR7Bk","y":"1GNxzPG7yaiO3jZn8y9RVQeMu4qXO8swhnW03_T5aBQ""#,
];

const BLUE: (&str, usize) = ("blue-key", 0);
const GREEN: (&str, usize) = ("green-key", 1);
const NEW: (&str, usize) = ("new-key", 2);

fn start(proxy: &Proxy) -> Driver<Proxy> {
    Driver::start(Policy::from_json(POLICY).unwrap(), proxy.clone())
}

fn set(keys: &[(&str, usize)]) -> String {
    let jwk = |(kid, key): &(&str, usize)| {
        let members = KEYS[*key];
        format!(r#"{{"kty":"EC","crv":"P-256","alg":"ES256","kid":"{kid}",{members}}}"#)
    };
    let keys: Vec<String> = keys.iter().map(jwk).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// The issuer responds to the last call for its keys.
fn respond(driver: &mut Driver<Proxy>, name: &str, keys: &[(&str, usize)]) {
    let token = driver.host.token(&format!("/{name}"));
    handle_response(driver, token, "200", &set(keys));
}

/// The caller of a request with a token of this `kid`, the reason why there is none, or `wait`.
fn caller(driver: &mut Driver<Proxy>, kid: &str) -> String {
    let bearer = format!("Bearer {}", karma(kid));
    let headers = Headers::new(vec![
        (b":method", b"GET"),
        (b":authority", b"alertmanager.example.com"),
        (b":path", b"/"),
        (b"authorization", bearer.as_bytes()),
    ]);
    let context = RequestContext {
        time: driver.host.0.now.get(),
        signatures: &FakeSignatures,
        calls_end_with_request: true,
    };
    let said = match driver.engine.request(RequestId(1), &headers, context) {
        Step::Wait => "wait".to_owned(),
        Step::Decided(Outcome::Forward(verdict) | Outcome::Reply(_, verdict)) => {
            let decision = verdict.decision();
            match decision.authenticated() {
                Some(known) => known.caller_name().to_owned(),
                None => decision.reason().to_string(),
            }
        }
    };
    driver.engine.request_ended(RequestId(1));
    said
}

/// Two workers that know the keys of both entries.
fn with_keys(proxy: &Proxy) -> [Driver<Proxy>; 2] {
    let mut workers = [start(proxy), start(proxy)];
    tick(&mut workers);
    respond(&mut workers[0], "blue", &[BLUE]);
    respond(&mut workers[0], "green", &[GREEN]);
    tick(&mut workers);
    tick(&mut workers);
    workers
}

fn tick(workers: &mut [Driver<Proxy>]) {
    workers.iter_mut().for_each(Driver::tick);
}

fn calls(proxy: &Proxy) -> usize {
    proxy.0.calls.borrow().len()
}

#[test]
fn one_fetch_of_each_entry_is_enough_at_the_start() {
    let proxy = Proxy::default();
    for worker in &mut with_keys(&proxy) {
        assert_eq!(caller(worker, "blue-key"), "blue/monitoring/karma");
        assert_eq!(caller(worker, "green-key"), "green/monitoring/karma");
    }
    assert_eq!(calls(&proxy), 2);
}

#[test]
fn a_copied_key_stays_with_its_owner_on_all_workers() {
    let proxy = Proxy::default();
    let mut workers = with_keys(&proxy);
    for _ in 0..3 {
        proxy.wait(Duration::from_secs(300));
        tick(&mut workers);
        respond(&mut workers[0], "green", &[GREEN]);
        respond(
            &mut workers[0],
            "blue",
            &[("green-key", 1), ("other", 1), BLUE],
        );
        tick(&mut workers);
        for worker in &mut workers {
            assert_eq!(caller(worker, "green-key"), "green/monitoring/karma");
            assert_eq!(caller(worker, "blue-key"), "blue/monitoring/karma");
            assert_ne!(caller(worker, "other"), "blue/monitoring/karma");
        }
    }
    // A worker that starts later knows the owners.
    let mut later = start(&proxy);
    assert_eq!(caller(&mut later, "green-key"), "green/monitoring/karma");
}

#[test]
fn a_new_key_causes_a_fetch_of_the_other_entries() {
    let proxy = Proxy::default();
    let mut workers = with_keys(&proxy);
    proxy.wait(Duration::from_secs(10));
    assert_eq!(caller(&mut workers[0], "new-key"), "wait");
    let bearer = format!("Bearer {}", karma("new-key"));
    assert!(waits(&mut workers[1], 7, ("authorization", &bearer)));
    tick(&mut workers);
    // Both entries may have it. The response of green is older than the key.
    respond(&mut workers[1], "green", &[GREEN]);
    respond(&mut workers[1], "blue", &[BLUE, NEW]);
    let before = calls(&proxy);
    tick(&mut workers);
    assert_eq!(caller(&mut workers[0], "new-key"), "wait");
    assert_eq!(caller(&mut workers[0], "blue-key"), "blue/monitoring/karma");
    tick(&mut workers);
    assert_eq!(calls(&proxy), before + 1, "green is fetched again at once");
    let token = proxy.token("/green");
    let fetching = if workers[0].calls.is_empty() { 1 } else { 0 };
    handle_response(&mut workers[fetching], token, "200", &set(&[GREEN]));
    tick(&mut workers);
    tick(&mut workers);
    for worker in &mut workers {
        assert_eq!(caller(worker, "new-key"), "blue/monitoring/karma");
    }
    assert_eq!(workers[1].engine.due(9, proxy.0.now.get()), [RequestId(7)]);
    assert_eq!(calls(&proxy), before + 1);
}

#[test]
fn a_key_of_unknown_owner_is_ambiguous_on_all_workers() {
    let proxy = Proxy::default();
    let mut workers = [start(&proxy), start(&proxy)];
    tick(&mut workers);
    respond(&mut workers[0], "blue", &[("green-key", 1), BLUE]);
    respond(&mut workers[0], "green", &[GREEN]);
    for _ in 0..11 {
        tick(&mut workers);
    }
    for worker in &mut workers {
        assert_eq!(caller(worker, "green-key"), "key-ambiguous");
        assert_eq!(caller(worker, "blue-key"), "blue/monitoring/karma");
        let mut value = None;
        worker.engine.take_changes(&mut |metric, change| {
            if metric.name == "portcullis_ambiguous_keys" {
                value = Some(format!("{change:?}"));
            }
        });
        assert_eq!(value.as_deref(), Some("Set(1)"));
    }
    let log = proxy.0.log.borrow();
    let warnings = log.iter().filter(|line| line.contains("`keys.pins`"));
    assert!(
        warnings.clone().any(|line| line.contains("key-ambiguous")),
        "{log:?}"
    );
}

#[test]
fn invalid_owners_in_the_cell_are_replaced_by_the_known_ones() {
    let proxy = Proxy::default();
    let mut workers = with_keys(&proxy);
    let name = {
        let cells = proxy.0.cells.borrow();
        let mut names = cells.keys();
        names
            .find(|name| name.contains("/owners/"))
            .unwrap()
            .clone()
    };
    for text in ["", "{}", "\u{0}"] {
        assert!(proxy.write(&name, text, None));
        tick(&mut workers);
        tick(&mut workers);
        let (text, _) = proxy.read(&name).unwrap();
        assert!(String::from_utf8(text).unwrap().contains("entry green"));
    }
    respond_after_copy(slice::from_mut(&mut workers[0]), &proxy);
    tick(&mut workers);
    for worker in &mut workers {
        assert_eq!(caller(worker, "green-key"), "green/monitoring/karma");
    }
}

fn respond_after_copy(workers: &mut [Driver<Proxy>], proxy: &Proxy) {
    proxy.wait(Duration::from_secs(300));
    tick(workers);
    respond(&mut workers[0], "blue", &[("green-key", 1), BLUE]);
    respond(&mut workers[0], "green", &[GREEN]);
}
