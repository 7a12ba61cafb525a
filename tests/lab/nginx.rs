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

/// A running NGINX. It ends when dropped.
#[derive(Debug)]
pub struct Nginx {
    address: SocketAddr,
    folder: PathBuf,
    process: Process,
}

/// NGINX refused a configuration. It holds what `nginx -t` said.
#[derive(Debug)]
pub struct Refused(pub String);

impl Nginx {
    /// Starts one with what stands inside `http { … }`, and waits until it listens at `address`,
    /// which the text must say too.
    ///
    /// # Panics
    /// When NGINX refuses it, or does not listen there.
    pub async fn start(address: SocketAddr, http: &str) -> Self {
        match Self::try_start(address, http).await {
            Ok(nginx) => nginx,
            Err(Refused(said)) => panic!("nginx -t:\n{said}"),
        }
    }

    /// The same.
    ///
    /// # Errors
    /// When NGINX refuses the configuration.
    ///
    /// # Panics
    /// When it does not listen there.
    pub async fn try_start(address: SocketAddr, http: &str) -> Result<Self, Refused> {
        let folder = folder::fresh("nginx");
        fs::write(folder.join(CONFIGURATION), configuration(http)).expect("a configuration file");
        let test = nginx(&folder).arg("-t").output().expect("NGINX runs");
        if !test.status.success() {
            return Err(Refused(String::from_utf8_lossy(&test.stderr).into_owned()));
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that it has said of itself.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// All that it has said of requests.
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

/// One process, so that ending it ends all, and no files outside of its folder.
fn configuration(http: &str) -> String {
    let places: String = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
        .map(|kind| format!("{kind}_temp_path {kind};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr info;\n\
         events {{}}\nhttp {{\naccess_log {ACCESS_LOG};\n{places}{http}\n}}\n"
    )
}
