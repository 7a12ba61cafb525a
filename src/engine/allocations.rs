//! The engine adds no allocation to the evaluation of a request with a cached token.

#![allow(unsafe_code, reason = "an allocator is unsafe, and this one counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::gate::{Context, Evaluation, Gate, TokenCache};
use portcullis_core::keys::{Key, Keyring, Signatures};
use portcullis_core::outcome::Outcome;
use portcullis_core::policy::Policy;
use portcullis_core::request::Headers;
use portcullis_core::session::Revocations;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::Algorithm;
use portcullis_engine::{Engine, RequestContext, RequestId, Step};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

const POLICY: &str = r#"{
  "trust": [{"name": "blue", "kind": "oidc", "issuer": "https://blue.example.com",
    "audiences": ["gate"], "keys": {"inline": {"keys": [{"kty": "EC", "crv": "P-256", "kid": "a",
      "x": "djhr80QgjzZho50wCkT1yv3szIzOWVDqmpAgtYHR7Bk",
      "y": "1GNxzPG7yaiO3jZn8y9RVQeMu4qXO8swhnW03_T5aBQ"}]}}}],
  "apps": [{"name": "app", "hosts": ["app.example.com"],
    "rules": [{"name": "all", "allow": [{"from": "blue", "anyone": true}]}]}]
}"#;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all calls go to the system allocator; the counter is thread-local and does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller upholds the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds the contract of `GlobalAlloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Accepts every signature.
#[derive(Debug)]
struct AcceptAll;

impl Signatures for AcceptAll {
    fn supports(&self, _: Algorithm) -> bool {
        true
    }

    fn verifies(&self, _: &Key, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

fn allocations(of: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    of();
    ALLOCATIONS.get() - before
}

fn token() -> String {
    let claims = format!(
        r#"{{"iss":"https://blue.example.com","aud":"gate","sub":"ada","iat":{},"exp":{}}}"#,
        NOW.secs(),
        NOW.secs() + 60
    );
    let parts = [
        &br#"{"alg":"ES256","kid":"a"}"#[..],
        claims.as_bytes(),
        &[7; 64],
    ];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

#[test]
fn the_engine_adds_no_allocation_for_a_cached_token() {
    let bearer = format!("Bearer {}", token());
    let headers = Headers::new(vec![
        (b":method", b"GET"),
        (b":authority", b"app.example.com"),
        (b":path", b"/"),
        (b"authorization", bearer.as_bytes()),
        (b"x-auth-request-user", b"intruder"),
    ]);

    let gate = Gate::new(Policy::from_json(POLICY).unwrap());
    let keyring = Keyring::new(gate.policy().key_sources(), NOW);
    let revocations = Revocations::default();
    let mut cache = TokenCache::default();
    let mut core = || {
        let context = Context {
            keyring: &keyring,
            signatures: &AcceptAll,
            revocations: &revocations,
            arrived: NOW,
            now: NOW,
        };
        let Evaluation::Decided(decision) = gate.evaluate(&headers, context, &mut cache) else {
            panic!("it waits");
        };
        let Outcome::Forward(verdict) = decision.outcome(&headers, gate.policy(), NOW) else {
            panic!("it is refused");
        };
        assert_eq!(verdict.removals().count(), 2);
        assert_eq!(verdict.identity().count(), 2);
    };
    let mut engine = Engine::new(Policy::from_json(POLICY).unwrap(), NOW);
    let mut id = 0;
    let mut whole = || {
        id += 1;
        let context = RequestContext {
            time: NOW,
            signatures: &AcceptAll,
            calls_end_with_request: true,
        };
        let Step::Decided(Outcome::Forward(verdict)) =
            engine.request(RequestId(id), &headers, context)
        else {
            panic!("it waits or is refused");
        };
        assert_eq!(verdict.removals().count(), 2);
        assert_eq!(verdict.identity().count(), 2);
        drop(verdict);
        assert!(engine.next_effect().is_none());
        assert!(engine.response_changes(RequestId(id)).is_none());
        assert!(!engine.request_ended(RequestId(id)));
    };
    // A token is cached when it is presented for the second time.
    for _ in 0..3 {
        core();
        whole();
    }
    let (core, whole) = (allocations(core), allocations(whole));
    assert_eq!(whole, core);
    assert!(core <= 3, "{core}");
}
