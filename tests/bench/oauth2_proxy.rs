//! A real oauth2-proxy, configured like the companion.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{folder, tools};

use crate::sign_in_stack::{CLIENT, OTHER, SECRET, SignInStack};

/// A running oauth2-proxy. Stopped when dropped.
#[derive(Debug)]
pub(super) struct OAuth2Proxy(Process);

impl OAuth2Proxy {
    /// Starts it with this stack, and waits until it is ready.
    pub(super) async fn start(stack: &SignInStack) -> Self {
        let folder = folder::fresh("oauth2-proxy");
        let command = command(stack, &folder, stack.other);
        let mut process = Process::start("oauth2-proxy", &folder, command);
        process.ready_at(stack.other, "/ping").await;
        Self(process)
    }

    /// Its process ID.
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }
}

/// Its name and version. A build from the registry does not know its version.
pub(super) fn version() -> String {
    let pin = fs::read_to_string(workspace().join(".tools/oauth2-proxy/.pin"));
    let pin = pin.unwrap_or_default();
    let version = pin
        .split('@')
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    format!("oauth2-proxy {}", version.unwrap_or("unknown version"))
}

/// The command that starts it with this address, with its secrets in this folder.
pub(super) fn command(stack: &SignInStack, folder: &Path, address: SocketAddr) -> Command {
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
        ("upstream", "static://202"),
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
