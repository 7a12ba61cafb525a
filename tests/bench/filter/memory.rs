//! The memory of an Envoy with one worker: after its start, with 1,000 cached tokens, and after many requests.

use portcullis_tests::lab::tools;
use serde_json::Value;

use super::Tokens;
use super::configurations::{dynamic_module, policy, portcullis};
use super::envoy::Envoy;
use super::variants::{bearers, variant};
use crate::load::CONNECTIONS;
use crate::machine::{self, Machine};
use crate::settings::Settings;

/// The number of cached tokens.
const CACHED: usize = 1_000;

/// Measures and reports.
pub(super) async fn measure(
    machine: &Machine,
    settings: &Settings,
    tokens: &Tokens,
) -> Result<(), String> {
    let policy = policy(&tokens.keys, "off");
    println!(
        "\n{:<36}{:>11}{:>17}{:>9}",
        "memory of Envoy, MiB", "at start", "1,000 tokens", "later"
    );
    for (name, filters) in [
        ("no filter", vec![]),
        ("filter", vec![portcullis(tools::filter(), &policy)]),
        ("module", vec![dynamic_module(&policy)]),
    ] {
        line(machine, settings, tokens, name, filters).await?;
    }
    Ok(())
}

async fn line(
    machine: &Machine,
    settings: &Settings,
    tokens: &Tokens,
    name: &'static str,
    filters: Vec<Value>,
) -> Result<(), String> {
    let envoy = Envoy::start(machine, filters, "error", &[]).await;
    let started = machine::memory(envoy.id());
    let requests = bearers(&tokens.rs256[..CACHED]);
    let mut load = variant(name, &[], &envoy, CONNECTIONS, requests)?;
    let mut sent = 0;
    while sent < CACHED as u64 {
        sent += load.turn(settings.turn)?.requests;
    }
    let cached = machine::memory(envoy.id());
    let began = sent;
    for _ in 0..settings.rounds {
        sent += load.turn(settings.turn)?.requests;
    }
    println!(
        "{name:<36}{started:>11.1}{cached:>17.1}{:>9.1}   (after {} more requests)",
        machine::memory(envoy.id()),
        sent - began,
    );
    Ok(())
}
