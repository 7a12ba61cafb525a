//! The apps.

use std::collections::BTreeMap;

use crate::policy::document;
use crate::policy::error::{Location, PolicyError};
use crate::policy::host::{HostUse, Table};
use crate::policy::{App, Origin, ReportUntil, Rule};
use crate::request::is_dns_name;
use crate::timestamp::Timestamp;

use super::identity_source::IdentitySources;
use super::{check, header, host, rule};

/// Validates all apps, and adds their hosts to the table.
pub(super) fn apps(
    wire: Vec<document::App>,
    sources: IdentitySources<'_>,
    hosts: &mut Table,
    location: &Location,
) -> Result<Vec<App>, PolicyError> {
    let mut apps: Vec<App> = Vec::new();
    // The index of each app, because comparing thousands of apps with each other takes seconds. The metrics
    // have such a map too; a set would add 2 KB to the filter.
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let wire = check::filled(wire, location, "list at least one app")?;
    for (index, wire) in wire.into_iter().enumerate() {
        let location = location.element(index);
        let app = app(wire, sources, &location)?;
        let same = names.get(&app.name).and_then(|other| apps.get(*other));
        check::unique(&app.name, same.into_iter().map(App::name), &location)?;
        names.insert(app.name.clone(), index);
        for (number, host) in app.hosts.iter().enumerate() {
            let location = location.member("hosts").element(number);
            let host_use = HostUse::App(index);
            let others = [apps.as_slice(), std::slice::from_ref(&app)];
            host::add(host, host_use, sources, others, hosts, &location)?;
        }
        apps.push(app);
    }
    if apps.len() > 1
        && let Some(index) = apps.iter().position(App::has_any_host)
    {
        return Err(location.element(index).member("hosts").error(
            "`any` is possible only in a policy with one app",
            "list the hosts of each app",
        ));
    }
    Ok(apps)
}

fn app(
    wire: document::App,
    sources: IdentitySources<'_>,
    location: &Location,
) -> Result<App, PolicyError> {
    let name = check::name(wire.name, location)?;
    let help = "list the hosts that clients request";
    let hosts = check::required(wire.hosts, location, "hosts", help)?;
    let at = location.member("hosts");
    let hosts = match hosts {
        document::Hosts::Any => Vec::new(),
        document::Hosts::Listed(hosts) => {
            check::each(check::filled(hosts, &at, help)?, &at, host::parse)?
        }
    };
    let at = location.member("audiences");
    let audiences = match wire.audiences {
        None => Vec::new(),
        Some(list) => {
            let help = "remove it if the trust entry's audiences are sufficient";
            check::texts(check::filled(list, &at, help)?, &at)?
        }
    };
    let origins = wire.origins.unwrap_or_default();
    let at = location.member("strip_headers");
    let mut strip_headers = check::each(
        wire.strip_headers.unwrap_or_default(),
        &at,
        header::stripped,
    )?;
    let identity_headers = match wire.identity_headers {
        None => Vec::new(),
        Some(wire) => header::identity_headers(&wire, &location.member("identity_headers"))?,
    };
    // A client could send them otherwise where they are not set.
    strip_headers.extend(identity_headers.iter().map(|header| header.name.clone()));
    let help = "list at least one rule; without rules every request is refused";
    let rules = check::required(wire.rules, location, "rules", help)?;
    let at = location.member("rules");
    let rules = rule::rules(check::filled(rules, &at, help)?, sources, &at)?;
    let at = location.member("shadow_rules");
    let shadow_rules = match wire.shadow_rules {
        None => Vec::new(),
        Some(rules) => {
            let help = "list at least one rule, or remove it";
            rule::rules(check::filled(rules, &at, help)?, sources, &at)?
        }
    };
    let passes_encoded_paths = is_second(
        wire.encoded_paths,
        ["refuse", "pass"],
        &location.member("encoded_paths"),
    )?;
    if passes_encoded_paths {
        for (name, rules) in [("rules", &rules), ("shadow_rules", &shadow_rules)] {
            refuse_paths(rules, &location.member(name))?;
        }
    }
    Ok(App {
        name,
        hosts,
        rules,
        shadow_rules,
        report_until: report_until(wire.report_until, &location.member("report_until"))?,
        passes_encoded_paths,
        has_own_bearer: is_second(wire.bearer, ["gate", "app"], &location.member("bearer"))?,
        audiences,
        origins: check::each(origins, &location.member("origins"), origin)?,
        forward_authorization: wire.forward_authorization == Some(true),
        strip_headers,
        identity_headers,
        preflight: wire.preflight != Some(false),
        contact: check::visible(
            wire.contact,
            256,
            "`#sre` or `https://wiki.example.com/access`",
            &location.member("contact"),
        )?,
    })
}

/// Refuses rules with `paths` of an app with `encoded_paths: pass`. Public rules match no such path.
fn refuse_paths(rules: &[Rule], location: &Location) -> Result<(), PolicyError> {
    let has_paths = |rule: &Rule| !rule.is_public() && !rule.paths().is_empty();
    match rules.iter().position(has_paths) {
        None => Ok(()),
        Some(index) => Err(location.element(index).member("paths").error(
            "the app has `encoded_paths: pass`, and servers read such paths differently",
            "remove `paths` here, or `encoded_paths`",
        )),
    }
}

/// Until when refusals are only reported.
fn report_until(
    text: Option<String>,
    location: &Location,
) -> Result<Option<ReportUntil>, PolicyError> {
    let Some(text) = text else { return Ok(None) };
    match Timestamp::parse(&text) {
        Some(time) => Ok(Some(ReportUntil { time, text })),
        None => {
            let help = "write a date and time in UTC, like `2027-01-31T00:00:00Z`";
            Err(location.error_about(&text, "is not a UTC timestamp", help))
        }
    }
}

/// Whether a value is the second of two; the first is the default.
fn is_second(
    value: Option<String>,
    [first, second]: [&str; 2],
    location: &Location,
) -> Result<bool, PolicyError> {
    match value {
        Some(value) if value == second => Ok(true),
        Some(value) if value != first => {
            let help = ["write `", first, "` or `", second, "`"].concat();
            Err(location.error_about(&value, "is not a valid value", &help))
        }
        _ => Ok(false),
    }
}

/// Scheme, host and optionally a port, in the form that browsers send in `Origin`: without the
/// default port.
fn origin(text: String, location: &Location) -> Result<Origin, PolicyError> {
    parse_origin(&text.to_ascii_lowercase()).ok_or_else(|| {
        let help = "write scheme and host, like `https://app.example.com`";
        location.error_about(&text, "is not a web origin", help)
    })
}

fn parse_origin(text: &str) -> Option<Origin> {
    let (scheme, authority) = text.split_once("://")?;
    let default = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let (host, port) = match authority.split_once(':') {
        None => (authority, default),
        Some((host, digits)) => {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let port: u16 = digits.parse().ok().filter(|port| plain && *port != 0)?;
            (host, port)
        }
    };
    if !is_dns_name(host) {
        return None;
    }
    let mut origin = [scheme, "://", host].concat();
    if port != default {
        origin.push(':');
        origin.push_str(&port.to_string());
    }
    Some(Origin(origin))
}
