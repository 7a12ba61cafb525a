//! The issuer of a provider. For several tenants of Entra ID it is a template.

#[cfg(test)]
mod tests;

use openidconnect::IssuerUrl;

/// What the ID of a tenant replaces in the issuer that Entra ID's metadata for several tenants has.
pub(crate) const TENANT_PLACEHOLDER: &str = "{tenantid}";

/// The issuer as configured and, where it is a template, the accepted tenants.
#[derive(Clone, Debug)]
pub(super) struct Issuer {
    url: IssuerUrl,
    tenants: Vec<String>,
}

impl Issuer {
    /// An issuer, byte for byte. With `tenants`, it is a template.
    pub(super) const fn new(url: IssuerUrl, tenants: Vec<String>) -> Self {
        Self { url, tenants }
    }

    /// As the metadata has it.
    pub(super) const fn url(&self) -> &IssuerUrl {
        &self.url
    }

    /// Whether tokens of several issuers are accepted.
    pub(super) const fn is_template(&self) -> bool {
        !self.tenants.is_empty()
    }

    /// Whether it is the `iss` of an accepted tenant, or of the only issuer.
    pub(super) fn accepts(&self, iss: &str) -> bool {
        if !self.is_template() {
            return iss == self.url.as_str();
        }
        self.tenants.iter().any(|tenant| iss == self.of(tenant))
    }

    /// The same for a token with this `tid`, which must be that of `iss`.
    pub(super) fn accepts_from(&self, iss: &str, tid: Option<&str>) -> bool {
        if !self.is_template() {
            return self.accepts(iss);
        }
        tid.is_some_and(|tid| {
            self.tenants.iter().any(|tenant| tenant == tid) && iss == self.of(tid)
        })
    }

    /// Whether a key may verify a token with this `iss`. Entra ID publishes the keys of all issuers in one
    /// set, with their `issuer`, which may be the template too.
    pub(super) fn allows_key(&self, of_key: Option<&str>, iss: &str) -> bool {
        match of_key {
            Some(of_key) if self.is_template() => of_key == self.url.as_str() || of_key == iss,
            Some(_) | None => true,
        }
    }

    fn of(&self, tenant: &str) -> String {
        self.url.replace(TENANT_PLACEHOLDER, tenant)
    }
}
