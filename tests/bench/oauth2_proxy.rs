//! A real oauth2-proxy, configured like the companion.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{folder, tools};

use crate::sign_in_stack::{CLIENT, OTHER, SECRET, SignInStack};

/// The upstream that makes it respond to forward auth only.
pub(crate) const UPSTREAM: &str = "static://202";

/// A running oauth2-proxy. Stopped when dropped.
#[derive(Debug)]
pub(crate) struct OAuth2Proxy(Process);

impl OAuth2Proxy {
    /// Starts it with this stack, address, upstream and further options, and waits until it is ready.
    pub(crate) async fn start(
        stack: &SignInStack,
        address: SocketAddr,
        upstream: &str,
        options: &[(&str, String)],
    ) -> Self {
        let folder = folder::fresh("oauth2-proxy");
        let mut command = command(stack, &folder, address, upstream);
        command.args(
            options
                .iter()
                .map(|(name, value)| format!("--{name}={value}")),
        );
        let mut process = Process::start("oauth2-proxy", &folder, command);
        process.ready_at(address, "/ping").await;
        Self(process)
    }

    /// Its process ID.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

/// Its name and version. A build from the registry does not know its version.
pub(crate) fn version() -> String {
    let pin = fs::read_to_string(workspace().join(".tools/oauth2-proxy/.pin"));
    let pin = pin.unwrap_or_default();
    let version = pin
        .split('@')
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    format!("oauth2-proxy {}", version.unwrap_or("unknown version"))
}

/// The command that starts it with this address and upstream, with its secrets in this folder.
pub(crate) fn command(
    stack: &SignInStack,
    folder: &Path,
    address: SocketAddr,
    upstream: &str,
) -> Command {
    let secret = file(folder, "client-secret", SECRET);
    // Any 32 bytes.
    let cookies = file(folder, "cookie-secret", "0123456789abcdef0123456789abcdef");
    let mut command = Command::new(tools::oauth2_proxy());
    let arguments = [
        ("provider", "oidc"),
        ("oidc-issuer-url", stack.provider.issuer()),
        ("client-id", CLIENT),
        ("code-challenge-method", "S256"),
        ("redirect-url", &format!("https://{OTHER}/oauth2/callback")),
        ("http-address", &address.to_string()),
        ("upstream", upstream),
        ("email-domain", "*"),
        ("reverse-proxy", "true"),
        ("trusted-proxy-ip", "127.0.0.1"),
        ("set-xauthrequest", "true"),
        // The companion logs no line per request here either; and these lines contain codes, which
        // no log of the lab may contain.
        ("request-logging", "false"),
    ];
    for (name, value) in arguments {
        command.arg(format!("--{name}={value}"));
    }
    let files = [
        ("client-secret-file", secret),
        ("cookie-secret-file", cookies),
        ("provider-ca-file", stack.authority.file().to_path_buf()),
    ];
    for (name, path) in files {
        command.arg(format!("--{name}={}", path.display()));
    }
    command
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file");
    path
}
