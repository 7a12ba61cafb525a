//! The filter compared with Envoy's own filters. Envoy responds directly, so that only Envoy and
//! the filter are measured.

mod builds;
mod configurations;
mod envoy;
mod memory;
mod tokens;
mod variants;

pub(crate) use configurations::{dynamic_module, policy, portcullis};
pub(crate) use envoy::Envoy;
pub(crate) use tokens::{AUDIENCE, ISSUER, Tokens};
pub(crate) use variants::{ALLOWED, bearers, request, variant};

use std::path::Path;

use builds::Builds;
use variants::Envoys;

use crate::machine::Machine;
use crate::report::{self, Results, Series};
use crate::rounds;
use crate::settings::Settings;
use crate::sign_in_stack::{self, SignInStack};

/// Measures and reports.
pub(crate) async fn measure(
    machine: &Machine,
    settings: &Settings,
    tokens: &Tokens,
    stack: &SignInStack,
    results: &mut Results,
) -> Result<(), String> {
    let browser = stack.sign_in(sign_in_stack::SIGN_IN).await;
    let session = sign_in_stack::cookies(&browser, sign_in_stack::COOKIES);
    if let Some(other) = &settings.other_filter {
        println!("The current filter compared with {}.\n", other.display());
        let series = compare(machine, settings, tokens, stack, (other, &session)).await?;
        report::throughput(results, "builds", &series);
        return Ok(());
    }
    let envoys = Envoys::start(machine, tokens, stack.companion.address()).await;
    envoys.check().await?;
    println!(
        "The filter: Envoy {}; {} tokens of {} bytes (RS256) and {} (ES256).\n",
        envoy::version(),
        tokens.rs256.len(),
        tokens.rs256[0].len(),
        tokens.es256[0].len(),
    );
    let series = rounds::run(&mut envoys.throughput(tokens, &session)?, settings)?;
    report::throughput(results, "filter", &series);
    println!("\nOne request at a time:\n");
    let series = rounds::run(&mut envoys.latency(&session)?, settings)?;
    report::latency(results, "filter, latency", &series);
    memory::measure(machine, settings, tokens).await?;
    Ok(())
}

/// Compares two builds of the filter. Each round has new processes, because two processes of the same
/// build differ by up to 5 % for as long as they run.
async fn compare(
    machine: &Machine,
    settings: &Settings,
    tokens: &Tokens,
    stack: &SignInStack,
    (other, session): (&Path, &str),
) -> Result<Vec<Series>, String> {
    let mut all = Vec::new();
    for round in 0..settings.rounds {
        let builds = Builds::start(machine, tokens, stack.companion.address(), other).await;
        let mut variants = builds.throughput(tokens, session)?;
        if all.is_empty() {
            all.extend(variants.iter().map(Series::of));
        }
        rounds::warm_up(&mut variants, settings)?;
        rounds::run_one(&mut variants, &mut all, settings, round)?;
    }
    Ok(all)
}
