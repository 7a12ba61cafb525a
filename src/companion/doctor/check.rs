//! The result of a check, and what collects the results of one subject.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_core::escape;

use crate::document::{self, Report};

/// What is checked. Each has a row in the reference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CheckId {
    /// Whether the filter can read an issuer's keys without credentials.
    AnonymousAccess,
    /// Whether the audience of an issuer's tokens is not the API server's own.
    Audience,
    /// Whether a provider accepts the client's secret or assertion.
    ClientAuthentication,
    /// The clock here, compared with a server's.
    Clock,
    /// Whether a server accepts connections.
    Connection,
    /// Whether the session cookie reaches every app with sign-in.
    CookieDomain,
    /// A discovery document: an issuer's, or a provider's metadata.
    Discovery,
    /// The addresses of a host.
    Dns,
    /// Envoy's admin interface.
    EnvoyAdmin,
    /// A cluster that the policy names, in Envoy.
    EnvoyCluster,
    /// Whether a listener of Envoy has the filter.
    EnvoyFilter,
    /// The keys that the filter has.
    EnvoyKeys,
    /// How Envoy normalizes paths.
    EnvoyPaths,
    /// The policy that the filter has.
    EnvoyPolicy,
    /// A key set.
    KeySet,
    /// Whether the policy is valid, and compatible with the configuration.
    Policy,
    /// Whether a provider accepts the redirect URI.
    RedirectUri,
    /// The session keys file.
    SessionKeys,
    /// Keys that are in the key sets of two trust entries.
    SharedKeys,
    /// Whether the session store can be read and written.
    Store,
    /// Whether the session store deletes records before they expire.
    StoreEviction,
    /// Whether the session store survives a restart.
    StorePersistence,
    /// Whether all checks of a subject were completed in time.
    TimeLimit,
    /// A server's certificate.
    Tls,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// Works now, and should be changed.
    Warning,
    /// Does not work.
    Error,
    /// Can't be checked, or not before something else is fixed.
    Skipped,
}

/// The result of a check. It contains no secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Check {
    pub(crate) id: CheckId,
    /// What was checked: `trust blue`, `provider sso`, `store`.
    pub(crate) subject: String,
    pub(crate) status: Status,
    /// What was found, on one line.
    pub(crate) detail: String,
    /// How to fix it. It may have several lines, such as a manifest.
    pub(crate) help: Option<String>,
}

/// Collects the results of one subject. Clones share them, so that those are known that were there when the time
/// was up.
#[derive(Clone, Debug)]
pub(crate) struct Checks {
    subject: String,
    results: Arc<Mutex<Vec<Check>>>,
}

// === impl CheckId ===

impl CheckId {
    /// Its name in output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AnonymousAccess => "anonymous-access",
            Self::Audience => "audience",
            Self::ClientAuthentication => "client-authentication",
            Self::Clock => "clock",
            Self::Connection => "connection",
            Self::CookieDomain => "cookie-domain",
            Self::Discovery => "discovery",
            Self::Dns => "dns",
            Self::EnvoyAdmin => "envoy-admin",
            Self::EnvoyCluster => "envoy-cluster",
            Self::EnvoyFilter => "envoy-filter",
            Self::EnvoyKeys => "envoy-keys",
            Self::EnvoyPaths => "envoy-paths",
            Self::EnvoyPolicy => "envoy-policy",
            Self::KeySet => "key-set",
            Self::Policy => "policy",
            Self::RedirectUri => "redirect-uri",
            Self::SessionKeys => "session-keys",
            Self::SharedKeys => "shared-keys",
            Self::Store => "store",
            Self::StoreEviction => "store-eviction",
            Self::StorePersistence => "store-persistence",
            Self::TimeLimit => "time-limit",
            Self::Tls => "tls",
        }
    }
}

// === impl Status ===

impl Status {
    /// Its name in output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

// === impl Checks ===

impl Checks {
    /// No results yet of a subject.
    pub(crate) fn new(subject: &str) -> Self {
        Self {
            subject: printable(subject),
            results: Arc::default(),
        }
    }

    /// It is as it should be.
    pub(crate) fn ok(&self, id: CheckId, detail: &str) {
        self.push(id, Status::Ok, detail, None);
    }

    /// It works now, and should be changed.
    pub(crate) fn warning(&self, id: CheckId, detail: &str, help: &str) {
        self.push(id, Status::Warning, detail, Some(help));
    }

    /// It does not work.
    pub(crate) fn error(&self, id: CheckId, detail: &str, help: &str) {
        self.push(id, Status::Error, detail, Some(help));
    }

    /// It does not work, as a report about a file says.
    pub(crate) fn report(&self, id: CheckId, report: &Report) {
        let detail = format!("{} {}", report.location(), report.problem());
        self.error(id, &detail, &report.help());
    }

    /// It was not checked.
    pub(crate) fn skipped(&self, ids: &[CheckId], why: &str) {
        for id in ids {
            self.push(*id, Status::Skipped, why, None);
        }
    }

    /// The results so far, in their order.
    pub(crate) fn take(&self) -> Vec<Check> {
        std::mem::take(&mut self.lock())
    }

    fn push(&self, id: CheckId, status: Status, detail: &str, help: Option<&str>) {
        let lines = |help: &str| help.lines().map(printable).collect::<Vec<_>>().join("\n");
        self.lock().push(Check {
            id,
            subject: self.subject.clone(),
            status,
            detail: printable(detail),
            help: help.map(lines),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Check>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text on one line, without credentials. A part of it may come from a server.
fn printable(text: &str) -> String {
    /// The longest line, in characters.
    const MAX_CHARS: usize = 1000;
    let text = document::credentials_removed(text);
    let text = escape::line(&text);
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}
