//! Validation: from wire types to a policy that is valid by construction.

mod app;
mod check;
mod entry;
mod header;
mod host;
mod identity_source;
mod keys;
mod refused_callers;
mod rule;
mod sso;
mod trust;

use super::document::{self, Document};
use super::error::{Location, PolicyError};
use super::host::Table;
use super::strip_headers::StripHeaders;
use super::{Audit, Policy, PolicyDigest, suggestion};

use identity_source::IdentitySources;

/// The default of `max_token`, in bytes.
const MAX_TOKEN: usize = 16_384;

/// Validates a whole document.
pub(super) fn policy(wire: Document, digest: PolicyDigest) -> Result<Policy, PolicyError> {
    let root = Location::root();
    let max_token = max_token(wire.max_token, &root.member("max_token"))?;
    let audit = audit(wire.audit.unwrap_or_default(), &root.member("audit"))?;
    let trusts = trust::trusts(wire.trust.unwrap_or_default(), &root.member("trust"))?;
    let sso = match wire.sso {
        None => None,
        Some(wire) => Some(sso::sso(wire, &trusts, &root.member("sso"))?),
    };
    let sources = IdentitySources::new(&trusts, sso.as_ref());
    let mut hosts = Table::default();
    let apps = check::required(wire.apps, &root, "apps", "list at least one app")?;
    let apps = app::apps(apps, sources, &mut hosts, &root.member("apps"))?;
    let has_ungated_hosts = wire.ungated.is_some();
    if let Some(wire) = wire.ungated {
        host::ungated(wire, sources, &apps, &mut hosts, &root.member("ungated"))?;
    }
    let refused_callers = refused_callers::refused_callers(
        wire.refuse_callers.unwrap_or_default(),
        sources,
        &root.member("refuse_callers"),
    )?;
    let location = root.member("revision");
    let revision = check::visible(wire.revision, 128, "the commit `4f2c91a`", &location)?;
    Ok(Policy {
        strip_headers: StripHeaders::of(&apps),
        trusts,
        sso,
        apps,
        hosts,
        has_ungated_hosts,
        refused_callers,
        audit,
        max_token,
        revision,
        digest,
    })
}

/// Most tokens are longer than 1 KiB, and proxies refuse headers of more than 64 KiB.
fn max_token(wire: Option<f64>, location: &Location) -> Result<usize, PolicyError> {
    let Some(bytes) = wire else {
        return Ok(MAX_TOKEN);
    };
    // The cast saturates; the comparison refuses fractions and values out of range.
    let whole = bytes as u32;
    if f64::from(whole) == bytes && (1024..=65_536).contains(&whole) {
        return Ok(whole as usize);
    }
    Err(location.error(
        "the value is not a whole number from 1024 to 65536",
        "write the maximum length of a token in bytes; the default is 16384",
    ))
}

fn audit(wire: document::Audit, location: &Location) -> Result<Audit, PolicyError> {
    let default = Audit::default();
    let level = |name: Option<String>, location: Location, default| {
        let Some(name) = name else {
            return Ok(default);
        };
        Audit::level_named(&name).ok_or_else(|| {
            let help = "write debug, info, warn, error or off";
            location.error_about(&name, "is not a log level", help)
        })
    };
    let (mut email, mut preferred_username) = (false, false);
    let at = location.member("people");
    for (index, name) in wire.people.unwrap_or_default().iter().enumerate() {
        match name.as_str() {
            "email" => email = true,
            "preferred_username" => preferred_username = true,
            _ => {
                let help = suggestion(name, &["email", "preferred_username"]);
                let location = at.element(index);
                return Err(location.error_about(name, "is not known here", &help));
            }
        }
    }
    Ok(Audit {
        email,
        preferred_username,
        allowed: level(wire.allowed, location.member("allowed"), default.allowed)?,
        refused: level(wire.refused, location.member("refused"), default.refused)?,
        access_log: wire.access_log == Some(true),
    })
}
