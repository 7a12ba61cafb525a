//! Reloads files when they change: the policy, keys, secrets and certificates.
//!
//! Files are polled and their contents compared. Events (inotify) are not used: they do not follow a
//! symbolic link that is swapped in a parent folder, which is how Kubernetes updates a mounted
//! ConfigMap or Secret, and they are missing on network file systems. New content is loaded after
//! two equal reads, so that no half-written file is loaded and a certificate and its key are loaded
//! as a pair. If the new content can't be loaded, the previous version stays in use, and loading is
//! tried again at each read: what was wrong may be the permissions of a file, and not its content.
//!
//! Consumers in this process do not poll: [`Watched::changed`] wakes them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tracing::{error, info};

use crate::document::Report;
use crate::files;
use crate::metrics::ReloadMetrics;

#[cfg(test)]
mod tests;

/// How often files are read. A change is loaded at the second read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The last version of some files that could be loaded, and a notification of each new one.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    current: Arc<ArcSwap<T>>,
    changes: watch::Receiver<()>,
}

/// Polls files.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    watches: Vec<Box<dyn Poll>>,
}

trait Poll: std::fmt::Debug + Send {
    fn poll(&mut self, metrics: &ReloadMetrics);
}

/// What is read at each poll, and loaded if it has changed.
pub(crate) trait Contents {
    /// A digest for comparison: secrets are not kept.
    fn digest(&self) -> [u8; 32];
}

/// Files that are loaded together.
struct Watch<C, T> {
    /// Their name in logs and metrics: `policy`.
    name: &'static str,
    read: Box<Read<C>>,
    load: Box<Load<C, T>>,
    current: Arc<ArcSwap<T>>,
    changes: watch::Sender<()>,
    /// What was loaded last.
    loaded: State,
    /// What could not be loaded since then, and why.
    failed: Option<(State, String)>,
    /// What was read last.
    last_read: State,
}

/// Reads the contents.
type Read<C> = dyn Fn() -> Result<C, Report> + Send;

/// Loads the contents.
type Load<C, T> = dyn Fn(C) -> Result<T, Report> + Send;

/// The digest of the contents, or the error of reading them.
type State = Result<[u8; 32], String>;

impl Watcher {
    /// Reads and loads files, and loads them again whenever they change. `load` gets the contents in
    /// the order of the paths; its errors are logged, so they must hold no secret.
    pub(crate) fn watch<T: Send + Sync + 'static>(
        &mut self,
        name: &'static str,
        paths: Vec<PathBuf>,
        load: impl Fn(Vec<Vec<u8>>) -> Result<T, Report> + Send + 'static,
    ) -> Result<Watched<T>, Report> {
        self.watch_contents(name, move || read(name, &paths), load)
    }

    /// The same for contents that `read` finds, such as all files in a folder.
    pub(crate) fn watch_contents<C: Contents + 'static, T: Send + Sync + 'static>(
        &mut self,
        name: &'static str,
        read: impl Fn() -> Result<C, Report> + Send + 'static,
        load: impl Fn(C) -> Result<T, Report> + Send + 'static,
    ) -> Result<Watched<T>, Report> {
        let contents = read()?;
        let digest = contents.digest();
        let current = Arc::new(ArcSwap::from_pointee(load(contents)?));
        let (sender, changes) = watch::channel(());
        self.watches.push(Box::new(Watch {
            name,
            read: Box::new(read),
            load: Box::new(load),
            current: Arc::clone(&current),
            changes: sender,
            loaded: Ok(digest),
            failed: None,
            last_read: Ok(digest),
        }));
        Ok(Watched { current, changes })
    }

    /// Reads all files once.
    pub(crate) fn poll(&mut self, metrics: &ReloadMetrics) {
        for watch in &mut self.watches {
            watch.poll(metrics);
        }
    }

    /// Reads all files at each interval, for as long as this future is polled.
    pub(crate) async fn run(mut self, metrics: ReloadMetrics) {
        let mut ticks = tokio::time::interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let metrics = metrics.clone();
            let polled = tokio::task::spawn_blocking(move || {
                self.poll(&metrics);
                self
            });
            match polled.await {
                Ok(watcher) => self = watcher,
                Err(error) => {
                    error!(%error, "file watching stopped");
                    return;
                }
            }
        }
    }
}

// === impl Watched ===

impl<T> Watched<T> {
    /// The cell itself, for modules that do not depend on files.
    pub(crate) fn shared(&self) -> Arc<ArcSwap<T>> {
        Arc::clone(&self.current)
    }

    /// The current version. A request should load it once, so that one version applies to all of it.
    pub(crate) fn load(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// Waits for a version newer than the last one this handle waited for. Never returns once no
    /// watcher is left.
    pub(crate) async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self {
            current: Arc::clone(&self.current),
            changes: self.changes.clone(),
        }
    }
}

// === impl Watch ===

impl<C: Contents, T: Send + Sync> Poll for Watch<C, T> {
    fn poll(&mut self, metrics: &ReloadMetrics) {
        let read = (self.read)();
        let state = match &read {
            Ok(contents) => Ok(contents.digest()),
            Err(report) => Err(report.to_string()),
        };
        if state == self.loaded && self.failed.is_none() {
            self.last_read = state;
            return;
        }
        if state != self.last_read {
            self.last_read = state;
            return;
        }
        match read.and_then(&self.load) {
            Ok(value) => {
                self.loaded = state;
                self.failed = None;
                self.current.store(Arc::new(value));
                self.changes.send_replace(());
                metrics.reloaded(self.name, true);
                info!(file = self.name, "reloaded");
            }
            Err(report) => {
                // Each failure is logged and counted once, and not at each read.
                let failed = Some((state, report.to_string()));
                if failed == self.failed {
                    return;
                }
                self.failed = failed;
                metrics.reloaded(self.name, false);
                error!(
                    file = self.name,
                    error = %report,
                    "reload failed; the previous version stays in use"
                );
            }
        }
    }
}

impl<C, T> std::fmt::Debug for Watch<C, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The files of secrets and the files beside them, by the name of their watch and their number, with their settings.
/// Errors show only paths of them that exist.
const SECRETS: [((&str, usize), &str); 3] = [
    (("keys", 0), "session.keys_file"),
    (("tls", 1), "tls.key"),
    (("ca_file", 0), "ca_file"),
];

fn read(name: &str, paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Report> {
    let one = |(number, path): (usize, &PathBuf)| {
        files::read(path).map_err(|error| {
            let mut secrets = SECRETS.iter();
            let file = match secrets.find(|(secret, _)| *secret == (name, number)) {
                Some((_, setting)) => files::named(setting, path),
                None => path.display().to_string(),
            };
            unreadable(&file, &error)
        })
    };
    paths.iter().enumerate().map(one).collect()
}

impl Contents for Vec<Vec<u8>> {
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for content in self {
            digest.update((content.len() as u64).to_le_bytes());
            digest.update(content);
        }
        digest.finalize().into()
    }
}

/// The report of a file that can't be read.
pub(crate) fn unreadable(file: &str, error: &io::Error) -> Report {
    let help = match error.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "give this user read permission",
        _ => "check that it is a readable file",
    };
    Report::of(file, &format!("can't be read: {error}"), help)
}
