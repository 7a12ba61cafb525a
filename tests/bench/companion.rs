//! The companion beside oauth2-proxy: the same provider, the same person, and what ends TLS is the same
//! too.

mod oauth2_proxy;
mod sign_ins;
mod start;

use crate::load::{Answer, CONNECTIONS, Load};
use crate::machine::{self, Machine};
use crate::people::{self, APP, People};
use crate::report;
use crate::rounds::{self, Variant};
use crate::settings::Settings;

use oauth2_proxy::OAuth2Proxy;

/// What the proxies that ask are told of a request that may go on.
const GOES_ON: Answer = Answer {
    begins: b"HTTP/1.1 202 ",
    ends: b"\r\n\r\n",
};

/// Measures and reports.
pub(crate) async fn measure(
    machine: &Machine,
    settings: &Settings,
    people: &People,
) -> Result<(), String> {
    println!("\nThe companion, beside {}.\n", oauth2_proxy::version());
    let other = OAuth2Proxy::start(people).await;
    let (ours, theirs) = (people.companion.id(), other.id());
    machine.keep_to_servers_core(ours)?;
    machine.keep_to_servers_core(theirs)?;
    let started = [ours, theirs].map(machine::memory);

    let mut variants = variants(people, theirs).await?;
    report::throughput(&rounds::run(&mut variants, settings)?);
    drop(variants);
    println!();
    sign_ins::measure(
        people,
        &[
            ("Portcullis", people::SIGN_IN, ours),
            ("oauth2-proxy", people::OTHER_SIGN_IN, theirs),
        ],
    )
    .await;
    let used = [ours, theirs].map(machine::memory);
    drop(other);

    println!(
        "\n{:<36}{:>11}{:>17}",
        "memory, MiB", "at start", "after all this"
    );
    for ((name, started), used) in ["Portcullis", "oauth2-proxy"]
        .into_iter()
        .zip(started)
        .zip(used)
    {
        println!("{name:<36}{started:>11.1}{used:>17.1}");
    }
    println!();
    start::measure(people, settings.rounds).await;
    Ok(())
}

/// What NGINX asks for each request, of somebody with a session.
async fn variants(people: &People, other: u32) -> Result<Vec<Variant>, String> {
    const THEIRS: &str = "oauth2-proxy, a person's session";
    let alice = people.sign_in(people::SIGN_IN).await;
    let ours = people::cookies(&alice, people::COOKIES);
    let alice = people.sign_in(people::OTHER_SIGN_IN).await;
    let theirs = people::cookies(&alice, people::OTHER_COOKIES);
    let companion = &people.companion;
    println!(
        "`/oauth2/auth`, as NGINX asks; the cookies have {} bytes, and {} of oauth2-proxy.\n",
        ours.len(),
        theirs.len(),
    );
    let ask = |name, rivals, (address, process), cookies: &str| {
        let load = Load::open(address, CONNECTIONS, vec![request(cookies)], GOES_ON);
        Ok::<_, String>(Variant {
            name,
            rivals,
            process,
            load: load.map_err(|error| format!("{name}: {error}"))?,
        })
    };
    Ok(vec![
        ask(THEIRS, &[][..], (people.other, other), &theirs)?,
        ask(
            "Portcullis, a person's session",
            &[THEIRS],
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
