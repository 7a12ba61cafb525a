//! The callers that are refused, whatever the rules say.

use crate::caller::Caller;
use crate::policy::error::{Location, PolicyError};
use crate::policy::refused_callers::RefusedCallers;

use super::identity_source::IdentitySources;
use super::{check, entry};

/// Validates the names: each must be one that a caller can have.
pub(super) fn refused_callers(
    wire: Vec<String>,
    sources: IdentitySources<'_>,
    location: &Location,
) -> Result<RefusedCallers, PolicyError> {
    let mut callers = RefusedCallers::default();
    for (index, name) in wire.into_iter().enumerate() {
        let location = location.element(index);
        let (from, subject) = name.split_once('/').unwrap_or((&name, ""));
        let Some(source) = sources.find(from) else {
            return Err(entry::unknown(from, sources, false, &location));
        };
        let is_name = if source.is_cluster() {
            let (namespace, account) = subject.split_once('/').unwrap_or_default();
            check::is_kubernetes_name(namespace) && check::is_kubernetes_name(account)
        } else {
            Caller::is_subject_in_name(subject)
        };
        let (problem, help) = if !is_name {
            (
                "is not the name of a caller",
                "write it as audit records have it: TRUST/NAMESPACE/NAME without wildcards, or the trust entry or provider, \
                 `/` and the subject, whose `/`, `%`, spaces and bytes outside visible ASCII alone are percent-encoded",
            )
        } else if callers.contains(&name) {
            ("is already listed", "list each caller once")
        } else {
            callers.add(name);
            continue;
        };
        return Err(location.error_about(&name, problem, help));
    }
    Ok(callers)
}
