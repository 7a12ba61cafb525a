//! The instructions after the table.

use std::path::Path;

use portcullis_tests::demo::{Account, Caller, DemoGateway, relative};

/// Prints URLs to open and commands to copy. `authority` is the CA's file for browsers and curl,
/// and `tokens` the folder of the tokens.
pub(crate) fn print(gateway: &DemoGateway, authority: &Path, tokens: &Path) {
    let (authority, tokens) = (relative(authority), relative(tokens));
    let [access_log, companion] = gateway.logs().map(|log| relative(&log));
    let users = Account::ALL.map(Account::title).join(", ");
    println!("Open in a browser: {}\n", gateway.url("prometheus", "/"));
    println!("  Sign in as {users}, with any password.");
    println!(
        "  alice may use all of Prometheus and Alertmanager, carol may read Prometheus, and bob may use neither:"
    );
    println!("  {}", gateway.url("alertmanager", "/api/v2/alerts"));
    println!(
        "  Prometheus has the metrics of the gate and of the companion, and the alerts: {}",
        gateway.url("prometheus", "/classic/alerts")
    );
    println!(
        "  Sign out to sign in as another user: {}",
        gateway.sign_out()
    );
    println!(
        "  All certificates are from the CA in {authority}, which is limited to names under localhost: import it"
    );
    println!("  in the browser, or accept the browser's warnings.\n");

    println!("In another terminal, from this folder:\n");
    let request = |caller: Caller, rest: &str, url: &str| {
        let file = caller.file();
        println!(
            "  curl -i --cacert {authority} {rest}-H \"Authorization: Bearer $(cat {tokens}/{file})\" '{url}'"
        );
    };
    let alerts = gateway.url("alertmanager", "/api/v2/alerts");
    request(Caller::Karma, "", &alerts);
    request(Caller::GreenKarma, "", &alerts);
    request(
        Caller::Karma,
        "-X POST ",
        &gateway.url("alertmanager", "/-/reload"),
    );
    request(
        Caller::Grafana,
        "",
        &gateway.url("prometheus", "/api/v1/query?query=up"),
    );
    println!("  curl -s {} | grep ^portcullis_", gateway.metrics());
    println!("  tail -f {access_log} {companion}");
    println!("\nThe policy is in envoy/gateway.yaml. {tokens} always has valid tokens.");
    println!("Ctrl-C stops everything.");
}
