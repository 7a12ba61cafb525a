//! Who may sign in: addresses and groups.

use std::collections::BTreeSet;

use super::provider::Provider;
use super::{Mapping, PROVIDER, UNKNOWN_HOST, probe};
use crate::document::read_text;
use crate::migration::oauth2_proxy::outcome::Outcome;
use crate::migration::oauth2_proxy::source::ingress::Restrictions;
use crate::migration::oauth2_proxy::tree::{Tree, fields, text, texts};

/// What a caller must have: one of the addresses, and a member of each list of groups.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct People {
    pub(super) emails: Emails,
    pub(super) groups: Vec<Vec<Group>>,
}

/// The addresses that are admitted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Emails {
    Anyone,
    Listed(Vec<Email>),
}

/// An address, or all of a domain; in lower case.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Email {
    Address(String),
    Domain(String),
}

/// A group, or a role of Keycloak.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Group {
    Named(String),
    Claim(Vec<String>, String),
}

/// Maps who may sign in.
pub(super) fn map(mapping: &mut Mapping<'_>, provider: &Provider) -> People {
    let emails = emails(mapping);
    let groups = groups(mapping, provider);
    let groups = if groups.is_empty() {
        Vec::new()
    } else {
        vec![groups]
    };
    People { emails, groups }
}

fn emails(mapping: &mut Mapping<'_>) -> Emails {
    let flag = "email-domain";
    let mut found = BTreeSet::new();
    let mut is_anyone = false;
    let mut problems = Vec::new();
    for domain in mapping.list(flag) {
        let domain = domain.to_ascii_lowercase();
        if domain == "*" {
            is_anyone = true;
        } else if domain.starts_with('.') || domain.starts_with("*.") {
            problems.push(format!("list the subdomains that `{domain}` stands for"));
        } else if let Some(problem) = problem("email_domain", &domain) {
            problems.push(format!("`{domain}` can't be used: {problem}"));
        } else {
            found.insert(Email::Domain(domain));
        }
    }
    let to = "apps[].rules[].allow[]";
    if !problems.is_empty() && !is_anyone {
        mapping.needs_you(flag, to, &problems.join("; "));
    }
    addresses(mapping, &mut found);
    if is_anyone {
        mapping.say(
            flag,
            Outcome::Kept,
            to,
            "everybody whom the provider signs in",
        );
        let why = "`*` in --email-domain admits everybody";
        mapping.say("authenticated-emails-file", Outcome::Dropped, "", why);
        return Emails::Anyone;
    }
    if found.is_empty() {
        let why = "no user is admitted: list addresses, domains or groups in the rules `people`";
        if mapping.set(flag).is_none() {
            mapping.lines.missing(flag, to, why);
        } else {
            mapping.needs_you(flag, to, why);
        }
        found.insert(Email::Domain(UNKNOWN_HOST.to_owned()));
    } else {
        let why =
            "the provider must send `email_verified: true`; oauth2-proxy also admits who has none";
        mapping.say(flag, Outcome::Changed, to, why);
    }
    Emails::Listed(found.into_iter().collect())
}

/// The addresses of the file.
fn addresses(mapping: &mut Mapping<'_>, found: &mut BTreeSet<Email>) {
    let flag = "authenticated-emails-file";
    let Some(path) = mapping.text(flag) else {
        return;
    };
    let to = "apps[].rules[].allow[]";
    let read = match mapping.addresses {
        Some(text) => Ok((String::new(), text.to_owned())),
        None => read_text(path.as_ref()),
    };
    let text = match read {
        Ok((_, text)) => text,
        Err(report) => {
            let why = format!(
                "the file {}: add its addresses to the rules `people`",
                report.problem()
            );
            mapping.needs_you(flag, to, &why);
            return;
        }
    };
    let mut count = 0;
    let mut unusable = 0;
    for line in text.lines().map(str::trim) {
        let address = line
            .split(',')
            .next()
            .unwrap_or_default()
            .trim()
            .trim_matches('"');
        if address.is_empty() || address.starts_with('#') {
            continue;
        }
        let address = address.to_lowercase();
        let is_account = address.starts_with("system:serviceaccount:");
        if is_account || problem("email", &address).is_none() {
            found.insert(Email::Address(address));
            count += 1;
        } else {
            unusable += 1;
        }
    }
    if unusable > 0 {
        let why = format!(
            "{unusable} lines of the file are no addresses: find them, and add a matcher for each"
        );
        mapping.needs_you(flag, to, &why);
    }
    let why = format!("{count} addresses are in the policy; the file is not read any more");
    mapping.say(flag, Outcome::Changed, to, &why);
}

fn groups(mapping: &mut Mapping<'_>, provider: &Provider) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut flags = vec!["allowed-group"];
    match &*provider.kind {
        "gitlab" => flags.push("gitlab-group"),
        "keycloak" | "keycloak-oidc" => flags.push("keycloak-group"),
        _ => {}
    }
    for flag in ["gitlab-group", "keycloak-group", "allowed-role"] {
        let is_used =
            flags.contains(&flag) || (flag == "allowed-role" && provider.kind == "keycloak-oidc");
        if !is_used {
            let why = "oauth2-proxy does not use it with this provider";
            mapping.say(flag, Outcome::Dropped, "", why);
        }
    }
    for flag in flags {
        for group in mapping.list(flag) {
            groups.push(match group.strip_prefix("role:") {
                Some(role) if provider.kind == "keycloak-oidc" => Group::role(role),
                _ => Group::Named(group.to_owned()),
            });
        }
    }
    if provider.kind == "keycloak-oidc" {
        groups.extend(mapping.list("allowed-role").into_iter().map(Group::role));
    }
    // They are alternatives of groups: without them, others of the list are still admitted, and nobody else.
    let unknown = [
        ("google", "google-group"),
        ("gitlab", "gitlab-project"),
        ("github", "github-org"),
        ("github", "github-team"),
        ("github", "github-repo"),
        ("github", "github-user"),
        ("bitbucket", "bitbucket-team"),
        ("bitbucket", "bitbucket-workspace"),
        ("bitbucket", "bitbucket-repository"),
    ];
    let has_unknown = unknown
        .iter()
        .any(|(kind, flag)| *kind == provider.kind && mapping.set(flag).is_some());
    for (kind, flag) in unknown {
        if kind != provider.kind {
            let why = "oauth2-proxy does not use it with this provider";
            mapping.say(flag, Outcome::Dropped, "", why);
        }
    }
    let count = groups.len();
    groups.retain(Group::is_usable);
    if groups.len() < count {
        for flag in [
            "allowed-group",
            "allowed-role",
            "gitlab-group",
            "keycloak-group",
        ] {
            let why = "some of the groups can't be used, and admit nobody";
            mapping.needs_you(flag, "apps[].rules[].allow[]", why);
        }
    }
    if (has_unknown || count > 0) && groups.is_empty() {
        groups.push(Group::Named(UNKNOWN_HOST.to_owned()));
    }
    groups
}

fn problem(matcher: &str, value: &str) -> Option<String> {
    probe::entry(&fields([("from", text(PROVIDER)), (matcher, text(value))]))
}

// === impl Group ===

impl Group {
    /// A role of the realm, or of a client: `CLIENT:ROLE`.
    fn role(role: &str) -> Self {
        let (path, role) = match role.split_once(':') {
            Some((client, role)) => (vec!["resource_access", client, "roles"], role),
            None => (vec!["realm_access", "roles"], role),
        };
        Self::Claim(
            path.into_iter().map(str::to_owned).collect(),
            role.to_owned(),
        )
    }

    /// Whether rules accept it.
    fn is_usable(&self) -> bool {
        let (name, value) = self.matcher();
        let mut entry = fields([("from", text(PROVIDER))]);
        entry.put(name, value);
        probe::entry(&entry).is_none()
    }

    fn matcher(&self) -> (&'static str, Tree) {
        match self {
            Self::Named(group) => ("group", text(group)),
            Self::Claim(path, role) => {
                let claim = fields([("path", texts(path.clone())), ("contains", text(role))]);
                ("claim", claim)
            }
        }
    }
}

// === impl People ===

impl People {
    /// Those of them who also meet what a location requires, and whether something of it can't be expressed: then
    /// fewer are admitted.
    pub(super) fn restricted(&self, by: &Restrictions) -> (Self, bool) {
        let mut people = self.clone();
        let emails = by
            .emails
            .iter()
            .map(|email| Email::Address(email.to_ascii_lowercase()));
        let domains = by
            .email_domains
            .iter()
            .map(|domain| Email::Domain(domain.to_ascii_lowercase()));
        let groups = by.groups.iter().cloned().map(Group::Named);
        let (emails, domains): (Vec<Email>, Vec<Email>) = (emails.collect(), domains.collect());
        let groups: Vec<Group> = groups.collect();
        let mut is_exact = emails.iter().chain(&domains).all(Email::is_usable)
            && groups.iter().all(Group::is_usable);
        for list in [domains, emails] {
            if !list.is_empty() {
                let usable = list.into_iter().filter(Email::is_usable).collect();
                people.emails = people.emails.intersection(&Emails::Listed(usable));
            }
        }
        if !groups.is_empty() {
            let groups: Vec<Group> = groups.into_iter().filter(Group::is_usable).collect();
            // A member of one list and of another can't be written, unless one contains the other.
            let within =
                |these: &[Group], those: &[Group]| these.iter().all(|one| those.contains(one));
            is_exact &= people
                .groups
                .iter()
                .all(|own| within(own, &groups) || within(&groups, own));
            people.groups.push(groups);
        }
        (people, is_exact)
    }

    /// The entries of `allow` for callers of a provider or trust entry.
    pub(super) fn entries(&self, from: &str) -> Vec<Tree> {
        let mut alternatives: Vec<Vec<(&'static str, Tree)>> = vec![Vec::new()];
        if let [first, rest @ ..] = self.groups.as_slice() {
            // An entry has one `group`: of two lists, those that are in both are exact. A member of one of each
            // needs `claim` besides.
            alternatives = first.iter().map(|group| vec![group.matcher()]).collect();
            for list in rest {
                let mut longer = Vec::new();
                for alternative in &alternatives {
                    for group in list {
                        longer.extend(with_group(alternative, group));
                    }
                }
                alternatives = longer;
            }
            let mut unique = Vec::new();
            for alternative in alternatives {
                if !unique.contains(&alternative) {
                    unique.push(alternative);
                }
            }
            alternatives = unique;
        }
        let emails = match &self.emails {
            Emails::Anyone => vec![None],
            Emails::Listed(emails) => emails.iter().map(Some).collect(),
        };
        let mut entries = Vec::new();
        for email in emails {
            for groups in &alternatives {
                let mut entry = fields([("from", text(from))]);
                match email {
                    Some(Email::Domain(domain)) => entry.put("email_domain", text(domain)),
                    Some(Email::Address(address))
                        if address.starts_with("system:serviceaccount:") =>
                    {
                        continue;
                    }
                    Some(Email::Address(address)) => entry.put("email", text(address)),
                    None if groups.is_empty() => entry.put("anyone", Tree::Flag(true)),
                    None => {}
                }
                for (name, value) in groups {
                    entry.put(name, value.clone());
                }
                entries.push(entry);
            }
        }
        entries
    }
}

/// An alternative that also requires a group; `None` if one entry can't.
fn with_group(
    alternative: &[(&'static str, Tree)],
    group: &Group,
) -> Option<Vec<(&'static str, Tree)>> {
    let matcher = group.matcher();
    if alternative.contains(&matcher) {
        return Some(alternative.to_vec());
    }
    let is_free = alternative.iter().all(|(name, _)| *name != matcher.0);
    if is_free {
        return Some([alternative, &[matcher]].concat());
    }
    None
}

// === impl Emails ===

impl Emails {
    fn intersection(&self, other: &Self) -> Self {
        let (Self::Listed(these), Self::Listed(those)) = (self, other) else {
            return match self {
                Self::Anyone => other.clone(),
                Self::Listed(_) => self.clone(),
            };
        };
        let mut both = BTreeSet::new();
        for this in these {
            for that in those {
                if this.holds(that) {
                    both.insert(that.clone());
                } else if that.holds(this) {
                    both.insert(this.clone());
                }
            }
        }
        Self::Listed(both.into_iter().collect())
    }
}

impl Email {
    /// Whether rules accept it. The subject of a service account is no address, and is matched in another way.
    fn is_usable(&self) -> bool {
        match self {
            Self::Address(address) if address.starts_with("system:serviceaccount:") => true,
            Self::Address(address) => problem("email", address).is_none(),
            Self::Domain(domain) => {
                !domain.starts_with(['.', '*']) && problem("email_domain", domain).is_none()
            }
        }
    }

    /// Whether the other one is the same, or in this domain.
    fn holds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Domain(domain), Self::Address(address)) => address
                .rsplit_once('@')
                .is_some_and(|(_, own)| own == domain),
            _ => self == other,
        }
    }
}
