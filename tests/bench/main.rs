//! What the gate costs, beside what people would use otherwise: the filter beside Envoy's own
//! `jwt_authn`, the companion beside oauth2-proxy. Each has one core, and is asked from another as fast
//! as it answers.
//!
//! The variants take turns in short rounds, because a machine gets faster and slower while it is
//! measured; what is compared is then always two halves of the same round.
//!
//! `BENCH_ROUNDS` and `BENCH_SECONDS` (a turn's length) make it shorter or longer, and `BENCH_PART`
//! (`filter` or `companion`) leaves the other out.
#![forbid(unsafe_code)]

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
    let machine = Machine::look()?;
    // Signing takes every core there is, so it comes before this process keeps to one.
    let tokens = Tokens::sign();
    machine.pin_load_generator()?;
    report::preface(&machine, &settings);
    let people = SignInStack::start().await;
    if settings.has(Part::Filter) {
        filter::measure(&machine, &settings, &tokens, &people).await?;
    }
    if settings.has(Part::Companion) {
        companion::measure(&machine, &settings, &people).await?;
    }
    Ok(())
}
