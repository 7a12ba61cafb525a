//! Apps: hosts, and the rules of each.

use super::people::{Email, Emails, People};
use super::trust::{Kind, Trust};
use super::{Mapping, PROVIDER, UNKNOWN_HOST, commented, probe};
use crate::migration::oauth2_proxy::outcome::{Line, Outcome};
use crate::migration::oauth2_proxy::source::access_log::Use;
use crate::migration::oauth2_proxy::source::ingress::{Location, Restrictions};
use crate::migration::oauth2_proxy::tree::{Commented, Tree, fields, text, texts};

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
        let mut rules = rules(mapping, host, is_in_domain, trusts, people);
        rules.extend(public.iter().cloned());
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
    trusts: &[Trust],
    people: &People,
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
    say_about_open_paths(mapping, &locations, host);
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
        rules.extend(scope.rules(mapping, has_sign_in, trusts, people));
        return rules;
    }
    for (location, number) in gated.iter().zip(1..) {
        let restriction = location.restrictions.clone().unwrap_or_default();
        let others: Vec<&Location> = gated
            .iter()
            .copied()
            .filter(|other| other.restrictions != location.restrictions)
            .collect();
        let Some(paths) = patterns(location, &others) else {
            let why = "other paths below these have other requirements, or they are regular expressions: write rules for them";
            mapping.lines.add(
                usize::MAX,
                ingress_line(&location.ingress, "paths", host, why),
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
        rules.extend(scope.rules(mapping, has_sign_in, trusts, people));
    }
    rules
}

/// Paths of a host that another Ingress routes without oauth2-proxy.
fn say_about_open_paths(mapping: &mut Mapping<'_>, locations: &[&Location], host: &str) {
    for location in locations
        .iter()
        .filter(|location| location.restrictions.is_none())
    {
        let paths = location.paths.iter();
        let others: Vec<&str> = paths
            .filter(|path| !path.path.starts_with("/oauth2"))
            .map(|path| &*path.path)
            .collect();
        if !others.is_empty() && locations.iter().any(|one| one.restrictions.is_some()) {
            let why = format!(
                "{} of {host} had no oauth2-proxy: if they must stay open, add a public rule",
                others.join(", ")
            );
            mapping.lines.add(
                usize::MAX,
                ingress_line(&location.ingress, "paths", &others.join(", "), &why),
            );
        }
    }
}

fn ingress_line(ingress: &str, what: &str, value: &str, why: &str) -> Line {
    Line {
        name: format!("Ingress {ingress}: {what}"),
        value: Some(value.to_owned()),
        outcome: Outcome::NeedsYou,
        to: Some(RULES.to_owned()),
        why: why.to_owned(),
    }
}

/// The patterns of an Ingress's paths; `None` if a path of another one with other requirements is below them.
fn patterns(location: &Location, others: &[&Location]) -> Option<Vec<String>> {
    let mut patterns = Vec::new();
    for path in &location.paths {
        let bare = path.path.trim_end_matches('/');
        let is_below = |other: &str| {
            let other = other.trim_end_matches('/');
            other.starts_with(&format!("{bare}/")) || other == bare || bare.is_empty()
        };
        let nested = others.iter().any(|other| {
            other
                .paths
                .iter()
                .any(|other| other.is_regex || is_below(&other.path))
        });
        if path.is_regex || (nested && !path.is_exact) {
            return None;
        }
        let pattern = if path.is_exact {
            path.path.clone()
        } else {
            format!("{bare}/**")
        };
        if probe::path(&pattern, &["GET"]).is_some() {
            return None;
        }
        patterns.push(pattern);
    }
    (!patterns.is_empty()).then_some(patterns)
}

/// The part of a host that has the same requirements.
struct Scope<'a> {
    host: &'a str,
    /// Empty: all.
    paths: Vec<String>,
    restriction: Restrictions,
    /// Of the names of its rules.
    suffix: String,
    ingress: Option<String>,
}

impl Scope<'_> {
    fn rules(
        &self,
        mapping: &mut Mapping<'_>,
        has_sign_in: bool,
        trusts: &[Trust],
        people: &People,
    ) -> Vec<Commented> {
        let (people, is_exact) = people.restricted(&self.restriction);
        if !is_exact {
            let why = "`auth-url` asks for a member of two lists of groups, or for subdomains, which one entry can't: \
                       fewer are admitted";
            let ingress = self.ingress.as_deref().unwrap_or_default();
            let line = ingress_line(ingress, "allowed_groups", self.host, why);
            mapping.lines.add(usize::MAX, line);
        }
        let mut rules = Vec::new();
        let mut entries = Vec::new();
        if has_sign_in {
            entries.extend(people.entries(PROVIDER));
        }
        for trust in trusts.iter().filter(|trust| trust.kind == Kind::Provider) {
            entries.extend(people.entries(&trust.name));
        }
        if !entries.is_empty() {
            let mut from: Vec<String> = Vec::new();
            for flag in [
                "email-domain",
                "authenticated-emails-file",
                "allowed-group",
                "allowed-role",
                "gitlab-group",
                "keycloak-group",
            ] {
                if mapping.set(flag).is_some() {
                    from.push(mapping.name(flag));
                }
            }
            if !self.restriction.is_empty() {
                from.push("auth-url".to_owned());
            }
            let comment = if from.is_empty() {
                Vec::new()
            } else {
                vec![format!("From {}.", from.join(", "))]
            };
            rules.push(commented(self.rule("people", None, entries), comment));
        }
        for trust in trusts.iter().filter(|trust| trust.kind != Kind::Provider) {
            rules.extend(self.token_rules(mapping, trust, &people));
        }
        rules
    }

    /// The rules for callers of a trust entry.
    fn token_rules(&self, mapping: &Mapping<'_>, trust: &Trust, people: &People) -> Vec<Commented> {
        let seen = mapping
            .seen
            .filter(|_| people.emails == Emails::Anyone && people.groups.is_empty());
        if let Some(seen) = seen {
            let uses = seen
                .uses(self.host)
                .filter(|(user, _)| is_of(trust.kind, user));
            let mut rules = Vec::new();
            for (user, user_uses) in uses {
                for (one, number) in user_uses.iter().zip(1..) {
                    rules.extend(self.seen_rule(trust, user, one, number));
                }
            }
            return rules;
        }
        let entries = match trust.kind {
            Kind::Kubernetes => accounts(&trust.name, people),
            Kind::Oidc | Kind::Provider => people.entries(&trust.name),
        };
        if entries.is_empty() {
            return Vec::new();
        }
        let is_anyone = people.emails == Emails::Anyone && people.groups.is_empty();
        let comment = if is_anyone {
            "Change this: as before, any token of this issuer opens everything. List the callers instead, and their \
             methods and paths."
        } else {
            "Tokens of this issuer with the same addresses and groups."
        };
        vec![commented(
            self.rule(&trust.name, None, entries),
            vec![comment.to_owned()],
        )]
    }

    /// A rule for what a caller was seen to do.
    fn seen_rule(&self, trust: &Trust, user: &str, one: &Use, number: usize) -> Option<Commented> {
        let entry = match trust.kind {
            Kind::Kubernetes => {
                let account = user
                    .strip_prefix("system:serviceaccount:")?
                    .replacen(':', "/", 1);
                fields([("service_account", text(format!("{}/{account}", trust.name)))])
            }
            Kind::Oidc | Kind::Provider if user.contains('@') => {
                fields([("from", text(&*trust.name)), ("email", text(user))])
            }
            Kind::Oidc | Kind::Provider => {
                fields([("from", text(&*trust.name)), ("user", text(user))])
            }
        };
        let paths: Vec<&str> = one.paths.iter().map(String::as_str).collect();
        let is_usable = paths
            .iter()
            .all(|path| probe::path(path, &["GET"]).is_none());
        if !is_usable {
            return None;
        }
        let last = user.rsplit(':').next().unwrap_or(user);
        let name = name(&format!("{}-{last}-{number}", trust.name));
        let comment = format!("From the log: {} requests of {user}.", one.count);
        let mut rule = self.rule(&name, Some((&one.methods, &paths)), vec![entry]);
        if probe_rule(trust, &rule) {
            return Some(commented(rule, vec![comment]));
        }
        rule.remove("allow");
        None
    }

    fn rule(&self, name: &str, what: Option<(&[String], &[&str])>, entries: Vec<Tree>) -> Tree {
        let mut rule = fields([("name", text([name, &self.suffix].concat()))]);
        match what {
            Some((methods, paths)) => {
                rule.put("methods", texts(methods.to_vec()));
                rule.put("paths", texts(paths.to_vec()));
            }
            None if !self.paths.is_empty() => rule.put("paths", texts(self.paths.clone())),
            None => {}
        }
        let entries = entries.into_iter().map(Commented::from);
        rule.put("allow", Tree::List(entries.collect()));
        rule
    }
}

/// Whether a rule with a caller of this trust entry is accepted.
fn probe_rule(trust: &Trust, rule: &Tree) -> bool {
    let app = fields([
        ("name", text("probe")),
        ("hosts", texts(["probe.invalid"])),
        ("rules", Tree::List(vec![rule.clone().into()])),
    ]);
    let document = fields([
        ("trust", Tree::List(vec![trust.tree.clone()])),
        ("apps", Tree::List(vec![app.into()])),
    ]);
    probe::policy(&document).is_ok()
}

/// Whether a user in the log may be a caller of such a trust entry.
fn is_of(kind: Kind, user: &str) -> bool {
    user.starts_with("system:serviceaccount:") == (kind == Kind::Kubernetes)
}

/// The entries for service accounts. They have no e-mail address: oauth2-proxy compares their subject.
fn accounts(trust: &str, people: &People) -> Vec<Tree> {
    if !people.groups.is_empty() {
        return Vec::new();
    }
    let emails = match &people.emails {
        Emails::Anyone => {
            return vec![fields([
                ("from", text(trust)),
                ("anyone", Tree::Flag(true)),
            ])];
        }
        Emails::Listed(emails) => emails,
    };
    let accounts = emails.iter().filter_map(|email| match email {
        Email::Address(address) => address.strip_prefix("system:serviceaccount:"),
        Email::Domain(_) => None,
    });
    let accounts = accounts.filter_map(|account| account.split_once(':'));
    accounts
        .map(|(namespace, name)| {
            fields([(
                "service_account",
                text(format!("{trust}/{namespace}/{name}")),
            )])
        })
        .collect()
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
