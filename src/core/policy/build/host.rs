//! The hosts of apps, and the ungated ones.

use crate::policy::error::{Location, PolicyError};
use crate::policy::host::{HostUse, Table};
use crate::policy::{App, HostPattern};

use super::check;
use super::identity_source::IdentitySources;

/// Validates the ungated hosts, and adds them to the table.
pub(super) fn ungated(
    wire: Vec<String>,
    sources: IdentitySources<'_>,
    apps: &[App],
    hosts: &mut Table,
    location: &Location,
) -> Result<(), PolicyError> {
    if apps.iter().any(App::has_any_host) {
        let help = "remove it, or list the hosts of the app";
        return Err(location.error("is not possible beside `hosts: any`", help));
    }
    let help = "list the hosts that other apps of the proxy have, or remove it";
    let wire = check::filled(wire, location, help)?;
    let patterns = check::each(wire, location, parse)?;
    for (number, host) in patterns.iter().enumerate() {
        let location = location.element(number);
        add(
            host,
            HostUse::Ungated,
            sources,
            [apps, &[]],
            hosts,
            &location,
        )?;
    }
    Ok(())
}

/// Adds a host to the table, unless it is in use. `apps` are those that the table may name, in this order.
pub(super) fn add(
    host: &HostPattern,
    host_use: HostUse,
    sources: IdentitySources<'_>,
    apps: [&[App]; 2],
    hosts: &mut Table,
    location: &Location,
) -> Result<(), PolicyError> {
    let companions = |name: &str| matches!(host, HostPattern::Exact(own) if own == name);
    if let Some(name) = sources.companion().filter(|name| companions(name)) {
        let help = "remove it; this host is reserved for the companion";
        return Err(location.error_about(name, "is the host of `sso.url`", help));
    }
    let Err(other) = hosts.add(host.clone(), host_use) else {
        return Ok(());
    };
    let app = match other {
        HostUse::App(index) => apps.into_iter().flatten().nth(index),
        HostUse::Ungated => None,
    };
    let problem = match app {
        Some(app) => ["is already a host of app `", app.name(), "`"].concat(),
        None => "is already listed".to_owned(),
    };
    Err(location.error_about(&host.to_string(), &problem, "list each host once"))
}

/// A host in any case, or `*.` and a host.
pub(super) fn parse(text: String, location: &Location) -> Result<HostPattern, PolicyError> {
    if let Some(pattern) = HostPattern::parse(&text) {
        return Ok(pattern);
    }
    let (problem, help) = if text == "*" {
        (
            "matches every host",
            "list the hosts, or write `*.` and a domain",
        )
    } else if text.contains("://") {
        ("is a URL", "write only the host")
    } else if !text.is_ascii() {
        ("is not in ASCII", "write its ASCII form, which has `xn--`")
    } else if text.starts_with('[') {
        ("is an address", "write a DNS name")
    } else if text.contains(':') {
        ("has a port", "write only the host; it matches every port")
    } else if text.ends_with('.') {
        ("ends with a dot", "remove the dot")
    } else if text.contains('*') {
        (
            "has a wildcard that is not the whole first label",
            "write `*.` and a domain, to match exactly one label before it",
        )
    } else {
        ("is not a DNS name", "write a host like `app.example.com`")
    };
    Err(location.error_about(&text, problem, help))
}
