//! What the options become: the policy and the companion's configuration.

mod apps;
mod companion;
mod headers;
mod people;
mod probe;
mod provider;
mod public_paths;
mod server;
mod session;
mod trust;

use super::outcome::{Line, Lines, Outcome};
use super::setting::{Setting, Settings};
use super::source::access_log::Seen;
use super::source::alpha::Header;
use super::source::ingress::Ingresses;
use super::tree::{Commented, Tree};
use crate::document::Report;
use companion::Companion;

/// What stands where a value is needed and not known. Nothing has this name (RFC 2606), so it admits nobody.
const UNKNOWN_HOST: &str = "change-me.invalid";

/// The name of the provider. Its redirect URI has no name.
const PROVIDER: &str = "sso";

/// The two files, and a line for each option.
#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) policy: Tree,
    pub(super) companion: Tree,
    pub(super) lines: Vec<Line>,
}

/// What is mapped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sources<'a> {
    pub(super) settings: &'a Settings,
    pub(super) ingresses: &'a Ingresses,
    /// Those of the alpha configuration.
    pub(super) headers: &'a [Header],
    /// The content of the file of addresses, if it is known without the file.
    pub(super) addresses: Option<&'a str>,
    /// The log, if there is one.
    pub(super) seen: Option<&'a Seen>,
}

/// What the mapping of each area reads and writes.
struct Mapping<'a> {
    settings: &'a Settings,
    ingresses: &'a Ingresses,
    headers: &'a [Header],
    addresses: Option<&'a str>,
    seen: Option<&'a Seen>,
    lines: Lines,
    companion: Companion,
}

/// Maps the options. An error is a fault of the mapping itself: its result would not be accepted.
pub(super) fn map(sources: Sources<'_>, others: Vec<Line>) -> Result<Mapped, Report> {
    let settings = sources.settings;
    let mut mapping = Mapping {
        settings,
        ingresses: sources.ingresses,
        headers: sources.headers,
        addresses: sources.addresses,
        seen: sources.seen,
        lines: Lines::default(),
        companion: Companion::default(),
    };
    for line in others {
        mapping.lines.add(usize::MAX, line);
    }
    let hosts = apps::hosts(&mut mapping);
    let url = server::url(&mut mapping, &hosts);
    server::map(&mut mapping);
    let provider = provider::map(&mut mapping);
    let domain = session::map(&mut mapping, &url, &hosts);
    server::proxies(&mut mapping, &hosts);
    let trusts = trust::map(&mut mapping, &provider);
    let people = people::map(&mut mapping, &provider);
    let public = public_paths::map(&mut mapping);
    let headers = headers::map(&mut mapping);
    let sso = server::sso(&url);
    let people = apps::Access {
        trusts: &trusts,
        people: &people,
        public: &public,
    };
    let apps = apps::map(&mut mapping, &hosts, &domain, people, headers);

    let mut policy = Tree::Map(Vec::new());
    if !trusts.is_empty() {
        let entries = trusts.iter().map(|trust| trust.tree.clone());
        policy.put("trust", Tree::List(entries.collect()));
    }
    policy.put("sso", sso);
    policy.put("apps", Tree::List(apps));
    mapping.companion.repair(&mut mapping.lines, settings)?;
    probe::policy(&policy).map_err(|error| fault("portcullis.yaml", &error.to_string()))?;
    Ok(Mapped {
        policy,
        companion: mapping.companion.into_tree(),
        lines: mapping.lines.finish(settings),
    })
}

/// The mapping is wrong.
fn fault(file: &str, problem: &str) -> Report {
    let problem = format!("would be invalid: {problem}");
    let help = "this is a bug in `portcullis import`: remove the option that has this value, and report it";
    Report::of(file, &problem, help)
}

// === impl Mapping ===

impl<'a> Mapping<'a> {
    fn set(&self, flag: &str) -> Option<&'a Setting> {
        self.settings.set(flag)
    }

    fn text(&self, flag: &str) -> Option<&'a str> {
        self.settings.text(flag)
    }

    fn list(&self, flag: &str) -> Vec<&'a str> {
        self.settings.list(flag)
    }

    fn is_on(&self, flag: &str) -> bool {
        self.settings.is_on(flag)
    }

    /// Says what became of an option, if it was set.
    fn say(&mut self, flag: &str, outcome: Outcome, to: &str, why: &str) {
        if let Some(setting) = self.settings.find(flag) {
            self.lines.say(setting, outcome, to, why);
        }
    }

    /// Says that somebody has to do something about an option, if it was set.
    fn needs_you(&mut self, flag: &str, to: &str, why: &str) {
        self.say(flag, Outcome::NeedsYou, to, why);
    }

    /// As it was written, for comments; the flag if it was not set.
    fn name(&self, flag: &str) -> String {
        match self.settings.find(flag) {
            Some(setting) => setting.name.clone(),
            None => ["--", flag].concat(),
        }
    }
}

/// A list element with a comment.
fn commented(tree: Tree, comment: Vec<String>) -> Commented {
    Commented { comment, tree }
}
