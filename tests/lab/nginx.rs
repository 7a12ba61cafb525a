//! A real NGINX.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::process::Process;
use super::{folder, tools};

const CONFIGURATION: &str = "nginx.conf";
const ACCESS_LOG: &str = "access.log";

/// How long the workers of a master may take to stop.
const STOP: Duration = Duration::from_secs(10);

/// A running NGINX. Stopped when dropped.
#[derive(Debug)]
pub struct Nginx {
    address: SocketAddr,
    folder: PathBuf,
    process: Process,
    master: Master,
}

/// Whether a master process starts workers, as NGINX does by default, and new ones when it reloads its
/// configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Master {
    On,
    Off,
}

/// NGINX rejected a configuration. Contains the output of `nginx -t`.
#[derive(Debug)]
pub struct Rejected(pub String);

impl Nginx {
    /// Starts NGINX with this content of `http { … }`, and waits until it listens on `address`,
    /// which the text must contain too.
    ///
    /// # Panics
    /// If NGINX rejects it, or does not listen there.
    pub async fn start(address: SocketAddr, http: &str) -> Self {
        Self::started(Self::try_start(address, http).await)
    }

    /// The same with a master process and workers, so that [`Nginx::reload`] does what it does in
    /// production.
    ///
    /// # Panics
    /// If NGINX rejects it, or does not listen there.
    pub async fn start_with_workers(address: SocketAddr, http: &str) -> Self {
        Self::started(Self::run(address, http, Master::On).await)
    }

    fn started(nginx: Result<Self, Rejected>) -> Self {
        nginx.unwrap_or_else(|Rejected(output)| panic!("nginx -t:\n{output}"))
    }

    /// The same without workers.
    ///
    /// # Errors
    /// If NGINX rejects the configuration.
    ///
    /// # Panics
    /// If it does not listen there.
    pub async fn try_start(address: SocketAddr, http: &str) -> Result<Self, Rejected> {
        Self::run(address, http, Master::Off).await
    }

    async fn run(address: SocketAddr, http: &str, master: Master) -> Result<Self, Rejected> {
        let folder = folder::fresh("nginx");
        write(&folder, http, master)?;
        let mut process =
            Process::start("nginx", &folder, nginx(&folder)).logs_to(folder.join(ACCESS_LOG));
        process
            .ready(async || TcpStream::connect(address).await.is_ok())
            .await;
        Ok(Self {
            address,
            folder,
            process,
            master,
        })
    }

    /// Replaces the content of `http { … }` with `nginx -s reload`: new workers take new connections, and
    /// the old ones end with their last request.
    ///
    /// # Panics
    /// If NGINX rejects it.
    pub fn reload(&self, http: &str) {
        if let Err(Rejected(output)) = write(&self.folder, http, self.master) {
            panic!("nginx -t:\n{output}");
        }
        let sent = nginx(&self.folder).args(["-s", "reload"]).output();
        let sent = sent.expect("NGINX runs");
        assert!(
            sent.status.success(),
            "{}",
            String::from_utf8_lossy(&sent.stderr)
        );
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process ID.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its error log.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Its access log.
    #[must_use]
    pub fn access_log(&self) -> String {
        fs::read_to_string(self.folder.join(ACCESS_LOG)).unwrap_or_default()
    }
}

impl Drop for Nginx {
    /// A killed master would leave its workers.
    fn drop(&mut self) {
        if self.master == Master::On {
            let _sent = nginx(&self.folder).args(["-s", "stop"]).output();
            let start = Instant::now();
            while self.process.ended().is_none() && start.elapsed() < STOP {
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Writes a configuration and tests it.
fn write(folder: &Path, http: &str, master: Master) -> Result<(), Rejected> {
    fs::write(folder.join(CONFIGURATION), configuration(http, master))
        .expect("a configuration file");
    let test = nginx(folder).arg("-t").output().expect("NGINX runs");
    if test.status.success() {
        return Ok(());
    }
    Err(Rejected(String::from_utf8_lossy(&test.stderr).into_owned()))
}

fn nginx(folder: &Path) -> Command {
    let mut command = tools::server("sbin/nginx");
    command.arg("-p").arg(folder);
    command.args(["-c", CONFIGURATION, "-e", "stderr"]);
    command
}

/// No files outside of its folder. Without a master, a single process: stopping it stops everything.
fn configuration(http: &str, master: Master) -> String {
    let master = match master {
        Master::On => "on",
        Master::Off => "off",
    };
    let temp_paths: String = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
        .map(|kind| format!("{kind}_temp_path {kind};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process {master};\npid nginx.pid;\nerror_log stderr info;\n\
         events {{}}\nhttp {{\naccess_log {ACCESS_LOG};\n{temp_paths}{http}\n}}\n"
    )
}
