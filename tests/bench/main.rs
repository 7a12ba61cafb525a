//! The cost of Portcullis compared with its alternatives: the filter with Envoy's own `jwt_authn`,
//! the companion with oauth2-proxy, and `attach` with NGINX. Each runs on one core; the load comes from another core, as
//! fast as responses arrive.
//!
//! The variants take turns in short rounds, because a machine's speed changes during the
//! measurement; ratios are always between turns of the same round.
//!
//! `BENCH_ROUNDS` and `BENCH_SECONDS` (the length of a turn) make it shorter or longer, and
//! `BENCH_PART` (`filter`, `companion` or `attach`) selects one part. With `BENCH_OTHER_FILTER`, the path of
//! another build of the filter, the filter is compared with that build alone.
#![forbid(unsafe_code)]

mod attach;
mod companion;
mod filter;
mod load;
mod machine;
mod report;
mod rounds;
mod settings;
mod sign_in_stack;

use std::process::ExitCode;

use filter::Tokens;
use machine::Machine;
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
    if settings.has(Part::Filter) || settings.has(Part::Companion) {
        let stack = SignInStack::start().await;
        if settings.has(Part::Filter) {
            filter::measure(&machine, &settings, &tokens, &stack).await?;
        }
        if settings.has(Part::Companion) {
            companion::measure(&machine, &settings, &stack).await?;
        }
    }
    if settings.has(Part::Attach) {
        attach::measure(&machine, &settings).await?;
    }
    Ok(())
}
