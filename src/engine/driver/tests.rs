use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use portcullis_core::request::Headers;
use portcullis_core::timestamp::Timestamp;

use super::*;
use crate::engine::RequestContext;
use crate::fixtures::{FakeSignatures, START, jwks, karma, policy, session};
use crate::step::Step;

mod owners;

/// A proxy with shared cells. It makes calls unless a cluster of that name is missing.
#[derive(Clone, Debug, Default)]
struct Proxy(Rc<State>);

#[derive(Debug)]
struct State {
    now: Cell<Timestamp>,
    cells: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    calls: RefCell<Vec<Call>>,
    missing: RefCell<Vec<&'static str>>,
    log: RefCell<Vec<String>>,
    published: RefCell<Vec<Update>>,
    /// Whether requests of other engines wait for keys.
    awaits_keys: Cell<bool>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            now: Cell::new(START),
            cells: RefCell::default(),
            calls: RefCell::default(),
            missing: RefCell::default(),
            log: RefCell::default(),
            published: RefCell::default(),
            awaits_keys: Cell::default(),
        }
    }
}

impl Host for Proxy {
    fn call(&self, call: &Call) -> Option<u32> {
        if self.0.missing.borrow().contains(&call.cluster.as_str()) {
            return None;
        }
        let mut calls = self.0.calls.borrow_mut();
        calls.push(call.clone());
        Some(calls.len() as u32 * 4)
    }

    fn log(&self, _: Level, line: &str) {
        self.0.log.borrow_mut().push(line.to_owned());
    }

    fn time_and_random(&self) -> TimeAndRandom {
        TimeAndRandom {
            time: self.0.now.get(),
            random: 7,
        }
    }

    fn read(&self, cell: &str) -> Option<(Vec<u8>, u32)> {
        self.0.cells.borrow().get(cell).cloned()
    }

    fn write(&self, cell: &str, text: &str, over: Option<u32>) -> bool {
        let mut cells = self.0.cells.borrow_mut();
        let version = cells.get(cell).map_or(0, |(_, version)| *version);
        if over.is_some_and(|over| over != version) {
            return false;
        }
        cells.insert(cell.to_owned(), (text.into(), version + 1));
        true
    }

    fn publish(&self, update: &Update) {
        self.0.published.borrow_mut().push(update.clone());
    }

    fn awaits_keys(&self, _: KeySourceId) -> bool {
        self.0.awaits_keys.get()
    }
}

impl Proxy {
    fn wait(&self, span: Duration) {
        self.0.now.set(self.0.now.get().after(span));
    }

    /// The token of the last call to this path.
    fn token(&self, path: &str) -> u32 {
        let calls = self.0.calls.borrow();
        let place = calls
            .iter()
            .rposition(|call| call.headers.contains(&(":path", path.to_owned())));
        (place.unwrap() as u32 + 1) * 4
    }
}

/// Evaluates a request, and returns whether it waits.
fn waits(driver: &mut Driver<Proxy>, id: u64, field: (&str, &str)) -> bool {
    let headers = Headers::new(vec![
        (b":method", b"GET"),
        (b":authority", b"alertmanager.example.com"),
        (b":path", b"/"),
        (field.0.as_bytes(), field.1.as_bytes()),
    ]);
    let context = RequestContext {
        time: driver.host.0.now.get(),
        signatures: &FakeSignatures,
        calls_end_with_request: true,
    };
    matches!(
        driver.engine.request(RequestId(id), &headers, context),
        Step::Wait
    )
}

fn handle_response(driver: &mut Driver<Proxy>, token: u32, status: &str, body: &str) {
    let headers = Headers::new(vec![
        (b":status", status.as_bytes()),
        (b"content-type", b"application/json"),
    ]);
    let call = driver.take_call(token).unwrap();
    assert!(driver.take_call(token).is_none(), "a response comes once");
    let body = body.as_bytes();
    let headers = &headers;
    driver.handle_response(&call, Some(&CallResponse { headers, body }));
}

#[test]
fn fetched_keys_reach_the_engines_of_all_workers() {
    let proxy = Proxy::default();
    let mut one = Driver::start(policy(), proxy.clone());
    let mut two = Driver::start(policy(), proxy.clone());
    let bearer = format!("Bearer {}", karma("new"));
    assert!(waits(&mut one, 1, ("authorization", &bearer)));
    assert!(waits(&mut two, 2, ("authorization", &bearer)));
    one.tick();
    two.tick();
    let token = proxy.token("/jwks");
    handle_response(&mut one, token, "200", &jwks("new"));
    assert_eq!(one.engine.due(9, START), [RequestId(1)]);
    assert!(!waits(&mut one, 1, ("authorization", &bearer)));
    // The other worker has only seen the lease.
    assert_eq!(two.engine.due(9, START), [RequestId(2)]);
    assert!(waits(&mut two, 2, ("authorization", &bearer)));
    two.tick();
    assert_eq!(two.engine.due(9, START), [RequestId(2)]);
    assert!(!waits(&mut two, 2, ("authorization", &bearer)));
}

#[test]
fn engines_without_readers_get_keys_from_the_driver_that_has_them() {
    let proxy = Proxy::default();
    let mut driver = Driver::start(policy(), proxy.clone());
    driver.tick();
    let token = proxy.token("/jwks");
    handle_response(&mut driver, token, "200", &jwks("old"));
    // Without a waiting request, the next fetch is not due yet.
    proxy.wait(Duration::from_secs(60));
    let keys = (":path", "/jwks".to_owned());
    let of_keys = |call: &&Call| call.headers.contains(&keys);
    let fetches = || proxy.0.calls.borrow().iter().filter(of_keys).count();
    let before = fetches();
    driver.tick();
    assert_eq!(fetches(), before);
    proxy.0.awaits_keys.set(true);
    driver.tick();
    assert!(fetches() > before);
    let token = proxy.token("/jwks");
    handle_response(&mut driver, token, "200", &jwks("new"));

    let bearer = format!("Bearer {}", karma("new"));
    let mut other = Driver::start(policy(), Proxy::default());
    assert!(waits(&mut other, 1, ("authorization", &bearer)));
    assert_eq!(other.engine.awaited_sources().count(), 1);
    for update in proxy.0.published.take() {
        other.engine.update(update);
    }
    assert_eq!(other.engine.due(9, START), [RequestId(1)]);
    assert!(!waits(&mut other, 1, ("authorization", &bearer)));
    assert_eq!(other.engine.awaited_sources().count(), 0);
}

#[test]
fn a_call_that_cannot_be_made_counts_as_failed() {
    let proxy = Proxy::default();
    *proxy.0.missing.borrow_mut() = vec!["blue", "portcullis"];
    let mut driver = Driver::start(policy(), proxy.clone());
    driver.tick();
    let log = proxy.0.log.take();
    assert!(
        log.iter().any(|line| line.contains("trust blue")),
        "{log:?}"
    );

    // The companion's keys arrive, so that an expired session can be refreshed.
    proxy.0.missing.borrow_mut().clear();
    proxy.wait(Duration::from_secs(400));
    driver.tick();
    let token = proxy.token("/oauth2/jwks");
    handle_response(&mut driver, token, "200", &jwks("sso-key"));
    *proxy.0.missing.borrow_mut() = vec!["portcullis"];
    let cookies = format!(
        "__Secure-portcullis={}; __Secure-portcullis-session=sealed",
        session(1, START)
    );
    assert!(waits(&mut driver, 1, ("cookie", &cookies)));
    assert!(!driver.perform_effects());
    assert_eq!(driver.engine.due_by_refresh(9), [RequestId(1)]);
    assert!(!waits(&mut driver, 1, ("cookie", &cookies)));
}

#[test]
fn a_response_without_a_call_or_after_its_request_is_ignored() {
    let proxy = Proxy::default();
    let mut driver = Driver::start(policy(), proxy.clone());
    driver.tick();
    let token = proxy.token("/oauth2/jwks");
    handle_response(&mut driver, token, "200", &jwks("sso-key"));
    assert!(driver.take_call(0).is_none() && driver.take_call(token).is_none());

    proxy.wait(Duration::from_secs(400));
    driver.tick();
    let token = proxy.token("/oauth2/jwks");
    handle_response(&mut driver, token, "200", &jwks("sso-key"));
    let cookies = format!(
        "__Secure-portcullis={}; __Secure-portcullis-session=sealed",
        session(1, START)
    );
    assert!(waits(&mut driver, 1, ("cookie", &cookies)));
    assert!(driver.perform_effects());
    let token = proxy.token("/oauth2/refresh");
    assert!(driver.request_ended(RequestId(1)));
    assert!(driver.take_call(token).is_none());
    assert!(!driver.request_ended(RequestId(1)));
}
