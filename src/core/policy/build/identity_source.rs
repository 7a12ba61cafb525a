//! The names that `from` may have: trust entries and providers.

use crate::policy::Sso;
use crate::trust::{Kind, Trust};

/// The trust entries and the providers of a policy.
#[derive(Clone, Copy)]
pub(super) struct IdentitySources<'a> {
    trusts: &'a [Trust],
    sso: Option<&'a Sso>,
}

/// A trust entry or a provider.
#[derive(Clone, Copy)]
pub(super) struct IdentitySource<'a> {
    pub(super) name: &'a str,
    /// The kind of the trust entry; `None` for a provider.
    kind: Option<Kind>,
}

impl IdentitySource<'_> {
    /// Whether all its callers are service accounts.
    pub(super) fn is_cluster(&self) -> bool {
        self.kind == Some(Kind::Kubernetes)
    }
}

impl<'a> IdentitySources<'a> {
    pub(super) const fn new(trusts: &'a [Trust], sso: Option<&'a Sso>) -> Self {
        Self { trusts, sso }
    }

    /// The companion's host; `None` without `sso`.
    pub(super) fn companion(self) -> Option<&'a str> {
        self.sso.map(Sso::host)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = IdentitySource<'a>> {
        let trusts = self.trusts.iter().map(|trust| IdentitySource {
            name: &trust.name,
            kind: Some(trust.kind),
        });
        let providers = self.sso.map(Sso::providers).unwrap_or_default();
        trusts.chain(
            providers
                .iter()
                .map(|name| IdentitySource { name, kind: None }),
        )
    }

    /// The one with this name.
    pub(super) fn find(self, name: &str) -> Option<IdentitySource<'a>> {
        self.iter().find(|source| source.name == name)
    }

    /// The valid names for a help text: all, or only trust entries of the kind `kubernetes`.
    pub(super) fn names(self, clusters: bool) -> String {
        let matches = |source: &IdentitySource<'_>| !clusters || source.is_cluster();
        let names: Vec<&str> = self
            .iter()
            .filter(matches)
            .map(|source| source.name)
            .collect();
        if names.is_empty() {
            return "none is defined; add one under `trust`".to_owned();
        }
        ["available: ", &names.join(", ")].concat()
    }
}
