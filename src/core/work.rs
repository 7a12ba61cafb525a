//! The work for the input of a client, by loop. It is bounded or linear in the size of the input, so
//! that a request costs no more than its bytes, and a proxy limits those (Envoy: 60 KiB of headers).
//!
//! | input | loop | bound |
//! |---|---|---|
//! | header fields | look-ups by name, for a fixed number of names | linear |
//! | names of fields and trailers | comparison with the names to remove, which the policy fixes | linear |
//! | `Connection` | at most 16 options, times the header fields | linear |
//! | `Cookie` | split once; candidates of a session are at most 24 | linear |
//! | `Authorization` | characters of the token; `max_token` before parsing | linear |
//! | `Accept` | media ranges | linear |
//! | path | characters and segments | linear |
//! | path and patterns | segments, times the 64 that a pattern may have; only the last `**` backtracks | linear |
//! | rules and shadow rules | each rule of the app once, for the path and the caller; the policy fixes how many | linear |
//! | query | skipped at `?` | linear |
//! | JSON of a token | depth 16, 16,388 values; many names of an object are hashed | linear |
//! | claims | audiences and groups, times those that the policy names | linear |
//! | keys for a token | at most 4 trust entries and 2 keys of each | constant |
//! | audit record | texts are truncated, four audiences | constant |
//! | location of the sign-in | 8,192 bytes, then the root | constant |

// It needs a clock.
#![cfg(not(target_arch = "wasm32"))]

use std::time::{Duration, Instant};

use crate::gate::{Context, Evaluation, Gate, TokenCache};
use crate::json::Json;
use crate::keys::{Keyring, PureRust};
use crate::outcome::{Outcome, removed_trailers};
use crate::policy::Policy;
use crate::request::Headers;
use crate::session::Revocations;
use crate::timestamp::Timestamp;

const POLICY: &str = r#"{
  "trust": [{"name": "idp", "kind": "oidc", "issuer": "https://idp.example.com", "audiences": ["a"],
             "keys": {"envoy_cluster": "idp"}}],
  "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
  "apps": [{"name": "app", "hosts": ["app.example.com"], "strip_headers": ["x-webauth-user"],
            "rules": [{"name": "deep", "paths": ["/**/a/*/a/*/a/b", "/**/a/a/a/a/**/a/a/*/b/**"],
                       "public": true},
                      {"name": "users", "allow": [{"from": "idp", "group": "sre"}]}],
            "shadow_rules": [{"name": "deep", "paths": ["/**/a/*/a/*/a/c", "/**/a/a/a/a/**/a/a/*/c/**"],
                              "public": true}]}],
  "max_token": 65536
}"#;

/// A header field of a name and a value.
type Field = (Vec<u8>, Vec<u8>);

fn field(name: &str, value: impl Into<Vec<u8>>) -> Field {
    (name.as_bytes().to_vec(), value.into())
}

/// Makes the fields of a request that has an input of about this size.
type Input = fn(usize) -> Vec<Field>;

/// The kinds of input that an attacker may inflate.
const INPUTS: [(&str, Input); 17] = [
    ("cookies of one name", |size| {
        let cookie = |number| format!("__Secure-portcullis=v{number}");
        vec![field("cookie", list(size, "; ", cookie))]
    }),
    ("pieces of a cookie", |size| {
        let cookie = |number| format!("__Secure-portcullis.{}=v{number}", number % 16);
        vec![field("cookie", list(size, ";", cookie))]
    }),
    ("Cookie fields", |size| {
        let cookie = |number| {
            field(
                "cookie",
                format!("a{number}=b; __Secure-portcullis={number}"),
            )
        };
        (0..size).map(cookie).collect()
    }),
    ("one cookie, many times the same", |size| {
        vec![field(
            "cookie",
            list(size, ";", |_| "__Secure-portcullis=a".to_owned()),
        )]
    }),
    ("pieces of a sealed session with long numbers", |size| {
        let cookie = |number| format!("__Secure-portcullis-session.{number}=v");
        vec![field("cookie", list(size, ";", cookie))]
    }),
    ("identity headers", |size| {
        let name = |number| format!("x.auth_request-{number}");
        (0..size)
            .map(|number| field(&name(number), "intruder"))
            .collect()
    }),
    ("other headers", |size| {
        let name = |number| format!("x-webauth-{number}");
        (0..size).map(|number| field(&name(number), "a")).collect()
    }),
    ("nominated headers", |size| {
        let name = |number: usize| format!("x-{number}");
        let mut fields = vec![
            field("connection", list(size, ",", name)),
            field("upgrade", "websocket"),
        ];
        fields.extend((0..size).map(|number| field(&name(number), "a")));
        fields
    }),
    ("Connection fields", |size| {
        (0..size)
            .map(|_| field("connection", "upgrade, x-auth-request-user"))
            .collect()
    }),
    ("segments", |size| vec![field(":path", "/a".repeat(size))]),
    ("a long segment", |size| {
        vec![field(":path", ["/", &"a".repeat(size)].concat())]
    }),
    ("an encoded path", |size| {
        vec![field(":path", ["/", &"%C3%A9".repeat(size)].concat())]
    }),
    ("a query", |size| {
        vec![field(":path", ["/a?", &"b=%2f&".repeat(size)].concat())]
    }),
    ("media ranges", |size| {
        vec![field("accept", list(size, ",", |_| "a/b;q=0.1".to_owned()))]
    }),
    ("credentials", |size| {
        vec![field(
            "authorization",
            list(size, ",", |_| "Digest a=b".to_owned()),
        )]
    }),
    ("a token", |size| {
        vec![field(
            "authorization",
            ["Bearer ", &"a.".repeat(size)].concat(),
        )]
    }),
    ("origins", |size| {
        (0..size)
            .map(|_| field("origin", "https://a.example"))
            .collect()
    }),
];

fn list(size: usize, separator: &str, item: impl Fn(usize) -> String) -> String {
    (0..size).map(item).collect::<Vec<_>>().join(separator)
}

/// Evaluates a request with these fields, and computes all that follows from the decision.
fn evaluate(gate: &Gate, fields: &[Field]) {
    let mut all: Vec<(&[u8], &[u8])> =
        vec![(b":method", b"GET"), (b":authority", b"app.example.com")];
    if fields.iter().all(|(name, _)| name != b":path") {
        all.push((b":path", b"/x"));
    }
    all.extend(
        fields
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice())),
    );
    let headers = Headers::new(all);
    let now = Timestamp::from_secs(1_800_000_000);
    let context = Context {
        keyring: &Keyring::new(gate.policy().key_sources(), now),
        signatures: &PureRust,
        revocations: &Revocations::default(),
        arrived: now,
        now,
    };
    let evaluation = gate.evaluate(&headers, context, &mut TokenCache::default());
    if let Evaluation::Decided(decision) = evaluation {
        let outcome = decision.outcome(&headers, gate.policy(), now);
        let (Outcome::Forward(verdict) | Outcome::Reply(_, verdict)) = outcome;
        let mut changes = 0_usize;
        let changed = verdict.change_headers(|_, _| {
            changes += 1;
            Ok::<_, ()>(())
        });
        let _computed = (changed, changes, verdict.audit_record(None));
    }
    let _removed = removed_trailers(gate.policy(), &headers).count();
}

/// How much longer eight times the input takes, at best: interruptions make no attempt faster.
fn growth(mut run: impl FnMut(usize) -> Duration) -> f64 {
    const SIZE: usize = 500;
    let mut best = |size| (0..5).map(|_| run(size)).min().unwrap_or_default();
    let (small, large) = (best(SIZE), best(8 * SIZE));
    large.as_secs_f64() / small.as_secs_f64().max(1e-6)
}

#[expect(clippy::disallowed_methods, reason = "the test measures")]
fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// Whether eight times the input takes no more than linear work, which is 8 times as much, or n log n.
/// Quadratic work is 64 times as much.
fn is_linear(mut run: impl FnMut(usize) -> Duration) -> bool {
    const MOST: f64 = 28.0;
    (0..5).any(|_| growth(&mut run) < MOST)
}

#[test]
fn t29_work_grows_linearly_with_the_input() {
    let gate = Gate::new(Policy::from_json(POLICY).unwrap());
    let mut superlinear = Vec::new();
    for (what, input) in INPUTS {
        let run = |size| {
            let fields = input(size);
            timed(|| evaluate(&gate, &fields))
        };
        if !is_linear(run) {
            superlinear.push(what);
        }
    }
    assert_eq!(superlinear, [""; 0]);
}

/// Makes a text of about this size.
type Text = fn(usize) -> String;

#[test]
fn t29_json_of_a_token_takes_linear_work() {
    let texts: [(&str, Text); 7] = [
        ("members", |size| {
            format!(
                "{{{}}}",
                list(size, ",", |number| format!("\"m{number}\":0"))
            )
        }),
        ("members of objects", |size| {
            format!(
                "[{}]",
                list(size / 4, ",", |_| r#"{"a":1,"b":2,"c":3}"#.to_owned())
            )
        }),
        ("a duplicate at the end", |size| {
            format!(
                "{{{},\"m0\":1}}",
                list(size, ",", |number| format!("\"m{number}\":0"))
            )
        }),
        ("digits", |size| "1".repeat(8 * size)),
        ("decimals", |size| format!("0.{}e-5", "1".repeat(8 * size))),
        ("escapes", |size| format!("\"{}\"", r"\u00e9".repeat(size))),
        ("an open string", |size| {
            format!("\"{}", "\\\\".repeat(size))
        }),
    ];
    let mut superlinear = Vec::new();
    for (what, text) in texts {
        let run = |size| {
            let text = text(size);
            timed(|| {
                let _parsed = Json::parse(text.as_bytes());
            })
        };
        if !is_linear(run) {
            superlinear.push(what);
        }
    }
    assert_eq!(superlinear, [""; 0]);
}
