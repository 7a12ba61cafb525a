//! Settings that select which tokens and requests are accepted, before and besides rules.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use portcullis_core::policy::{App, Entry, Matcher, NamePart, Policy, Rule, Sso};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{Remote, Trust};

use super::hosts::{HostPolicy, representatives};

/// A setting that differs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Setting {
    /// Where it is in the policy, by names.
    pub(crate) path: String,
    /// What has changed.
    pub(crate) change: String,
    /// Whether tokens or requests are accepted that were not.
    pub(crate) widens: bool,
    /// Whether tokens or requests are refused that were not.
    pub(crate) narrows: bool,
}

/// The settings that differ.
pub(super) fn of(old: &Policy, new: &Policy, now: Timestamp) -> Vec<Setting> {
    let mut settings = Settings::default();
    for trust in new.trusts() {
        // Without a rule that lists its callers, a trust entry gives nobody access.
        if let Some(before) = old
            .trust(&trust.name)
            .filter(|_| names(old, &trust.name) || names(new, &trust.name))
        {
            settings.trust(before, trust);
        }
    }
    settings.shared_issuers(old, new);
    for (_, [before, after]) in representatives([old, new]) {
        if let (HostPolicy::App(_) | HostPolicy::Refused, Some(after)) = (before, after.app()) {
            settings.app(before.app(), after, now);
        }
    }
    settings.sso(old, new);
    settings.larger("max_token", &old.max_token(), &new.max_token());
    settings.0
}

/// Whether a rule lists callers of a trust entry.
fn names(policy: &Policy, trust: &str) -> bool {
    let rules = policy.apps().iter().flat_map(App::rules);
    let mut entries = rules.flat_map(Rule::allow);
    entries.any(|entry| entry.from() == Some(trust) || is_for_service_accounts_of(entry, trust))
}

fn is_for_service_accounts_of(entry: &Entry, trust: &str) -> bool {
    let mut matchers = entry.matchers().iter();
    matchers.any(|matcher| match matcher {
        Matcher::ServiceAccount {
            trust: NamePart::Exact(name),
            ..
        } => name == trust,
        Matcher::ServiceAccount { .. } => true,
        _ => false,
    })
}

#[derive(Default)]
struct Settings(Vec<Setting>);

impl Settings {
    fn trust(&mut self, old: &Trust, new: &Trust) {
        let path = |name: &str| format!("trust.{}.{name}", new.name);
        let issuers = |trust: &Trust| {
            let issuers = std::iter::once(&trust.issuer).chain(&trust.former_issuers);
            issuers.cloned().collect::<BTreeSet<String>>()
        };
        self.accepted(&path("issuer"), &issuers(old), &issuers(new));
        self.accepted(
            &path("audiences"),
            &set(&old.audiences),
            &set(&new.audiences),
        );
        let algorithms = |trust: &Trust| {
            let names = trust.algorithms.as_ref()?.iter();
            Some(names.map(ToString::to_string).collect())
        };
        self.restricted(&path("algorithms"), algorithms(old), algorithms(new));
        self.larger_time(&path("leeway"), old.leeway, new.leeway);
        self.larger_time(&path("max_lifetime"), old.max_lifetime, new.max_lifetime);
        self.switched(
            &path("trust_unverified_email"),
            old.trust_unverified_email,
            new.trust_unverified_email,
        );

        let source = |trust: &Trust| {
            let endpoint = trust
                .keys
                .remote
                .as_ref()
                .map(|remote| format!("{:?}", remote.endpoint));
            (endpoint, format!("{:?}", trust.keys.inline))
        };
        if source(old) != source(new) {
            self.changed(&path("keys"), "the keys have another source");
        }
        let cluster = |trust: &Trust| {
            let remote = trust.keys.remote.as_ref();
            remote.map(|remote| remote.envoy_cluster.clone())
        };
        if cluster(old) != cluster(new) {
            self.changed(
                &path("keys.envoy_cluster"),
                "the keys have another source in Envoy",
            );
        }
        if format!("{:?}", old.claims) != format!("{:?}", new.claims) {
            self.changed(&path("claims"), "callers have other attributes");
        }
        let pins = |trust: &Trust| {
            let pins = trust.keys.pins.iter().map(|pin| format!("{pin:?}"));
            Some(pins.collect::<BTreeSet<String>>()).filter(|pins| !pins.is_empty())
        };
        if pins(old) != pins(new) {
            let (widens, narrows) = directions(pins(old).as_ref(), pins(new).as_ref());
            self.push(
                &path("keys.pins"),
                "other keys are accepted".to_owned(),
                widens,
                narrows,
            );
        }
        self.refused(
            &path("keys.refuse_kids"),
            &set(&old.keys.refuse_kids),
            &set(&new.keys.refuse_kids),
        );
        let times = |trust: &Trust| {
            trust.keys.remote.as_ref().map(
                |Remote {
                     refresh, max_stale, ..
                 }| (*refresh, *max_stale),
            )
        };
        if let (Some(old), Some(new)) = (times(old), times(new)) {
            self.larger_time(&path("keys.refresh"), old.0, new.0);
            self.larger_time(&path("keys.max_stale"), old.1, new.1);
        }
    }

    /// Entries that share an issuer: the first that a token fits identifies its caller, and the first that had a key owns it.
    fn shared_issuers(&mut self, old: &Policy, new: &Policy) {
        let issuers: BTreeSet<&String> = [old, new]
            .iter()
            .flat_map(|policy| policy.trusts())
            .flat_map(|trust| std::iter::once(&trust.issuer).chain(&trust.former_issuers))
            .collect();
        for issuer in issuers {
            let names = |policy: &Policy| {
                let trusts = policy
                    .trusts()
                    .iter()
                    .filter(|trust| trust.accepts_issuer(issuer));
                trusts
                    .map(|trust| trust.name.clone())
                    .collect::<Vec<String>>()
            };
            let [before, after] = [old, new].map(names);
            if before != after && before.len().max(after.len()) > 1 {
                let change = format!("{issuer}: {}, was {}", after.join(", "), before.join(", "));
                self.changed("trust", &change);
            }
        }
    }

    fn app(&mut self, old: Option<&App>, new: &App, now: Timestamp) {
        let path = |name: &str| format!("apps.{}.{name}", new.name());
        let open_until = |app: &App| app.report_until().filter(|until| now < until.time).cloned();
        let (before, after) = (old.and_then(open_until), open_until(new));
        if before != after {
            let change = match &after {
                Some(until) => format!("OPEN until {}: refusals are only reported", until.text),
                None => "refusals are enforced".to_owned(),
            };
            let times = [&before, &after].map(|until| until.as_ref().map(|until| until.time));
            let [before, after] = times;
            self.push(
                &path("report_until"),
                change,
                after > before,
                after < before,
            );
        }
        let Some(old) = old else {
            return;
        };
        let audiences =
            |app: &App| Some(set(app.audiences())).filter(|audiences| !audiences.is_empty());
        self.restricted(&path("audiences"), audiences(old), audiences(new));
        let origins = |app: &App| {
            app.origins()
                .iter()
                .map(|origin| origin.as_str().to_owned())
                .collect()
        };
        self.accepted(&path("origins"), &origins(old), &origins(new));
        self.switched(&path("preflight"), old.preflight(), new.preflight());
        let bearer = [old, new].map(App::has_own_bearer);
        self.switched(&path("bearer: app"), bearer[0], bearer[1]);
        let encoded = [old, new].map(App::passes_encoded_paths);
        self.switched(&path("encoded_paths: pass"), encoded[0], encoded[1]);
        // What an app takes for an identity, a client must not send.
        self.refused(
            &path("strip_headers"),
            &set(old.strip_headers()),
            &set(new.strip_headers()),
        );
        let identity = [old, new].map(|app| format!("{:?}", app.identity_headers()));
        if identity[0] != identity[1] {
            self.changed(&path("identity_headers"), "the app learns another identity");
        }
        let forwarded = [old, new].map(App::forward_authorization);
        self.switched(&path("forward_authorization"), forwarded[0], forwarded[1]);
    }

    fn sso(&mut self, old: &Policy, new: &Policy) {
        let (Some(old), Some(new)) = (old.sso(), new.sso()) else {
            return;
        };
        if old.url() != new.url() {
            self.changed("sso.url", &format!("users sign in at {}", new.url()));
        }
        let cluster = |sso: &Sso| {
            let remote = sso.keys().keys.remote.as_ref();
            remote.map(|remote| remote.envoy_cluster.clone())
        };
        if cluster(old) != cluster(new) {
            self.changed(
                "sso.envoy_cluster",
                "the companion's keys have another source in Envoy",
            );
        }
    }

    /// A list of accepted values.
    fn accepted(&mut self, path: &str, old: &BTreeSet<String>, new: &BTreeSet<String>) {
        for value in new.difference(old) {
            self.push(path, format!("`{value}` is accepted"), true, false);
        }
        for value in old.difference(new) {
            self.push(
                path,
                format!("`{value}` is not accepted any more"),
                false,
                true,
            );
        }
    }

    /// A list of refused values.
    fn refused(&mut self, path: &str, old: &BTreeSet<String>, new: &BTreeSet<String>) {
        for value in new.difference(old) {
            self.push(path, format!("`{value}` is refused"), false, true);
        }
        for value in old.difference(new) {
            self.push(
                path,
                format!("`{value}` is not refused any more"),
                true,
                false,
            );
        }
    }

    /// A list of accepted values, without which all are accepted.
    fn restricted(
        &mut self,
        path: &str,
        old: Option<BTreeSet<String>>,
        new: Option<BTreeSet<String>>,
    ) {
        match (&old, &new) {
            (Some(old), Some(new)) => self.accepted(path, old, new),
            (None, None) => {}
            (None, Some(new)) => {
                let values: Vec<&str> = new.iter().map(String::as_str).collect();
                self.push(
                    path,
                    format!("only {} is accepted", values.join(", ")),
                    false,
                    true,
                );
            }
            (Some(_), None) => self.push(path, "any value is accepted".to_owned(), true, false),
        }
    }

    fn larger_time(&mut self, path: &str, old: Duration, new: Duration) {
        self.larger(path, &Seconds(old), &Seconds(new));
    }

    /// A limit.
    fn larger<T: Display + PartialOrd>(&mut self, path: &str, old: &T, new: &T) {
        if old != new {
            self.push(path, format!("{new}, was {old}"), new > old, new < old);
        }
    }

    /// A switch that widens access if it is on.
    fn switched(&mut self, path: &str, old: bool, new: bool) {
        if old != new {
            let change = if new { "on" } else { "off" };
            self.push(path, change.to_owned(), new, old);
        }
    }

    /// A change whose direction is unknown.
    fn changed(&mut self, path: &str, change: &str) {
        self.push(path, change.to_owned(), true, true);
    }

    fn push(&mut self, path: &str, change: String, widens: bool, narrows: bool) {
        let setting = Setting {
            path: path.to_owned(),
            change,
            widens,
            narrows,
        };
        // An app may have hosts of several apps of the other policy.
        if !self.0.contains(&setting) {
            self.0.push(setting);
        }
    }
}

/// Whether more and whether less is accepted, where `None` accepts everything.
fn directions(old: Option<&BTreeSet<String>>, new: Option<&BTreeSet<String>>) -> (bool, bool) {
    match (old, new) {
        (Some(old), Some(new)) => (!new.is_subset(old), !old.is_subset(new)),
        (old, new) => (
            old.is_some() && new.is_none(),
            old.is_none() && new.is_some(),
        ),
    }
}

fn set(list: &[String]) -> BTreeSet<String> {
    list.iter().cloned().collect()
}

/// A time, as policies have it.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Seconds(Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}s", self.0.as_secs())
    }
}
