//! Who may vouch for a caller, as entries name them.

use crate::policy::Sso;
use crate::trust::{Kind, Trust};

/// All that may vouch: the trust entries and the providers.
#[derive(Clone, Copy)]
pub(super) struct Vouchers<'a> {
    trusts: &'a [Trust],
    sso: Option<&'a Sso>,
}

/// One of them.
#[derive(Clone, Copy)]
pub(super) struct Voucher<'a> {
    pub(super) name: &'a str,
    /// What its tokens look like; a provider's people have none of their own.
    kind: Option<Kind>,
}

impl Voucher<'_> {
    /// Whether it vouches for service accounts only.
    pub(super) fn is_cluster(&self) -> bool {
        self.kind == Some(Kind::Kubernetes)
    }
}

impl<'a> Vouchers<'a> {
    pub(super) const fn new(trusts: &'a [Trust], sso: Option<&'a Sso>) -> Self {
        Self { trusts, sso }
    }

    /// The companion's host, where there is one.
    pub(super) fn companion(self) -> Option<&'a str> {
        self.sso.map(Sso::host)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Voucher<'a>> {
        let trusts = self.trusts.iter().map(|trust| Voucher {
            name: &trust.name,
            kind: Some(trust.kind),
        });
        let providers = self.sso.map(Sso::providers).unwrap_or_default();
        trusts.chain(providers.iter().map(|name| Voucher { name, kind: None }))
    }

    /// Who has this name.
    pub(super) fn find(self, name: &str) -> Option<Voucher<'a>> {
        self.iter().find(|voucher| voucher.name == name)
    }

    /// What an entry may name, all of them or the clusters alone, for fixes.
    pub(super) fn names(self, clusters: bool) -> String {
        let fits = |voucher: &Voucher<'_>| !clusters || voucher.is_cluster();
        let names: Vec<&str> = self
            .iter()
            .filter(fits)
            .map(|voucher| voucher.name)
            .collect();
        if names.is_empty() {
            return "none is defined; add one under `trust`".to_owned();
        }
        ["available: ", &names.join(", ")].concat()
    }
}
