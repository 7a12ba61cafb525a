//! What the fuzz target calls: an import of one file, with everything that the command does with it.

use std::path::Path;

use super::oauth2_proxy::{self, Sources};

/// What a file has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The alpha configuration.
    Alpha,
    /// The configuration file.
    Config,
    /// Environment variables.
    Environment,
    /// Values of the Helm chart.
    Helm,
    /// Ingress objects.
    Ingress,
}

/// Imports a file. Returns the policy and the companion's configuration, or the errors as the command prints them.
///
/// # Errors
/// Those of the command.
pub fn import(kind: Kind, file: &Path) -> Result<(String, String), Vec<String>> {
    let mut sources = Sources::default();
    match kind {
        Kind::Alpha => sources.alpha_config = Some(file.to_owned()),
        Kind::Config => sources.config = Some(file.to_owned()),
        Kind::Environment => sources.env = Some(file.to_owned()),
        Kind::Helm => sources.helm = Some(file.to_owned()),
        Kind::Ingress => sources.ingress = vec![file.to_owned()],
    }
    match oauth2_proxy::import(&sources) {
        Ok(imported) => {
            let _ = (
                oauth2_proxy::text(&imported.lines),
                oauth2_proxy::json(&imported.lines),
            );
            Ok((imported.files.policy, imported.files.companion))
        }
        Err(reports) => Err(reports.iter().map(ToString::to_string).collect()),
    }
}
