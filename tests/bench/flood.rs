//! The latency of valid requests while as many forged tokens arrive, each with an unknown key ID, compared with that
//! while valid ones arrive. Each adapter fetches its keys from an issuer, which counts how often.

use std::thread;
use std::time::Instant;

use portcullis_tests::lab::token::assemble;
use portcullis_tests::lab::{Nginx, Token, port, tools};
use serde_json::{Value, json};

use crate::filter::{
    ALLOWED, AUDIENCE, Envoy, ISSUER, Tokens, bearers, dynamic_module, policy, portcullis, variant,
};
use crate::load::{ExpectedResponse, Load};
use crate::machine::Machine;
use crate::report::{self, Results, Sample, Series};
use crate::rounds::Variant;
use crate::settings::Settings;

/// The number of different forged tokens.
const FORGED: usize = 1_000;

/// The response to a forged token.
const REFUSED: ExpectedResponse = ExpectedResponse {
    begins: b"HTTP/1.1 401 ",
    ends: b"}\n",
};

/// The names of the lines: each adapter beside valid and beside forged tokens.
const FILTER: &str = "filter, beside valid tokens";
const MODULE: &str = "module, beside valid tokens";
const LINES: [[&str; 2]; 2] = [
    [FILTER, "filter, beside forged tokens"],
    [MODULE, "module, beside forged tokens"],
];

/// An adapter, and the issuer of its keys.
struct Measured {
    envoy: Envoy,
    issuer: Nginx,
}

/// The measured requests, and those beside them.
struct Line {
    measured: Variant,
    beside: Load,
}

/// Measures and reports.
pub(crate) async fn measure(
    machine: &Machine,
    settings: &Settings,
    tokens: &Tokens,
    results: &mut Results,
) -> Result<(), String> {
    println!(
        "\nForged tokens with unknown key IDs beside valid requests, one of each at a time.\n"
    );
    let policy = fetching_policy();
    let filters = [
        portcullis(tools::filter(), &policy),
        dynamic_module(&policy),
    ];
    let mut adapters = Vec::new();
    for filter in filters {
        let issuer = issuer(&tokens.keys).await;
        let clusters = [("issuer", issuer.address())];
        let envoy = Envoy::start(machine, vec![filter], "error", &clusters).await;
        adapters.push(Measured { envoy, issuer });
    }
    let mut lines = Vec::new();
    for (adapter, names) in adapters.iter().zip(LINES) {
        lines.extend(adapter.lines(names, tokens)?);
    }
    for line in &mut lines {
        line.turn(settings)?;
    }
    let mut all: Vec<Series> = lines
        .iter()
        .map(|line| Series::of(&line.measured))
        .collect();
    let (began, before) = (Instant::now(), fetches(&adapters));
    for _ in 0..settings.rounds {
        for (line, series) in lines.iter_mut().zip(&mut all) {
            series.samples.push(line.turn(settings)?);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let after = fetches(&adapters);
    report::latency(results, "flood", &all);
    println!("\n{:<36}{:>11}{:>17}", "", "p99, ratio", "fetches in 10 s");
    for ((pair, before), after) in all.chunks_exact(2).zip(before).zip(after) {
        println!(
            "{:<36}{:>11.2}{:>17.1}",
            pair[1].name,
            pair[1].ratio(&pair[0], Sample::p99_microseconds),
            (after - before) as f64 * 10.0 / seconds,
        );
    }
    Ok(())
}

impl Measured {
    /// The line beside valid tokens, and that beside forged ones.
    fn lines(&self, names: [&'static str; 2], tokens: &Tokens) -> Result<[Line; 2], String> {
        let valid = || bearers(&tokens.rs256[..1]);
        let measured = |name, baselines| variant(name, baselines, &self.envoy, 1, valid());
        let beside = |requests, response| {
            let load = Load::open(self.envoy.address(), 1, requests, response);
            load.map_err(|error| format!("flood: {error}"))
        };
        let baselines: &[&str] = match names[0] {
            FILTER => &[FILTER],
            _ => &[MODULE],
        };
        Ok([
            Line {
                measured: measured(names[0], &[])?,
                beside: beside(valid(), ALLOWED)?,
            },
            Line {
                measured: measured(names[1], baselines)?,
                beside: beside(bearers(&forged()), REFUSED)?,
            },
        ])
    }
}

impl Line {
    /// Sends the measured requests, and those beside them from another thread.
    fn turn(&mut self, settings: &Settings) -> Result<Sample, String> {
        let Self { measured, beside } = self;
        thread::scope(|scope| {
            let beside = scope.spawn(|| beside.run(settings.turn));
            let sample = measured.turn(settings.turn);
            let sent = beside.join().expect("the load does not panic");
            sent.map_err(|error| format!("{}: {error}", measured.name))?;
            sample
        })
    }
}

/// The policy of the other parts, with keys that the adapter fetches.
fn fetching_policy() -> Value {
    let mut policy = policy(&json!({"keys": []}), "off");
    policy["trust"][0]["keys"] =
        json!({"envoy_cluster": "issuer", "jwks": format!("{ISSUER}/openid/v1/jwks")});
    policy
}

/// Tokens that name keys which do not exist.
fn forged() -> Vec<String> {
    let claims = Token::service_account(ISSUER, AUDIENCE, "monitoring", "karma");
    let claims = claims.claims().to_string();
    let token = |number| {
        let header = json!({"alg": "RS256", "kid": format!("unknown-{number}")});
        assemble(header.to_string().as_bytes(), claims.as_bytes(), &[7; 256])
    };
    (0..FORGED).map(token).collect()
}

/// An issuer that logs each fetch of its keys.
async fn issuer(keys: &Value) -> Nginx {
    let address = port::free();
    let configuration = format!(
        "default_type application/json;\nserver {{\nlisten {address};\nlocation = /openid/v1/jwks {{\n\
         return 200 '{keys}';\n}}\n}}"
    );
    Nginx::start(address, &configuration).await
}

/// How often the keys of each adapter were fetched.
fn fetches(adapters: &[Measured]) -> Vec<usize> {
    let logs = adapters.iter().map(|adapter| adapter.issuer.access_log());
    logs.map(|log| log.lines().count()).collect()
}
