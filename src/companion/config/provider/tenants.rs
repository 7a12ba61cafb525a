//! The tenants of Entra ID's metadata for several tenants, whose `issuer` is a template.

use crate::config::source::{Located, Source};
use crate::document::Report;
use crate::provider::{ProviderSettings, TENANT_PLACEHOLDER};

/// The metadata that fits such a template.
const HELP_DISCOVERY: &str = "set it to the URL of the metadata, like \
    `https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration`";

pub(super) fn read(source: &Source, path: &str) -> Result<Vec<String>, Report> {
    let list = source.list(path)?.unwrap_or_default();
    list.into_iter().map(tenant).collect()
}

/// Checks the settings that depend on each other. `at` is the path of a field.
pub(super) fn check(
    source: &Source,
    at: &dyn Fn(&str) -> String,
    settings: &ProviderSettings,
) -> Result<(), Report> {
    let is_template = settings.issuer.contains(TENANT_PLACEHOLDER);
    if is_template && settings.tenants.is_empty() {
        return Err(source.error(
            &at("issuer"),
            "is a template, and no tenant is accepted",
            "list the IDs of the accepted tenants in `tenants`, or write the issuer of one tenant",
        ));
    }
    if settings.tenants.is_empty() {
        return Ok(());
    }
    if !is_template {
        return Err(source.error(
            &at("tenants"),
            "`issuer` is not a template with `{tenantid}`",
            "write the `issuer` of the metadata, like `https://login.microsoftonline.com/{tenantid}/v2.0`, \
             or remove `tenants`",
        ));
    }
    if settings.discovery.is_none() {
        return Err(source.missing_field(&at("discovery"), HELP_DISCOVERY));
    }
    if settings.trust_unverified_email && settings.tenants.len() > 1 {
        return Err(source.error(
            &at("trust_unverified_email"),
            "is unsafe with several tenants: each of them can give its users any address",
            "remove it, or list only one tenant",
        ));
    }
    Ok(())
}

/// A tenant's ID, in lower case, as in the claim `tid`.
fn tenant(found: Located<'_>) -> Result<String, Report> {
    let groups: Vec<usize> = found.value.split('-').map(str::len).collect();
    let is_hex = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    if groups == [8, 4, 4, 4, 12] && found.value.bytes().all(is_hex) {
        return Ok(found.value.to_ascii_lowercase());
    }
    Err(found.error(
        "is not the ID of a tenant",
        "write a GUID, like `72f988bf-86f1-41af-91ab-2d7cd011db47`",
    ))
}
