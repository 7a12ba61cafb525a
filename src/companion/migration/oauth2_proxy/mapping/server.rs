//! Addresses, TLS, the public URL, proxies and redirect targets.

use url::Url;

use super::apps::Hosts;
use super::companion::Block;
use super::{Mapping, UNKNOWN_HOST, probe};
use crate::migration::oauth2_proxy::outcome::Outcome;
use crate::migration::oauth2_proxy::tree::{Commented, fields, text, texts};

/// The public URL of the companion.
#[derive(Debug)]
pub(super) struct PublicUrl {
    /// `https://HOST` or `https://HOST:PORT`
    pub(super) url: String,
    pub(super) host: String,
}

/// The public URL, from the redirect URL.
pub(super) fn url(mapping: &mut Mapping<'_>, hosts: &Hosts) -> PublicUrl {
    let origin = mapping.text("redirect-url").and_then(|text| {
        let url = Url::parse(text).ok()?;
        let host = url.host_str()?.to_owned();
        let port = url
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        Some((
            format!("https://{host}{port}"),
            host,
            url.path().to_owned(),
            url.scheme().to_owned(),
        ))
    });
    let from = mapping.name("redirect-url");
    let mut known = None;
    if let Some((url, host, path, scheme)) = origin {
        if let Some(problem) = probe::url(&url) {
            let why = format!("the URL can't be used: {problem}");
            mapping.needs_you("redirect-url", "url", &why);
        } else if hosts.contains(&host) {
            let why = "the companion needs a host of its own, beside those of apps: register \
                       `https://HOST/oauth2/callback` of it at the provider";
            mapping.needs_you("redirect-url", "url", why);
        } else {
            known = Some(PublicUrl { url, host });
            if scheme != "https" || path != "/oauth2/callback" {
                let why = "register `/oauth2/callback` at this host as redirect URI, with `https`";
                mapping.needs_you("redirect-url", "url, sso.url", why);
            } else {
                mapping.say("redirect-url", Outcome::Kept, "url, sso.url", "");
            }
        }
    } else if mapping.set("redirect-url").is_some() {
        mapping.needs_you("redirect-url", "url", "the value is not a URL with a host");
    } else {
        let why = "write the public URL of the companion, and register its `/oauth2/callback` at the provider";
        mapping.lines.missing("redirect-url", "url, sso.url", why);
    }
    let is_known = known.is_some();
    let url = known.unwrap_or_else(|| {
        let host = match hosts.parent() {
            Some(parent) => ["auth-change-me.", &parent].concat(),
            None => ["auth.", UNKNOWN_HOST].concat(),
        };
        PublicUrl {
            url: ["https://", &host].concat(),
            host,
        }
    });
    let comment = if is_known {
        format!("Where browsers meet the companion: from {from}.")
    } else {
        "Change this: where browsers meet the companion, and its host in `session.cookie`."
            .to_owned()
    };
    mapping.companion.put(
        Block::Root,
        "url",
        Some("redirect-url"),
        text(&url.url).because(comment),
    );
    url
}

/// `sso` in the policy.
pub(super) fn sso(url: &PublicUrl) -> Commented {
    let sso = fields([
        ("url", text(&url.url)),
        ("envoy_cluster", text("portcullis")),
    ]);
    sso.because("How people sign in. `envoy_cluster` is the cluster of the companion in Envoy.")
}

/// Addresses, TLS and metrics.
pub(super) fn map(mapping: &mut Mapping<'_>) {
    let is_none =
        |upstream: &&str| upstream.starts_with("static://") || *upstream == "file:///dev/null";
    if mapping.list("upstream").iter().all(is_none) {
        let why = "there is no app behind it: it answers forward auth alone";
        mapping.say("upstream", Outcome::Dropped, "", why);
    }
    let has_tls = ["tls-cert-file", "tls-key-file"]
        .iter()
        .any(|flag| mapping.set(flag).is_some());
    let (used, unused) = if has_tls {
        ("https-address", "http-address")
    } else {
        ("http-address", "https-address")
    };
    let why = if has_tls {
        "with TLS there is one listener"
    } else {
        "there is no certificate"
    };
    mapping.say(unused, Outcome::Dropped, "", why);
    let listen = mapping.text(used).map(address);
    match listen {
        Some(Some(address)) => {
            let comment = format!("From {}.", mapping.name(used));
            mapping.companion.put(
                Block::Root,
                "listen",
                Some(used),
                text(address).because(comment),
            );
        }
        Some(None) => {
            let why = "write `listen` as an address and a port, or as `unix:` and a path";
            mapping.needs_you(used, "listen", why);
        }
        None if has_tls => mapping
            .companion
            .put(Block::Root, "listen", None, text("0.0.0.0:443")),
        None => {}
    }
    let metrics = mapping.text("metrics-address").map(address);
    if let Some(metrics) = metrics {
        match metrics {
            Some(metrics) => {
                let flag = "metrics-address";
                let comment = format!("From {}; also `/ping` and `/ready`.", mapping.name(flag));
                let metrics = text(metrics).because(comment);
                mapping
                    .companion
                    .put(Block::Root, "metrics", Some(flag), metrics);
            }
            None => {
                let why = "write `metrics` as an address and a port";
                mapping.needs_you("metrics-address", "metrics", why);
            }
        }
    }
    let policy = text("portcullis.yaml").because("The policy, the same that the filter has.");
    mapping.companion.put(Block::Root, "policy", None, policy);
    let pair = ["tls-cert-file", "tls-key-file"].map(|flag| mapping.text(flag));
    if let [Some(cert), Some(key)] = pair {
        mapping
            .companion
            .put(Block::Tls, "cert", Some("tls-cert-file"), text(cert));
        mapping
            .companion
            .put(Block::Tls, "key", Some("tls-key-file"), text(key));
    } else {
        for flag in ["tls-cert-file", "tls-key-file"] {
            let why = "TLS needs a certificate and a key, each in a file";
            mapping.needs_you(flag, "tls", why);
        }
    }
}

/// An address as the companion reads it.
fn address(text: &str) -> Option<String> {
    if let Some(path) = text.strip_prefix("unix:") {
        let path = path.trim_start_matches("//");
        let path = path.split(',').next().unwrap_or_default();
        return (!path.is_empty()).then(|| ["unix:", path].concat());
    }
    let text = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .or_else(|| text.strip_prefix("tcp://"))
        .unwrap_or(text);
    let (host, port) = text.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    Some(match host {
        "" => format!("0.0.0.0:{port}"),
        "localhost" => format!("127.0.0.1:{port}"),
        host => format!("{host}:{port}"),
    })
}

/// Trusted proxies and redirect targets.
pub(super) fn proxies(mapping: &mut Mapping<'_>, hosts: &Hosts) {
    let flag = "trusted-proxy-ip";
    let listed = mapping.list(flag);
    let why_empty = "oauth2-proxy believed everybody's X-Forwarded-* headers: list the proxies in `trusted_proxies`, \
                     or forward auth answers 403";
    let is_all = |one: &&str| one.ends_with("/0");
    let (all, proxies): (Vec<&str>, Vec<&str>) = listed.into_iter().partition(is_all);
    if !all.is_empty() {
        mapping.needs_you(
            flag,
            "trusted_proxies",
            "a network of all addresses is refused: list the proxies",
        );
    }
    if !proxies.is_empty() {
        let comment = format!("From {}.", mapping.name(flag));
        let proxies = texts(proxies).because(comment);
        mapping
            .companion
            .put(Block::Tail, "trusted_proxies", Some(flag), proxies);
        mapping.say("reverse-proxy", Outcome::Kept, "trusted_proxies", "");
    } else if mapping.is_on("reverse-proxy") || !mapping.ingresses.locations.is_empty() {
        if mapping.is_on("reverse-proxy") {
            mapping.needs_you("reverse-proxy", "trusted_proxies", why_empty);
        } else {
            mapping.lines.missing(flag, "trusted_proxies", why_empty);
        }
    }
    redirect_hosts(mapping, hosts);
}

fn redirect_hosts(mapping: &mut Mapping<'_>, hosts: &Hosts) {
    let flag = "whitelist-domain";
    let domains = mapping.list(flag);
    if domains.is_empty() {
        return;
    }
    let mut rules: Vec<String> = Vec::new();
    for domain in domains {
        let (domain, port) = match domain.rsplit_once(':') {
            Some((domain, "*")) => {
                let why = "any port of a host is not accepted: list the ports in `redirect_hosts`";
                mapping.needs_you(flag, "redirect_hosts", why);
                (domain, String::new())
            }
            Some((domain, port)) => (domain, format!(":{port}")),
            None => (domain, String::new()),
        };
        // Both forms are all subdomains there.
        let domain = domain.strip_prefix('*').unwrap_or(domain);
        rules.push([domain, &port].concat());
    }
    for host in hosts.names() {
        let is_covered = rules
            .iter()
            .any(|rule| rule == host || (rule.starts_with('.') && host.ends_with(rule.as_str())));
        if !is_covered {
            rules.push(host.clone());
        }
    }
    let comment = format!(
        "Where `rd` may lead: from {}, and the apps.",
        mapping.name(flag)
    );
    let rules = texts(rules).because(comment);
    mapping
        .companion
        .put(Block::Tail, "redirect_hosts", Some(flag), rules);
}
