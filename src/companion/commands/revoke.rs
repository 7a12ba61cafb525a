//! `portcullis revoke`: ends sessions at once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use portcullis_core::escape;
use portcullis_core::timestamp::Timestamp;
use serde_json::json;

use super::{COULD_NOT_RUN, Failure, REFUSED_OR_FAILED, runtime};
use crate::clock::now;
use crate::config::{self, Config, SignInSettings};
use crate::document::Report;
use crate::session::keys::Keys;
use crate::session::{RevocationTarget, Revoker, TargetError};
use crate::{admin, logging, output};

/// How long Redis may take.
const TIMEOUT: Duration = Duration::from_secs(30);

const EXAMPLE: &str = "\
Examples:
  portcullis revoke --config companion.yaml --caller sso/248289761001     all sessions of a user
  portcullis revoke --config companion.yaml --session WbO1vTnrRhDC5ZKCHVaWSA
  kubectl exec deploy/portcullis -- portcullis revoke --config /etc/portcullis/companion.yaml --everyone

Run it where the companion runs, as the same user, with its configuration and variables: it asks the running
companion over a unix socket beside `session.state_file` or the file of `session.store`. With Redis it writes to
Redis itself, so it needs no companion, and all replicas have the revocation.

Filters refuse the sessions within seconds, and the companion refreshes them no more, also after a restart. Sessions
that begin later are valid: to keep a user out, disable the account at the provider or change the policy too.

Exit codes:
  0  the sessions are revoked
  1  the command line, the configuration or a file is invalid; standard error has the location and how to fix it
  2  the companion or Redis can't be reached, does not respond, or could not store the revocation; it can be run
     again";

/// Ends sessions at once: those of a user, one session, or all
///
/// Sessions that began by now are refused from then on by every filter.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The configuration file of the companion; variables override it as for `serve`
    #[arg(
        long,
        value_name = "FILE",
        env = "PORTCULLIS_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,

    #[command(flatten)]
    target: Target,

    /// The format of the output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Which sessions.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Target {
    /// All sessions of this user: `PROVIDER/SUBJECT`, as in `x-portcullis-caller` and in audit records
    #[arg(long, value_name = "PROVIDER/SUBJECT")]
    caller: Option<String>,

    /// One session, by its `sid` in the companion's log
    #[arg(long, value_name = "SID")]
    session: Option<String>,

    /// All sessions of all users
    #[arg(long)]
    everyone: bool,
}

/// The format of the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// Lines
    Text,
    /// One object
    Json,
}

/// Revokes sessions. Returns the output.
pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let invalid = |report: Report| Failure::reported(COULD_NOT_RUN, &[report]);
    let config = config::Arguments::of_environment(arguments.config.clone())
        .and_then(|arguments| Config::load(&arguments))
        .map_err(invalid)?;
    let Some(sign_in) = &config.sign_in else {
        let problem = "has no `providers` and `session`, so there are no sessions to revoke";
        let help = "name the configuration of a companion with sign-in";
        let name = match &arguments.config {
            Some(path) => path.display().to_string(),
            None => "the configuration".to_owned(),
        };
        return Err(invalid(Report::of(&name, problem, help)));
    };
    let providers: Vec<String> = (sign_in.providers.iter())
        .map(|provider| provider.name.clone())
        .collect();
    let target = arguments.target.parse(&providers).map_err(invalid)?;
    let began_by = now();
    let ends = match sign_in.session.store.admin_socket() {
        Some(socket) => at_companion(&socket, &target)?,
        None => {
            logging::start(config.log);
            let ends = in_store(sign_in, &providers, &target)?;
            admin::log(&target, &providers, ends);
            ends
        }
    };
    Ok(match arguments.output {
        Format::Text => text(&target, began_by, ends),
        Format::Json => json(&target, began_by, ends),
    })
}

/// Asks the running companion to revoke sessions.
fn at_companion(socket: &Path, target: &RevocationTarget) -> Result<Timestamp, Failure> {
    let failed = |problem: &str, help: &str| {
        let report = Report::of(&socket.display().to_string(), problem, help);
        Failure::reported(REFUSED_OR_FAILED, &[report])
    };
    let runtime = runtime().map_err(|error| {
        let help = "raise the limits on threads and file descriptors";
        failed(&error.to_string(), help)
    })?;
    let revoked = runtime.block_on(admin::call(socket, target));
    revoked.map_err(|error| failed(&error.to_string(), error.help()))
}

/// Revokes sessions in a store that this process may use beside the companion.
fn in_store(
    sign_in: &SignInSettings,
    providers: &[String],
    target: &RevocationTarget,
) -> Result<Timestamp, Failure> {
    let (keys, _) = Keys::load(&sign_in.session.keys_file)
        .map_err(|error| Failure::reported(COULD_NOT_RUN, &[error.into()]))?;
    // Two libraries could install a TLS provider; this makes the choice explicit.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let failed = |problem: &str| {
        let help = "check `session.store` and its server, and run this again";
        let report = Report::of("session.store", problem, help);
        Failure::reported(REFUSED_OR_FAILED, &[report])
    };
    let runtime = runtime().map_err(|error| failed(&error.to_string()))?;
    let revoker = Revoker {
        providers,
        // A replica may have a longer `session.lifetime` by a flag, which is not known here, or had one before.
        lifetime: config::MAX_SESSION_LIFETIME,
        keys: &keys,
    };
    let store = sign_in.session.store.clone();
    let url = sign_in.public_url.as_str();
    let revoked = runtime.block_on(async {
        let revoked = revoker.revoke_in(store, url, target, now());
        tokio::time::timeout(TIMEOUT, revoked).await
    });
    match revoked {
        Ok(Ok(Some(ends))) => Ok(ends),
        Ok(Ok(None)) => Err(failed("only the running companion can use it")),
        Ok(Err(error)) => Err(failed(&error.to_string())),
        Err(_) => Err(failed("no response within 30 s")),
    }
}

fn text(target: &RevocationTarget, began_by: Timestamp, ends: Timestamp) -> String {
    let what = match target {
        RevocationTarget::Caller { provider, subject } => {
            format!(
                "all sessions of the subject {} of {provider}",
                escape::line(subject)
            )
        }
        RevocationTarget::Everyone => "all sessions of all users".to_owned(),
        RevocationTarget::Session { sid } => format!("the session {sid}"),
    };
    let (began_by, ends) = (began_by.to_rfc3339(), ends.to_rfc3339());
    format!(
        "revoked: {what} that began by {began_by}\nuntil: {ends}, when all of them have expired"
    )
}

fn json(target: &RevocationTarget, began_by: Timestamp, ends: Timestamp) -> String {
    output::json(&json!({
        "version": 1,
        "revoked": target,
        "began_by": began_by.to_rfc3339(),
        "until": ends.to_rfc3339(),
    }))
}

// === impl Target ===

impl Target {
    fn parse(&self, providers: &[String]) -> Result<RevocationTarget, Report> {
        let report = |flag: &str, error: TargetError| Report::of(flag, &error.problem, &error.help);
        match (&self.caller, &self.session) {
            (Some(name), _) => {
                RevocationTarget::caller(name, providers).map_err(|error| report("--caller", error))
            }
            (_, Some(sid)) => {
                RevocationTarget::session(sid).map_err(|error| report("--session", error))
            }
            (None, None) => Ok(RevocationTarget::Everyone),
        }
    }
}
