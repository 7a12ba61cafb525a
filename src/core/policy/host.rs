//! The hosts of a policy, and the lookup of what a host is for.

use std::fmt;

use crate::request::is_dns_name;

#[cfg(test)]
mod tests;

/// A host of an app, or an ungated one: a DNS name in lower case, or `*.` and a DNS name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum HostPattern {
    /// This host alone.
    Exact(String),
    /// Any host with exactly one label before this name.
    OneLabel(String),
}

/// What a host is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum HostUse {
    /// The app with this index.
    App(usize),
    /// Requests are forwarded without a decision about access.
    Ungated,
}

/// The table of all hosts.
#[derive(Clone, Debug, Default)]
pub(super) struct Table(Vec<(HostPattern, HostUse)>);

// === impl HostPattern ===

impl HostPattern {
    /// Parses a host in any case, or `*.` and a host. `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (name, pattern): (&str, fn(String) -> Self) = match text.strip_prefix("*.") {
            Some(name) => (name, Self::OneLabel),
            None => (&text, Self::Exact),
        };
        is_dns_name(name).then(|| pattern(name.to_owned()))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::OneLabel(name) => write!(f, "*.{name}"),
        }
    }
}

// === impl Table ===

impl Table {
    /// Adds a host. The error is what the same host is already for.
    pub(super) fn add(&mut self, pattern: HostPattern, host_use: HostUse) -> Result<(), HostUse> {
        match self.0.binary_search_by(|(known, _)| known.cmp(&pattern)) {
            Ok(at) => Err(self.0.get(at).map_or(host_use, |(_, other)| *other)),
            Err(at) => {
                self.0.insert(at, (pattern, host_use));
                Ok(())
            }
        }
    }

    /// All of them, exact ones first.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &HostPattern> {
        self.0.iter().map(|(pattern, _)| pattern)
    }

    /// What this host is for. An exact host takes precedence over a wildcard.
    pub(super) fn find(&self, host: &str) -> Option<HostUse> {
        self.get(true, host).or_else(|| {
            let (label, name) = host.split_once('.')?;
            self.get(false, name).filter(|_| is_dns_name(label))
        })
    }

    fn get(&self, exact: bool, name: &str) -> Option<HostUse> {
        // Exact hosts sort before wildcards, by the order of the variants.
        let at = self.0.binary_search_by(|(known, _)| match known {
            HostPattern::Exact(known) if exact => known.as_str().cmp(name),
            HostPattern::OneLabel(known) if !exact => known.as_str().cmp(name),
            HostPattern::Exact(_) => std::cmp::Ordering::Less,
            HostPattern::OneLabel(_) => std::cmp::Ordering::Greater,
        });
        self.0.get(at.ok()?).map(|(_, host_use)| *host_use)
    }
}
