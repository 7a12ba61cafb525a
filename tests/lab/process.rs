//! A child process that ends with its guard.

use std::fs::{self, File};
use std::iter;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use super::client::Call;
use super::{secrets, wait};

/// A running program. Dropping it kills it, waits for its exit, and panics if its log contains a
/// secret (see [`secrets`]).
#[derive(Debug)]
pub struct Process {
    name: String,
    command: Command,
    child: Child,
    watchdog: Child,
    log: PathBuf,
    other_logs: Vec<PathBuf>,
}

impl Process {
    /// Starts `command`, with its output in `<folder>/<name>.log`.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn start(name: &str, folder: &Path, mut command: Command) -> Self {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).expect("a log file");
        let errors = output.try_clone().expect("a second handle to it");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = spawn(&mut command);
        let watchdog = watch(&child);
        Self {
            name: name.to_owned(),
            command,
            child,
            watchdog,
            log,
            other_logs: Vec::new(),
        }
    }

    /// Registers another log of the program, which is also searched for secrets.
    #[must_use]
    pub fn logs_to(mut self, file: PathBuf) -> Self {
        self.other_logs.push(file);
        self
    }

    /// Waits until a GET of this path returns 200.
    ///
    /// # Panics
    /// Like [`Process::ready`].
    pub async fn ready_at(&mut self, address: SocketAddr, path: &str) {
        let call = Call::get("localhost", path);
        let is_ready = async || {
            let response = call.try_send(address).await;
            response.is_ok_and(|response| response.status == 200)
        };
        self.ready(is_ready).await;
    }

    /// Polls until `probe` is true.
    ///
    /// # Panics
    /// If the program exits before, or it takes longer than [`wait::LONG`]; both show the end of
    /// its log.
    pub async fn ready(&mut self, mut probe: impl AsyncFnMut() -> bool) {
        let ready = wait::within(wait::LONG, async || {
            if let Some(status) = self.ended() {
                panic!("{} exited with {status}:\n{}", self.name, self.last_lines());
            }
            probe().await.then_some(())
        });
        let ready = ready.await;
        assert!(
            ready.is_some(),
            "{} does not become ready:\n{}",
            self.name,
            self.last_lines()
        );
    }

    /// Kills it, if it still runs.
    pub fn kill(&mut self) {
        // The watchdog first, because the process ID may be reused afterwards.
        for child in [&mut self.watchdog, &mut self.child] {
            let _exited = child.kill();
            let _exited = child.wait();
        }
    }

    /// Kills it, if it still runs, and starts it again in the same way. Its log is appended to.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&mut self.command);
        self.watchdog = watch(&self.child);
    }

    /// Sends SIGTERM and waits until it has exited.
    ///
    /// # Panics
    /// If it has not within [`wait::LONG`]; the message has the end of its log.
    pub async fn stop(&mut self) -> ExitStatus {
        self.end_with("TERM").await
    }

    /// The same with SIGINT, like Ctrl-C.
    ///
    /// # Panics
    /// Like [`Process::stop`].
    pub async fn interrupt(&mut self) -> ExitStatus {
        self.end_with("INT").await
    }

    async fn end_with(&mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        let ended = wait::within(wait::LONG, async || self.ended()).await;
        self.kill();
        ended.unwrap_or_else(|| panic!("{} does not exit:\n{}", self.name, self.last_lines()))
    }

    /// Suspends it (SIGSTOP): its connections stay open, but get no response.
    ///
    /// # Panics
    /// If it does not stop.
    pub async fn pause(&self) {
        self.signal("STOP");
        let stat = format!("/proc/{}/stat", self.id());
        wait::until_true("a suspended program", wait::LONG, async || {
            // `PID (NAME) STATE …`
            let stat = fs::read_to_string(&stat).unwrap_or_default();
            let state = stat.rsplit_once(") ").map(|(_, rest)| rest.as_bytes());
            state.is_some_and(|state| state.first() == Some(&b'T'))
        })
        .await;
    }

    /// Resumes it after [`Process::pause`].
    ///
    /// # Panics
    /// If it has exited.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &self.id().to_string()])
            .status()
            .expect("a shell");
        assert!(sent.success(), "{}: can't send {name}", self.name);
    }

    /// Its exit status, if it has exited.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the status of a child")
    }

    /// Its process ID.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The path of its log.
    #[must_use]
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        read(&self.log)
    }

    fn last_lines(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(30)..].join("\n");
        format!("{end}\n(the whole log: {})", self.log.display())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let leaks: String = iter::once(&self.log)
            .chain(&self.other_logs)
            .flat_map(|log| {
                let leaks = secrets::found_in(&read(log)).into_iter();
                leaks.map(move |leak| format!("\n{}: {leak}", log.display()))
            })
            .collect();
        match leaks.as_str() {
            "" => {}
            // A second panic would abort the program and hide the message of the first.
            leaks if thread::panicking() => {
                eprintln!("{} has secrets in its logs:{leaks}", self.name)
            }
            leaks => panic!("{} has secrets in its logs:{leaks}", self.name),
        }
    }
}

fn read(log: &Path) -> String {
    String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned()
}

fn spawn(command: &mut Command) -> Child {
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()))
}

/// Ends `child` if this process ends without dropping the guard: the shell then reads the end of its
/// input. A program with children of its own gets a second to end them.
fn watch(child: &Child) -> Child {
    Command::new("sh")
        .args([
            "-c",
            "read -r _; kill \"$0\"; sleep 1; kill -9 \"$0\"",
            &child.id().to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}
