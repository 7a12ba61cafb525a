//! The rules of a part of a host that has the same requirements.

use super::locations::line;
use super::{Access, name};
use crate::migration::oauth2_proxy::mapping::people::{Email, Emails, People};
use crate::migration::oauth2_proxy::mapping::trust::{Kind, Trust};
use crate::migration::oauth2_proxy::mapping::{Mapping, PROVIDER, commented, probe};
use crate::migration::oauth2_proxy::source::access_log::Use;
use crate::migration::oauth2_proxy::source::ingress::Restrictions;
use crate::migration::oauth2_proxy::tree::{Commented, Tree, fields, text, texts};

/// The part of a host that has the same requirements.
pub(super) struct Scope<'a> {
    pub(super) host: &'a str,
    /// Empty: all.
    pub(super) paths: Vec<String>,
    pub(super) restriction: Restrictions,
    /// Of the names of its rules.
    pub(super) suffix: String,
    pub(super) ingress: Option<String>,
}

impl Scope<'_> {
    pub(super) fn rules(
        &self,
        mapping: &mut Mapping<'_>,
        has_sign_in: bool,
        access: Access<'_>,
    ) -> Vec<Commented> {
        let Access { trusts, people, .. } = access;
        let (people, is_exact) = people.restricted(&self.restriction);
        if !is_exact {
            let why = "`auth-url` asks for a member of two lists of groups, or for subdomains, which one entry can't: \
                       fewer are admitted";
            let ingress = self.ingress.as_deref().unwrap_or_default();
            let line = line(ingress, "allowed_groups", self.host, why);
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
