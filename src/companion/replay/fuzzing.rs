//! What the fuzz target calls: a replay of a log by a policy with every kind of caller.

use std::io;
use std::path::Path;

use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;

use super::{Reader, Replay};
use crate::explain::MAX_LINE;
use crate::files;
use crate::output;
use crate::simulation::Simulator;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

const POLICY: &str = r#"{
    "trust": [
        {"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com", "audiences": ["gate"], "keys": {"envoy_cluster": "blue"}},
        {"name": "idp", "kind": "oidc", "issuer": "https://idp.example.com", "audiences": ["gate"], "keys": {"envoy_cluster": "idp"}}
    ],
    "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
    "apps": [{"name": "app", "hosts": ["a.example.com"], "rules": [
        {"name": "karma", "methods": ["GET"], "allow": [{"service_account": "blue/monitoring/karma"}]},
        {"name": "sre", "allow": [{"from": "sso", "group": "sre"}, {"from": "idp", "email_domain": "example.com"}]},
        {"name": "probes", "paths": ["/-/healthy"], "public": true}
    ]}]
}"#;

thread_local! {
    static SIMULATOR: Option<Simulator> = Policy::from_json(POLICY).ok().map(Simulator::new);
}

/// Replays a log. Returns how many of its lines are in the result, and the result as the command prints it.
///
/// # Errors
/// The log can't be read.
pub fn replay(log: &[u8]) -> io::Result<(usize, String)> {
    SIMULATOR.with(|simulator| {
        let name = Path::new("fuzz.log");
        let mut replay = Replay::new(Path::new("portcullis.yaml"), name);
        if let Some(simulator) = simulator {
            let mut reader = Reader::new(simulator, NOW);
            files::each_line_of(log, MAX_LINE, |line| reader.read(line, &mut replay))?;
        }
        let skipped = replay.skipped.values().map(|lines| lines.count);
        let lines = skipped.fold(replay.requests(), usize::saturating_add);
        Ok((lines, output::text(&replay.lines())))
    })
}
