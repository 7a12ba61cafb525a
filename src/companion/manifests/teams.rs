//! The teams of a policy: which files may claim which hosts, name which trust entries and providers, and open rules to
//! everyone.
//!
//! `teams` is in the file with all but the apps, which its owner guards, and is checked here whenever the files are
//! read. Core and the filter never see it: they have one document, whose apps are all checked.

mod definitions;
mod violations;

#[cfg(test)]
mod tests;

use glob::{MatchOptions, Pattern};
use portcullis_core::policy::{HostPattern, Shape};

/// The name of the field in a policy.
pub(super) const FIELD: &str = "teams";

/// What a policy can have under [`FIELD`].
pub(crate) const SHAPE: Shape = Shape::List(&Shape::Object(&FIELDS));

/// The fields of a team.
const FIELDS: [(&str, Shape); 6] = [
    ("name", Shape::String),
    ("files", Shape::List(&Shape::String)),
    ("hosts", Shape::List(&Shape::String)),
    ("from", Shape::List(&Shape::String)),
    ("public", Shape::Boolean),
    ("forward_authorization", Shape::Boolean),
];

/// The folder of the files with apps, which each pattern begins with.
const APPS: &str = "apps/";

/// A wildcard is within one name of a path, except for `**`.
const MATCH_OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// All teams, of which at least one.
#[derive(Debug)]
pub(super) struct Teams(Vec<Team>);

/// The owner of some files, and what the apps in them may do.
#[derive(Debug)]
struct Team {
    name: String,
    files: Vec<Pattern>,
    hosts: Vec<HostPattern>,
    /// Names of trust entries and providers.
    from: Vec<String>,
    /// Whether rules may admit everyone.
    public: bool,
    /// Whether apps may receive the `Authorization` header, whose tokens other apps may accept too.
    forward_authorization: bool,
}

// === impl Team ===

impl Team {
    /// Whether a file, by its path in the folder, is one of the team's.
    fn has_file(&self, path: &str) -> bool {
        let mut patterns = self.files.iter();
        patterns.any(|pattern| pattern.matches_with(path, MATCH_OPTIONS))
    }

    /// Whether its list has this very host.
    fn lists(&self, host: &HostPattern) -> bool {
        self.hosts.contains(host)
    }

    /// Whether its list has this host, or a wildcard that matches it.
    fn covers(&self, host: &HostPattern) -> bool {
        self.lists(host) || wildcard_of(host).is_some_and(|wildcard| self.lists(&wildcard))
    }
}

/// The wildcard that matches an exact host.
fn wildcard_of(host: &HostPattern) -> Option<HostPattern> {
    match host {
        HostPattern::Exact(name) => {
            let (_, domain) = name.split_once('.')?;
            Some(HostPattern::OneLabel(domain.to_owned()))
        }
        HostPattern::OneLabel(_) => None,
    }
}
