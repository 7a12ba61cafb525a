//! The cost of Portcullis compared with its alternatives: the filter with Envoy's own `jwt_authn`,
//! the companion with oauth2-proxy, and `attach` with NGINX. Each runs on one core; the load comes from another core, as
//! fast as responses arrive.
//!
//! The variants take turns in short rounds, because a machine's speed changes during the
//! measurement; ratios are always between turns of the same round.
//!
//! `BENCH_ROUNDS` and `BENCH_SECONDS` (the length of a turn) make it shorter or longer, and
//! `BENCH_PART` (`filter`, `companion`, `attach`, `ext_authz` or `flood`) selects one part. The figures are
//! also in `target/bench.json`, or in the file that `BENCH_RESULTS` names. With `BENCH_OTHER_FILTER`, the path of
//! another build of the filter, the filter is compared with that build alone.
#![forbid(unsafe_code)]

mod attach;
mod companion;
mod ext_authz;
mod filter;
mod flood;
mod load;
mod machine;
mod oauth2_proxy;
mod report;
mod rounds;
mod settings;
mod sign_in_stack;

use std::process::ExitCode;

use filter::Tokens;
use machine::Machine;
use report::Results;
use settings::{Part, Settings};
use sign_in_stack::SignInStack;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> Result<(), String> {
    let settings = Settings::read()?;
    let machine = Machine::detect()?;
    // Signing uses all cores, so it is done before this process is pinned.
    let tokens = Tokens::sign();
    machine.pin_load_generator()?;
    report::preface(&machine, &settings);
    let mut results = Results::new(&machine, &settings);
    if [Part::Filter, Part::Companion, Part::ExtAuthz]
        .iter()
        .any(|part| settings.has(*part))
    {
        let stack = SignInStack::start().await;
        if settings.has(Part::Filter) {
            filter::measure(&machine, &settings, &tokens, &stack, &mut results).await?;
        }
        if settings.has(Part::Companion) {
            companion::measure(&machine, &settings, &stack, &mut results).await?;
        }
        if settings.has(Part::ExtAuthz) {
            ext_authz::measure(&machine, &settings, &stack, &mut results).await?;
        }
    }
    if settings.has(Part::Flood) {
        flood::measure(&machine, &settings, &tokens, &mut results).await?;
    }
    if settings.has(Part::Attach) {
        attach::measure(&machine, &settings, &mut results).await?;
    }
    results.write(&settings.results)?;
    println!("\nAll figures: {}", settings.results.display());
    Ok(())
}
