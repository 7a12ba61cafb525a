//! The companion compared with oauth2-proxy: the same provider, the same user, and the same TLS
//! termination.

mod sign_ins;
mod start;

use crate::load::{CONNECTIONS, ExpectedResponse, Load};
use crate::machine::{self, Machine};
use crate::oauth2_proxy::{self, OAuth2Proxy, UPSTREAM};
use crate::report::{self, Results};
use crate::rounds::{self, Variant};
use crate::settings::Settings;
use crate::sign_in_stack::{self, APP, SignInStack};

/// The response of both programs to an allowed forward auth request.
const ALLOWED: ExpectedResponse = ExpectedResponse {
    begins: b"HTTP/1.1 202 ",
    ends: b"\r\n\r\n",
};

/// Measures and reports.
pub(crate) async fn measure(
    machine: &Machine,
    settings: &Settings,
    stack: &SignInStack,
    results: &mut Results,
) -> Result<(), String> {
    println!("\nThe companion, beside {}.\n", oauth2_proxy::version());
    let other = OAuth2Proxy::start(stack, stack.other, UPSTREAM, &[]).await;
    let (ours, theirs) = (stack.companion.id(), other.id());
    machine.pin_to_server_core(ours)?;
    machine.pin_to_server_core(theirs)?;
    let started = [ours, theirs].map(machine::memory);

    let mut variants = variants(stack, theirs).await?;
    let series = rounds::run(&mut variants, settings)?;
    report::throughput(results, "companion", &series);
    drop(variants);
    println!();
    sign_ins::measure(
        stack,
        &[
            ("Portcullis", sign_in_stack::SIGN_IN, ours),
            ("oauth2-proxy", sign_in_stack::OTHER_SIGN_IN, theirs),
        ],
    )
    .await;
    let used = [ours, theirs].map(machine::memory);
    drop(other);

    println!(
        "\n{:<36}{:>11}{:>17}",
        "memory, MiB", "at start", "after the benchmark"
    );
    for ((name, started), used) in ["Portcullis", "oauth2-proxy"]
        .into_iter()
        .zip(started)
        .zip(used)
    {
        println!("{name:<36}{started:>11.1}{used:>17.1}");
    }
    println!();
    start::measure(stack, settings.rounds).await;
    Ok(())
}

/// The subrequest that NGINX sends for each request of a user with a session.
async fn variants(stack: &SignInStack, other: u32) -> Result<Vec<Variant>, String> {
    const OAUTH2_PROXY: &str = "oauth2-proxy, a user's session";
    let alice = stack.sign_in(sign_in_stack::SIGN_IN).await;
    let ours = sign_in_stack::cookies(&alice, sign_in_stack::COOKIES);
    let alice = stack.sign_in(sign_in_stack::OTHER_SIGN_IN).await;
    let theirs = sign_in_stack::cookies(&alice, sign_in_stack::OTHER_COOKIES);
    let companion = &stack.companion;
    println!(
        "`/oauth2/auth`, as NGINX requests it; the cookies have {} bytes, those of oauth2-proxy {}.\n",
        ours.len(),
        theirs.len(),
    );
    let variant = |name, baselines, (address, process), cookies: &str| {
        let load = Load::open(address, CONNECTIONS, vec![request(cookies)], ALLOWED);
        Ok::<_, String>(Variant {
            name,
            baselines,
            processes: vec![process],
            load: load.map_err(|error| format!("{name}: {error}"))?,
        })
    };
    Ok(vec![
        variant(OAUTH2_PROXY, &[][..], (stack.other, other), &theirs)?,
        variant(
            "Portcullis, a user's session",
            &[OAUTH2_PROXY],
            (companion.address(), companion.id()),
            &ours,
        )?,
    ])
}

fn request(cookies: &str) -> String {
    format!(
        "GET /oauth2/auth HTTP/1.1\r\nhost: auth.example.com\r\nx-original-method: GET\r\n\
         x-original-url: https://{APP}/api/v2/alerts\r\ncookie: {cookies}\r\n\r\n"
    )
}
