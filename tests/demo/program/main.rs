//! The program of the demo: see [`portcullis_tests::demo`].
//!
//! Envoy with `envoy/gateway.yaml`, real apps behind it, callers of two clusters that
//! differ only in their keys, and users who sign in at a real provider.
#![forbid(unsafe_code)]

mod guide;
mod settings;
mod table;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use portcullis_tests::demo::explanations::{self, Explanation};
use portcullis_tests::demo::migration::{self, Decided};
use portcullis_tests::demo::rotation::{self, Rotation};
use portcullis_tests::demo::{self, Clusters, DemoGateway};
use portcullis_tests::lab::folder::workspace;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time;

use settings::Settings;

/// Tokens are replaced after half of their lifetime, like the kubelet does.
const TOKEN_REFRESH_INTERVAL: Duration = Duration::from_secs(demo::LIFETIME.unsigned_abs() / 2);

#[tokio::main]
async fn main() -> ExitCode {
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("demo: {error}");
            return ExitCode::from(2);
        }
    };
    match run(&settings).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: &Settings) -> io::Result<ExitCode> {
    // Before anything starts, so that Ctrl-C always stops everything in order.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = show(settings) => result,
        _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => Ok(ExitCode::SUCCESS),
    }
}

/// Prints the table and, unless `ONESHOT` is set, keeps running. Everything is stopped at the end.
async fn show(settings: &Settings) -> io::Result<ExitCode> {
    println!(
        "Starting two issuers, an OpenID provider, the companion, Alertmanager, Prometheus and Envoy {} ...\n",
        demo::ENVOY
    );
    let clusters = Clusters::new();
    let gateway = DemoGateway::start(&clusters, [settings.gateway, settings.admin]).await;

    let rows = demo::run_checks(&gateway, &clusters).await;
    table::print(&rows);
    let unexpected = rows.iter().filter(|row| row.differs.is_some()).count();
    if unexpected > 0 {
        println!(
            "{unexpected} of {} responses are not the expected ones.",
            rows.len()
        );
    }
    let folder = workspace().join(demo::FOLDER);
    clusters.write_tokens(&folder)?;
    clusters.write_keys()?;
    let explanations = explanations::run(&rows, &gateway.write_policy(&folder)?);
    print_explanations(&explanations);
    let (rotation, decided) = tokio::join!(rotation::run(&gateway, &clusters), migration::run());
    print_rotation(&rotation);
    print_migration(&decided);
    let is_migrated = decided.iter().all(|one| one.status == one.expected);
    let is_explained = explanations.iter().all(|one| one.differs.is_none());
    let code = if unexpected == 0 && is_explained && rotation.is_expected() && is_migrated {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    };
    if settings.oneshot {
        return Ok(code);
    }
    let authority = gateway.write_authority(&folder)?;
    guide::print(&gateway, &authority, &folder);
    loop {
        time::sleep(TOKEN_REFRESH_INTERVAL).await;
        clusters.write_tokens(&folder)?;
    }
}

/// Prints how to explain each refusal.
fn print_explanations(explanations: &[Explanation]) {
    println!("Why each of them was refused, from this folder:\n");
    for Explanation { command, differs } in explanations {
        println!("  {command}");
        if let Some(said) = differs {
            println!("  ^ says: {said}");
        }
    }
    println!();
}

/// Prints what became of the polls while the client's token was rotated.
fn print_rotation(rotation: &Rotation) {
    let Rotation { injected, copied } = rotation;
    println!(
        "A client that reads its configuration once polled Alertmanager through envoy/credential-injector.yaml. Its token was \
         rotated {} times, each accepted for {} seconds: {} polls, {} failed requests.",
        rotation::ROTATIONS,
        rotation::ACCEPTED,
        injected.complete,
        injected.failures.len()
    );
    println!(
        "Another client had a copy of the first token: {} polls, {} failed requests.\n",
        copied.complete,
        copied.failures.len()
    );
    for failure in &injected.failures {
        println!("  ^ failed: {failure}");
    }
}

/// Prints what the imported configuration of oauth2-proxy decides.
fn print_migration(decided: &[Decided]) {
    println!(
        "`portcullis import oauth2-proxy` made a policy of tests/commands/import/story, with rules for what its log shows. \
         oauth2-proxy let each of these requests through; forward auth by the policy:"
    );
    for Decided {
        request,
        status,
        expected,
    } in decided
    {
        println!("  {status}  {request}");
        if status != expected {
            println!("  ^ expected: {expected}");
        }
    }
    println!();
}
