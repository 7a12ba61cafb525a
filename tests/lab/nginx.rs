//! A real NGINX.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::net::TcpStream;

use super::process::Process;
use super::{folder, tools};

const CONFIGURATION: &str = "nginx.conf";
const ACCESS_LOG: &str = "access.log";

/// A running NGINX. Stopped when dropped.
#[derive(Debug)]
pub struct Nginx {
    address: SocketAddr,
    folder: PathBuf,
    process: Process,
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
        match Self::try_start(address, http).await {
            Ok(nginx) => nginx,
            Err(Rejected(output)) => panic!("nginx -t:\n{output}"),
        }
    }

    /// The same.
    ///
    /// # Errors
    /// If NGINX rejects the configuration.
    ///
    /// # Panics
    /// If it does not listen there.
    pub async fn try_start(address: SocketAddr, http: &str) -> Result<Self, Rejected> {
        let folder = folder::fresh("nginx");
        fs::write(folder.join(CONFIGURATION), configuration(http)).expect("a configuration file");
        let test = nginx(&folder).arg("-t").output().expect("NGINX runs");
        if !test.status.success() {
            return Err(Rejected(String::from_utf8_lossy(&test.stderr).into_owned()));
        }
        let mut process =
            Process::start("nginx", &folder, nginx(&folder)).logs_to(folder.join(ACCESS_LOG));
        process
            .ready(async || TcpStream::connect(address).await.is_ok())
            .await;
        Ok(Self {
            address,
            folder,
            process,
        })
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

fn nginx(folder: &Path) -> Command {
    let mut command = tools::server("sbin/nginx");
    command.arg("-p").arg(folder);
    command.args(["-c", CONFIGURATION, "-e", "stderr"]);
    command
}

/// A single process, so that stopping it stops everything, and no files outside of its folder.
fn configuration(http: &str) -> String {
    let temp_paths: String = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
        .map(|kind| format!("{kind}_temp_path {kind};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr info;\n\
         events {{}}\nhttp {{\naccess_log {ACCESS_LOG};\n{temp_paths}{http}\n}}\n"
    )
}
