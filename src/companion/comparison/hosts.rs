//! The hosts of which each stands for all that two policies treat alike.

use std::collections::BTreeSet;

use portcullis_core::policy::{App, HostPattern, Policy};

/// What a policy does with requests for a host.
#[derive(Clone, Copy, Debug)]
pub(super) enum HostPolicy<'p> {
    /// It applies the rules of an app.
    App(&'p App),
    /// It forwards them without a decision about access.
    Ungated,
    /// It refuses them, or they are for the companion.
    Refused,
}

/// Hosts that stand for all, with what each policy does there: one for each pair of that.
pub(super) fn representatives<'p>(policies: [&'p Policy; 2]) -> Vec<(String, [HostPolicy<'p>; 2])> {
    let mut known = BTreeSet::new();
    let hosts = hosts(policies).into_iter().map(|host| {
        let pair = policies.map(|policy| HostPolicy::of(policy, &host));
        (host, pair)
    });
    hosts
        .filter(|(_, pair)| known.insert(pair.map(HostPolicy::identity)))
        .collect()
}

/// The hosts that a policy names, one for each wildcard, and another one.
fn hosts(policies: [&Policy; 2]) -> BTreeSet<String> {
    let patterns: Vec<&HostPattern> = policies
        .iter()
        .flat_map(|policy| policy.host_patterns())
        .collect();
    let exact: BTreeSet<&str> = patterns
        .iter()
        .filter_map(|pattern| match pattern {
            HostPattern::Exact(name) => Some(name.as_str()),
            HostPattern::OneLabel(_) => None,
        })
        .collect();
    let below = |name: &str| {
        let candidates = (0..).map(|number: usize| match number {
            0 => format!("other.{name}"),
            number => format!("other{number}.{name}"),
        });
        let is_companion = |host: &str| {
            policies
                .iter()
                .any(|policy| policy.companion_at(host).is_some())
        };
        // There are more candidates than hosts.
        candidates
            .take(exact.len() + policies.len() + 1)
            .find(|candidate| !exact.contains(&**candidate) && !is_companion(candidate))
    };
    let mut hosts: BTreeSet<String> = exact.iter().map(|name| (*name).to_owned()).collect();
    for pattern in &patterns {
        if let HostPattern::OneLabel(name) = pattern {
            hosts.extend(below(name));
        }
    }
    hosts.extend(below("example"));
    hosts
}

impl<'p> HostPolicy<'p> {
    /// What a policy does with requests for this host.
    fn of(policy: &'p Policy, host: &str) -> Self {
        if policy.companion_at(host).is_some() {
            return Self::Refused;
        }
        if policy.is_ungated(host) {
            return Self::Ungated;
        }
        policy.app_for(host).map_or(Self::Refused, Self::App)
    }

    /// What it is equal by: names of apps are unique.
    fn identity(self) -> (bool, Option<&'p str>) {
        (matches!(self, Self::Ungated), self.app().map(App::name))
    }

    /// The app.
    pub(super) const fn app(self) -> Option<&'p App> {
        match self {
            Self::App(app) => Some(app),
            Self::Ungated | Self::Refused => None,
        }
    }
}
