//! The paths of Ingress objects.

use super::RULES;
use crate::migration::oauth2_proxy::mapping::{Mapping, probe};
use crate::migration::oauth2_proxy::outcome::{Line, Outcome};
use crate::migration::oauth2_proxy::source::ingress::Location;

/// Paths of a host that another Ingress routes without oauth2-proxy.
pub(super) fn say_about_open_paths(mapping: &mut Mapping<'_>, locations: &[&Location], host: &str) {
    for location in locations
        .iter()
        .filter(|location| location.restrictions.is_none())
    {
        let paths = location.paths.iter();
        let others: Vec<&str> = paths
            .filter(|path| !path.path.starts_with("/oauth2"))
            .map(|path| &*path.path)
            .collect();
        if !others.is_empty() && locations.iter().any(|one| one.restrictions.is_some()) {
            let why = format!(
                "{} of {host} had no oauth2-proxy: if they must stay open, add a public rule",
                others.join(", ")
            );
            mapping.lines.add(
                usize::MAX,
                line(&location.ingress, "paths", &others.join(", "), &why),
            );
        }
    }
}

/// Somebody has to do something about an Ingress.
pub(super) fn line(ingress: &str, what: &str, value: &str, why: &str) -> Line {
    Line {
        name: format!("Ingress {ingress}: {what}"),
        value: Some(value.to_owned()),
        outcome: Outcome::NeedsYou,
        to: Some(RULES.to_owned()),
        why: why.to_owned(),
    }
}

/// The patterns of an Ingress's paths; `None` if a path of another one with other requirements is below them.
pub(super) fn patterns(location: &Location, others: &[&Location]) -> Option<Vec<String>> {
    let mut patterns = Vec::new();
    for path in &location.paths {
        let bare = path.path.trim_end_matches('/');
        let is_below = |other: &str| {
            let other = other.trim_end_matches('/');
            other.starts_with(&format!("{bare}/")) || other == bare || bare.is_empty()
        };
        let nested = others.iter().any(|other| {
            other
                .paths
                .iter()
                .any(|other| other.is_regex || is_below(&other.path))
        });
        if path.is_regex || (nested && !path.is_exact) {
            return None;
        }
        let pattern = if path.is_exact {
            path.path.clone()
        } else {
            format!("{bare}/**")
        };
        if probe::path(&pattern, &["GET"]).is_some() {
            return None;
        }
        patterns.push(pattern);
    }
    (!patterns.is_empty()).then_some(patterns)
}
