//! Apps: hosts, and the rules of each.

mod locations;
mod scope;

use std::collections::BTreeSet;

use super::people::{Emails, People};
use super::trust::{Kind, Trust};
use super::{Mapping, PROVIDER, UNKNOWN_HOST, commented, probe};
use crate::migration::oauth2_proxy::outcome::{Line, Outcome};
use crate::migration::oauth2_proxy::source::ingress::{Location, Restrictions};
use crate::migration::oauth2_proxy::tree::{Commented, Tree, fields, text, texts};

use scope::Scope;

/// The hosts of apps.
#[derive(Debug)]
pub(super) struct Hosts {
    names: Vec<String>,
    /// Where they are from.
    origin: Origin,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Origin {
    Ingress,
    Log,
    /// Nothing names them.
    Nowhere,
}

const RULES: &str = "apps[].rules[]";

/// The hosts that oauth2-proxy protects, by Ingress objects or else by the log.
pub(super) fn hosts(mapping: &mut Mapping<'_>) -> Hosts {
    let mut names: Vec<String> = Vec::new();
    let mut origin = Origin::Ingress;
    for location in &mapping.ingresses.locations {
        if location.restrictions.is_none() || names.contains(&location.host) {
            continue;
        }
        match probe::host(&location.host) {
            None => names.push(location.host.clone()),
            Some(problem) => {
                let why = format!("the host can't be used: {problem}");
                let line = Line {
                    name: format!("Ingress {}: host", location.ingress),
                    value: Some(location.host.clone()),
                    outcome: Outcome::NeedsYou,
                    to: Some("apps[].hosts".to_owned()),
                    why,
                };
                mapping.lines.add(usize::MAX, line);
            }
        }
    }
    if names.is_empty()
        && let Some(seen) = mapping.seen
    {
        origin = Origin::Log;
        names.extend(
            seen.hosts()
                .filter(|host| probe::host(host).is_none())
                .map(str::to_owned),
        );
    }
    if names.is_empty() {
        origin = Origin::Nowhere;
    }
    Hosts { names, origin }
}

/// Who has access to an app.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access<'a> {
    pub(super) trusts: &'a [Trust],
    pub(super) people: &'a People,
    /// Rules for everybody.
    pub(super) public: &'a [Commented],
}

/// The apps. `headers` are the `identity_headers` of each.
pub(super) fn map(
    mapping: &mut Mapping<'_>,
    hosts: &Hosts,
    domain: &str,
    access: Access<'_>,
    headers: Option<Commented>,
) -> Vec<Commented> {
    let Access {
        trusts,
        people,
        public,
    } = access;
    let placeholder;
    let mut names = hosts.names.as_slice();
    if names.is_empty() {
        placeholder = [[
            "app-change-me.",
            if domain.is_empty() {
                UNKNOWN_HOST
            } else {
                domain
            },
        ]
        .concat()];
        names = &placeholder;
    }
    if hosts.origin != Origin::Ingress {
        let why = match hosts.origin {
            Origin::Log => {
                "the hosts in the log are the apps' hosts: compare them with your routes; requests for others are refused"
            }
            _ => {
                "write the hosts of the apps: requests for others are refused. --ingress reads them from Ingress objects"
            }
        };
        let line = Line {
            name: "hosts of apps".to_owned(),
            value: None,
            outcome: Outcome::NeedsYou,
            to: Some("apps[].hosts".to_owned()),
            why: why.to_owned(),
        };
        mapping.lines.add(usize::MAX, line);
    }
    let mut apps: Vec<Commented> = Vec::new();
    let mut taken: Vec<String> = Vec::new();
    for host in names {
        let label = host
            .trim_start_matches("*.")
            .split('.')
            .next()
            .unwrap_or_default();
        let base = name(label);
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let mut candidates = std::iter::once(base.clone()).chain(numbered);
        let own = candidates
            .find(|name| !taken.contains(name))
            .unwrap_or_default();
        taken.push(own.clone());
        let is_in_domain =
            host.trim_start_matches("*.") == domain || host.ends_with(&format!(".{domain}"));
        let mut rules = rules(mapping, host, is_in_domain, access);
        rules.extend(public.iter().cloned());
        number(&mut rules);
        if rules.is_empty() {
            rules.push(nobody());
        }
        let mut app = fields([("name", text(own)), ("hosts", texts([host.as_str()]))]);
        if let Some(headers) = &headers {
            app.put("identity_headers", headers.clone());
        }
        app.put("rules", Tree::List(rules));
        let comment = match hosts.origin {
            Origin::Ingress => {
                let locations = mapping.ingresses.locations.iter();
                let mut of: Vec<&str> = locations
                    .filter(|location| location.host == *host && location.restrictions.is_some())
                    .map(|location| &*location.ingress)
                    .collect();
                of.dedup();
                format!("From the Ingress {}.", of.join(", "))
            }
            Origin::Log => "From the log.".to_owned(),
            Origin::Nowhere => "Change this: the hosts of the app. Write one app for each that has rules of its own.".to_owned(),
        };
        apps.push(commented(app, vec![comment]));
    }
    say_about_tokens(mapping, trusts, people);
    apps
}

/// A rule that admits nobody, because an app needs one.
fn nobody() -> Commented {
    let entry = fields([
        ("from", text(PROVIDER)),
        ("email_domain", text(UNKNOWN_HOST)),
    ]);
    let rule = fields([
        ("name", text("nobody")),
        ("allow", Tree::List(vec![entry.into()])),
    ]);
    commented(rule, vec!["Change this: it admits nobody.".to_owned()])
}

/// The rules of a host that ask for callers.
fn rules(
    mapping: &mut Mapping<'_>,
    host: &str,
    has_sign_in: bool,
    access: Access<'_>,
) -> Vec<Commented> {
    let locations: Vec<&Location> = {
        let all = mapping.ingresses.locations.iter();
        all.filter(|location| location.host == host).collect()
    };
    let gated: Vec<&Location> = locations
        .iter()
        .copied()
        .filter(|location| location.restrictions.is_some())
        .collect();
    locations::say_about_open_paths(mapping, &locations, host);
    let mut rules = Vec::new();
    let restrictions: Vec<Restrictions> = {
        let all = gated
            .iter()
            .filter_map(|location| location.restrictions.clone());
        all.collect()
    };
    let is_uniform = restrictions.windows(2).all(|two| two.first() == two.last());
    if is_uniform {
        let restriction = restrictions.into_iter().next().unwrap_or_default();
        let scope = Scope {
            host,
            paths: Vec::new(),
            restriction,
            suffix: String::new(),
            ingress: gated.first().map(|location| location.ingress.clone()),
        };
        rules.extend(scope.rules(mapping, has_sign_in, access));
        return rules;
    }
    for (location, number) in gated.iter().zip(1..) {
        let restriction = location.restrictions.clone().unwrap_or_default();
        let others: Vec<&Location> = gated
            .iter()
            .copied()
            .filter(|other| other.restrictions != location.restrictions)
            .collect();
        let Some(paths) = locations::patterns(location, &others) else {
            let why = "other paths below these have other requirements, or they are regular expressions: write rules for them";
            mapping.lines.add(
                usize::MAX,
                locations::line(&location.ingress, "paths", host, why),
            );
            continue;
        };
        let scope = Scope {
            host,
            paths,
            restriction,
            suffix: format!("-{number}"),
            ingress: Some(location.ingress.clone()),
        };
        rules.extend(scope.rules(mapping, has_sign_in, access));
    }
    rules
}

/// Gives each rule a name of its own: two callers in a log may have the same last name.
fn number(rules: &mut [Commented]) {
    let mut taken = BTreeSet::new();
    for rule in rules {
        let Some(Commented {
            tree: Tree::Text(name),
            ..
        }) = rule.tree.member("name")
        else {
            continue;
        };
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        if let Some(free) = names.find(|name| taken.insert(name.clone())) {
            *name = free;
        }
    }
}

/// Says what tokens open, which the options themselves don't tell.
fn say_about_tokens(mapping: &mut Mapping<'_>, trusts: &[Trust], people: &People) {
    let flag = "extra-jwt-issuers";
    if trusts.iter().all(|trust| trust.kind == Kind::Provider) {
        return;
    }
    if people.emails == Emails::Anyone && people.groups.is_empty() {
        if mapping.seen.is_some() {
            let why = "any token of these issuers opened everything; the rules list the callers that the log has: \
                       compare them with what you expect";
            mapping.needs_you(flag, RULES, why);
        } else {
            let why = "any token of these issuers opens everything, as before: list the callers in the rules; \
                       --access-log proposes them";
            mapping.needs_you(flag, RULES, why);
        }
    } else if trusts.iter().any(|trust| trust.kind == Kind::Kubernetes) {
        let why = "service accounts have no addresses or groups, so oauth2-proxy admitted none, but those that \
                   --authenticated-emails-file lists";
        mapping.say(flag, Outcome::Changed, "trust[]", why);
    }
}

/// A valid name from any text.
pub(super) fn name(text: &str) -> String {
    let mut name = String::new();
    for c in text.to_ascii_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            _ if name.is_empty() || name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    name.truncate(50);
    let name = name.trim_end_matches('-');
    if name.is_empty() {
        "app".to_owned()
    } else {
        name.to_owned()
    }
}

// === impl Hosts ===

impl Hosts {
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn contains(&self, host: &str) -> bool {
        self.names.iter().any(|name| name == host)
    }

    /// The parent domain of the first host.
    pub(super) fn parent(&self) -> Option<String> {
        let first = self.names.first()?;
        let parent = first.trim_start_matches("*.").split_once('.')?.1;
        parent.contains('.').then(|| parent.to_owned())
    }
}
