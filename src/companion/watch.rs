//! Files that are read again when they change: the policy, keys, secrets and certificates.
//!
//! Contents are compared, not times or events: so it does not matter how a file is replaced, be it
//! written in place, renamed over, or mounted by Kubernetes, which swaps a symbolic link somewhere
//! above it. What is new is judged once it has read alike twice, so that nothing half-written is,
//! and certificate and key are judged as a pair. What can't be used leaves in force what worked.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use tracing::{error, info};

use crate::document::Report;

use crate::metrics::Metrics;

#[cfg(test)]
mod tests;

/// How often files are looked at. A change counts at the second look.
const EVERY: Duration = Duration::from_secs(1);

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What the files hold, as it was when they were last good.
#[derive(Debug)]
pub(crate) struct Watched<T>(Arc<ArcSwap<T>>);

/// Looks at files.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    watches: Vec<Box<dyn Look>>,
}

trait Look: std::fmt::Debug + Send {
    fn look(&mut self, metrics: &Metrics);
}

/// Files that are judged together.
struct Watch<T> {
    /// What people call them: `policy`.
    what: &'static str,
    paths: Vec<PathBuf>,
    judge: Box<Judge<T>>,
    current: Arc<ArcSwap<T>>,
    /// What was judged last, and what was seen last.
    judged: Contents,
    seen: Contents,
}

/// Judges what files hold, in the order of their paths.
type Judge<T> = dyn Fn(Vec<Vec<u8>>) -> Result<T, Report> + Send;

/// The digest of what files hold, or why they can't be read. Secrets are not kept for comparing.
type Contents = Result<[u8; 32], String>;

impl Watcher {
    /// Reads files, judges what they hold, and does so again whenever it changes. `judge` is given
    /// the contents in the order of the paths; what it reports must hold nothing secret.
    pub(crate) fn watch<T: Send + Sync + 'static>(
        &mut self,
        what: &'static str,
        paths: Vec<PathBuf>,
        judge: impl Fn(Vec<Vec<u8>>) -> Result<T, Report> + Send + 'static,
    ) -> Result<Watched<T>, Report> {
        let contents = read(&paths)?;
        let digest = digest(&contents);
        let current = Arc::new(ArcSwap::from_pointee(judge(contents)?));
        self.watches.push(Box::new(Watch {
            what,
            paths,
            judge: Box::new(judge),
            current: Arc::clone(&current),
            judged: Ok(digest),
            seen: Ok(digest),
        }));
        Ok(Watched(current))
    }

    /// Looks at all files once.
    pub(crate) fn look(&mut self, metrics: &Metrics) {
        for watch in &mut self.watches {
            watch.look(metrics);
        }
    }

    /// Looks at all files from now on.
    pub(crate) async fn run(mut self, metrics: Arc<Metrics>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let metrics = Arc::clone(&metrics);
            let looked = tokio::task::spawn_blocking(move || {
                self.look(&metrics);
                self
            });
            match looked.await {
                Ok(watcher) => self = watcher,
                Err(error) => {
                    error!(%error, "files are no longer watched");
                    return;
                }
            }
        }
    }
}

// === impl Watched ===

impl<T> Watched<T> {
    /// The cell itself, for parts that know nothing of files.
    pub(crate) fn shared(&self) -> Arc<ArcSwap<T>> {
        Arc::clone(&self.0)
    }

    /// What is in force now. A request should ask once, so that it is judged by one state.
    pub(crate) fn load(&self) -> Arc<T> {
        self.0.load_full()
    }
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

// === impl Watch ===

impl<T: Send + Sync> Look for Watch<T> {
    fn look(&mut self, metrics: &Metrics) {
        let read = read(&self.paths);
        let contents = match &read {
            Ok(contents) => Ok(digest(contents)),
            Err(report) => Err(report.to_string()),
        };
        if contents == self.judged {
            self.seen = contents;
            return;
        }
        if contents != self.seen {
            self.seen = contents;
            return;
        }
        self.judged = contents;
        match read.and_then(&self.judge) {
            Ok(value) => {
                self.current.store(Arc::new(value));
                metrics.reloaded(self.what, true);
                info!(what = self.what, "read again");
            }
            Err(report) => {
                metrics.reloaded(self.what, false);
                let report = report.to_string();
                error!(
                    what = self.what,
                    report, "a bad edit: what worked stays in force"
                );
            }
        }
    }
}

impl<T> std::fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("what", &self.what)
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

fn read(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Report> {
    let one = |path: &PathBuf| {
        bounded(path).map_err(|error| {
            let help = match error.kind() {
                io::ErrorKind::NotFound => "check the name",
                io::ErrorKind::PermissionDenied => "let this user read it",
                _ => "check that it is a file and can be read",
            };
            let problem = format!("cannot be read: {error}");
            Report::of(&path.display().to_string(), &problem, help)
        })
    };
    paths.iter().map(one).collect()
}

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("longer than a mebibyte"));
    }
    Ok(bytes)
}

fn digest(contents: &[Vec<u8>]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for content in contents {
        digest.update((content.len() as u64).to_le_bytes());
        digest.update(content);
    }
    digest.finalize().into()
}
