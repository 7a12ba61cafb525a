//! Where options are set: the command line, the environment, the configuration file, the alpha configuration, the
//! values of the Helm chart, and the annotations of ingress-nginx.

pub(super) mod access_log;
pub(super) mod alpha;
pub(super) mod environment;
pub(super) mod flags;
pub(super) mod helm;
pub(super) mod ingress;
pub(super) mod toml;

use std::path::{Path, PathBuf};

use crate::document::Report;

/// What to read. `-` is standard input.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The configuration file.
    pub(crate) config: Option<PathBuf>,
    /// The alpha configuration.
    pub(crate) alpha_config: Option<PathBuf>,
    /// Environment variables, as `NAME=VALUE` lines.
    pub(crate) env: Option<PathBuf>,
    /// Values of the Helm chart.
    pub(crate) helm: Option<PathBuf>,
    /// Ingress objects.
    pub(crate) ingress: Vec<PathBuf>,
    /// Logs of oauth2-proxy or NGINX.
    pub(crate) access_log: Option<PathBuf>,
    /// The command line of oauth2-proxy.
    pub(crate) flags: Vec<String>,
}

/// A file of options.
#[derive(Debug)]
pub(super) struct Input {
    /// Its name in messages.
    pub(super) name: String,
    pub(super) text: String,
}

// === impl Sources ===

impl Sources {
    /// All files.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let one = [&self.config, &self.alpha_config, &self.env, &self.helm];
        let one = one.into_iter().flatten().chain(&self.access_log);
        one.chain(&self.ingress)
    }

    /// Whether there is nothing to import.
    pub(crate) fn is_empty(&self) -> bool {
        let files = [&self.config, &self.alpha_config, &self.env, &self.helm];
        files.iter().all(|file| file.is_none()) && self.ingress.is_empty() && self.flags.is_empty()
    }
}

// === impl Input ===

impl Input {
    /// Reads a file, or standard input.
    pub(super) fn read(path: &Path) -> Result<Self, Report> {
        let (name, text) = crate::document::read_text(path)?;
        Ok(Self { name, text })
    }
}

/// The reports without lines of the files, which may have secrets.
pub(super) fn without_sources(reports: Vec<Report>) -> Vec<Report> {
    reports.into_iter().map(Report::without_source).collect()
}
