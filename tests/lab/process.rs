//! A child process that ends with its guard.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::client::Call;
use super::wait;

/// A running program. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    watchdog: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; what it says goes to `<folder>/<name>.log`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, folder: &Path, mut command: Command) -> Self {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).expect("a log file");
        let errors = output.try_clone().expect("a second handle to it");
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
        let watchdog = watch(&child);
        Self {
            name: name.to_owned(),
            child,
            watchdog,
            log,
        }
    }

    /// Waits until a GET of this path is answered with 200.
    ///
    /// # Panics
    /// As [`Process::ready`] does.
    pub async fn ready_at(&mut self, address: SocketAddr, path: &str) {
        let call = Call::get("localhost", path);
        let is_ready = async || {
            let reply = call.try_send(address).await;
            reply.is_ok_and(|reply| reply.status == 200)
        };
        self.ready(is_ready).await;
    }

    /// Looks until `probe` is true.
    ///
    /// # Panics
    /// When the program ends before, or takes longer than [`wait::LONG`]; both show the end of its
    /// log.
    pub async fn ready(&mut self, mut probe: impl AsyncFnMut() -> bool) {
        let ready = wait::within(wait::LONG, async || {
            if let Some(status) = self.ended() {
                panic!("{} ended with {status}:\n{}", self.name, self.last_lines());
            }
            probe().await.then_some(())
        });
        let ready = ready.await;
        assert!(
            ready.is_some(),
            "{} does not get ready:\n{}",
            self.name,
            self.last_lines()
        );
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All it has said.
    #[must_use]
    pub fn log(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn last_lines(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let shown = lines[lines.len().saturating_sub(30)..].join("\n");
        format!("{shown}\n(the whole log: {})", self.log.display())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watchdog first: it must not outlive the number it watches.
        for child in [&mut self.watchdog, &mut self.child] {
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }
}

/// Kills `child` when this process ends without a chance to: the shell's input then comes to its
/// end.
fn watch(child: &Child) -> Child {
    Command::new("sh")
        .args(["-c", "read -r _; kill -9 \"$0\"", &child.id().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}
