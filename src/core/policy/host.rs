//! The hosts of apps, and the lookup of an app by host.

use std::fmt;

use crate::request::is_dns_name;

#[cfg(test)]
mod tests;

/// A host of an app: a DNS name in lower case, or `*.` and a DNS name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum HostPattern {
    /// This host alone.
    Exact(String),
    /// Any host with exactly one label before this name.
    OneLabel(String),
}

/// The table for finding an app by host.
#[derive(Clone, Debug, Default)]
pub(super) struct Table(Vec<(HostPattern, usize)>);

// === impl HostPattern ===

impl HostPattern {
    /// Parses a host in any case, or `*.` and a host.
    pub(super) fn parse(text: &str) -> Option<Self> {
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
    /// Adds a host of the app with this index. The error is the index of the app that already has
    /// it.
    pub(super) fn add(&mut self, pattern: HostPattern, app: usize) -> Result<(), usize> {
        match self.0.binary_search_by(|(known, _)| known.cmp(&pattern)) {
            Ok(at) => Err(self.0.get(at).map_or(app, |(_, app)| *app)),
            Err(at) => {
                self.0.insert(at, (pattern, app));
                Ok(())
            }
        }
    }

    /// The index of the app with this host. An exact host takes precedence over a wildcard.
    pub(super) fn find(&self, host: &str) -> Option<usize> {
        self.get(true, host).or_else(|| {
            let (label, name) = host.split_once('.')?;
            self.get(false, name).filter(|_| is_dns_name(label))
        })
    }

    fn get(&self, exact: bool, name: &str) -> Option<usize> {
        // Exact hosts sort before wildcards, by the order of the variants.
        let at = self.0.binary_search_by(|(known, _)| match known {
            HostPattern::Exact(known) if exact => known.as_str().cmp(name),
            HostPattern::OneLabel(known) if !exact => known.as_str().cmp(name),
            HostPattern::Exact(_) => std::cmp::Ordering::Less,
            HostPattern::OneLabel(_) => std::cmp::Ordering::Greater,
        });
        self.0.get(at.ok()?).map(|(_, app)| *app)
    }
}
