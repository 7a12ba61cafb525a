//! A child process that ends with its guard.

use std::fs::{self, File};
use std::iter;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use super::client::Call;
use super::{secrets, wait};

/// A running program. Dropping it kills it and waits for its end, and panics where a secret stands
/// in what it said (see [`secrets`]).
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
    /// Starts `command`; what it says goes to `<folder>/<name>.log`.
    ///
    /// # Panics
    /// When it cannot be started.
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

    /// It writes another log besides, which must hold no secret either.
    #[must_use]
    pub fn logs_to(mut self, file: PathBuf) -> Self {
        self.other_logs.push(file);
        self
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

    /// Kills it, if it still runs.
    pub fn kill(&mut self) {
        // The watchdog first: it must not outlive the number it watches.
        for child in [&mut self.watchdog, &mut self.child] {
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }

    /// Kills it, if it still runs, and starts it again as it was started. Its log goes on.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&mut self.command);
        self.watchdog = watch(&self.child);
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Panics
    /// When it has not within [`wait::LONG`], with the end of its log.
    pub async fn stop(&mut self) -> ExitStatus {
        self.end_by("TERM").await
    }

    /// The same as a terminal asks, by Ctrl-C.
    ///
    /// # Panics
    /// As [`Process::stop`] does.
    pub async fn interrupt(&mut self) -> ExitStatus {
        self.end_by("INT").await
    }

    async fn end_by(&mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        let ended = wait::within(wait::LONG, async || self.ended()).await;
        self.kill();
        ended.unwrap_or_else(|| panic!("{} does not end:\n{}", self.name, self.last_lines()))
    }

    /// Stops it in its tracks: its connections stay, and nobody answers.
    ///
    /// # Panics
    /// When it does not stop.
    pub async fn pause(&self) {
        self.signal("STOP");
        let stat = format!("/proc/{}/stat", self.id());
        wait::until_true("a program that stands still", wait::LONG, async || {
            // `PID (NAME) STATE …`
            let stat = fs::read_to_string(&stat).unwrap_or_default();
            let state = stat.rsplit_once(") ").map(|(_, rest)| rest.as_bytes());
            state.is_some_and(|state| state.first() == Some(&b'T'))
        })
        .await;
    }

    /// Lets it go on after [`Process::pause`].
    ///
    /// # Panics
    /// When it is gone.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &self.id().to_string()])
            .status()
            .expect("a shell");
        assert!(sent.success(), "{}: no {name} for it", self.name);
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

    /// Where it is kept what it says.
    #[must_use]
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// All it has said.
    #[must_use]
    pub fn log(&self) -> String {
        read(&self.log)
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
            // A second panic would end the program, and what the first has to tell.
            leaks if thread::panicking() => eprintln!("{} tells secrets:{leaks}", self.name),
            leaks => panic!("{} tells secrets:{leaks}", self.name),
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
