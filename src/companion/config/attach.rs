//! The configuration of `portcullis attach`, from its command line or from a file.

mod kept_headers;
mod settings;
mod target_url;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::HeaderName;
use serde_json::{Value, json};

use crate::document::{Document, Report};
use crate::http_client::Connect;
use crate::schema::{document, merge};

use super::arguments::Override;
use super::limits::Defaults;
use super::schema::block;
use super::source::{Located, Location, Source};
use super::{Limits, Listen, Log, duration, limits, listen, log, trust};
use settings::ATTACH;

pub(crate) use target_url::TargetUrl;

/// The whole configuration.
#[derive(Clone, Debug)]
pub(crate) struct AttachConfig {
    /// What is forwarded. Never empty.
    pub(crate) forwards: Vec<Forward>,
    /// Where `/metrics` and `/ready` listen, if anywhere.
    pub(crate) metrics: Option<Listen>,
    /// What is logged.
    pub(crate) log: Log,
    /// Limits on clients and targets.
    pub(crate) limits: Limits,
    /// The timeout for connecting to a target.
    pub(crate) connect_timeout: Duration,
}

/// Requests to an address, which are forwarded to a target with a token.
#[derive(Clone, Debug)]
pub(crate) struct Forward {
    /// Where clients connect.
    pub(crate) listen: Listen,
    /// Whether requests of foreign pages in a browser are refused: a browser on this machine could send them.
    pub(crate) refuses_foreign_pages: bool,
    /// Where requests are forwarded to.
    pub(crate) target: TargetUrl,
    /// The address of every connection, instead of the target's. Only with TLS.
    pub(crate) connect: Option<Connect>,
    /// The file of the token.
    pub(crate) token_file: PathBuf,
    /// The only trusted CAs, as PEM; `None` for those of the system.
    pub(crate) ca_file: Option<PathBuf>,
    /// The client's headers that are forwarded although others are removed.
    pub(crate) kept_headers: Vec<HeaderName>,
}

/// The flags.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttachFlags {
    /// `--config`. With it, only the flags of the log are allowed.
    pub(crate) config: Option<PathBuf>,
    /// `--listen`, in order.
    pub(crate) listen: Vec<String>,
    /// `--to`, in order.
    pub(crate) to: Vec<String>,
    /// `--token-file`.
    pub(crate) token_file: Option<PathBuf>,
    /// `--ca-file`.
    pub(crate) ca_file: Option<PathBuf>,
    /// `--keep-header`.
    pub(crate) keep_headers: Vec<String>,
    /// `--metrics`.
    pub(crate) metrics: Option<String>,
    /// `--allow-remote`.
    pub(crate) allow_remote: bool,
    /// `--log-format`.
    pub(crate) log_format: Option<String>,
    /// `--log-level`.
    pub(crate) log_level: Option<String>,
}

/// What the forwards share.
struct Shared {
    /// That of one forward.
    connect: Option<Connect>,
    token_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    kept_headers: Vec<HeaderName>,
    allow_remote: bool,
}

/// The timeout for connecting to a target.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Few clients are beside it, and each connection may take 100 KB. A target may take longer than the companion: queries of
/// Prometheus have two minutes.
const LIMITS: Defaults = Defaults {
    connections: 256,
    request: 120,
};

/// The schema of the configuration file.
pub(crate) fn schema() -> Value {
    let mut root = block(ATTACH.settings, "");
    merge(&mut root, json!({"required": ["forwards"]}));
    document("Portcullis attach configuration", root)
}

impl AttachConfig {
    /// Reads and checks the flags, and the file if they name one.
    pub(crate) fn load(flags: &AttachFlags) -> Result<Self, Report> {
        let file = flags.config.as_deref();
        let file = file.map(|path: &Path| Document::open(path, ATTACH.empty));
        let source = Source::new(&ATTACH, file.transpose()?, flags.overrides())?;
        Self::read(&source, flags)
    }

    /// Reads and checks the contents of a file of this name.
    #[cfg(test)]
    pub(crate) fn parse(name: &str, bytes: Vec<u8>) -> Result<Self, Report> {
        let flags = AttachFlags {
            config: Some(name.into()),
            ..AttachFlags::default()
        };
        let file = Document::parse(name.to_owned(), bytes, ATTACH.empty)?;
        let source = Source::new(&ATTACH, Some(file), HashMap::new())?;
        Self::read(&source, &flags)
    }

    fn read(source: &Source, flags: &AttachFlags) -> Result<Self, Report> {
        let forwards = match flags.config {
            Some(_) => of_file(source)?,
            None => of_flags(source, flags)?,
        };
        let metrics = match source.text("metrics")? {
            Some(found) => Some(listen::parse(&found, source)?),
            None => None,
        };
        let bounds = Duration::from_secs(1)..=Duration::from_secs(600);
        Ok(Self {
            forwards,
            metrics,
            log: log::read(source)?,
            limits: limits::read(source, &LIMITS)?,
            connect_timeout: duration::read(source, "limits.connect", CONNECT_TIMEOUT, bounds)?,
        })
    }
}

impl AttachFlags {
    /// The flags that the reader of the file knows.
    fn overrides(&self) -> HashMap<&'static str, Override> {
        [
            ("log.format", "--log-format", &self.log_format),
            ("log.level", "--log-level", &self.log_level),
            ("metrics", "--metrics", &self.metrics),
        ]
        .into_iter()
        .filter_map(|(path, flag, value)| {
            let given = Override {
                name: flag.to_owned(),
                values: vec![value.clone()?],
            };
            Some((path, given))
        })
        .collect()
    }
}

/// The forwards of the file.
fn of_file(source: &Source) -> Result<Vec<Forward>, Report> {
    let shared = Shared {
        connect: None,
        token_file: source.path("token_file")?.map(|found| found.value),
        ca_file: source.path("ca_file")?.map(|found| found.value),
        kept_headers: kept_headers::parse(source.list("keep_headers")?.unwrap_or_default())?,
        allow_remote: source.boolean("allow_remote")?.unwrap_or_default(),
    };
    let count = source.list_len("forwards");
    if count == 0 {
        let help =
            "write a list of `{listen: 127.0.0.1:9093, to: \"https://alertmanager.example.com\"}`";
        return Err(source.missing_field("forwards", help));
    }
    let mut forwards = Vec::new();
    let mut seen = HashSet::new();
    for index in 0..count {
        let at = |field: &str| format!("forwards[{index}].{field}");
        let listen = source.required(&at("listen"), "write an address like `127.0.0.1:9093`")?;
        let to = source.required(&at("to"), "write the URL of the target")?;
        let token_file = source.path(&at("token_file"))?.map(|found| found.value);
        let Some(token_file) = token_file.or_else(|| shared.token_file.clone()) else {
            let help = "write the path of the token, here or for all forwards";
            return Err(source.missing_field(&at("token_file"), help));
        };
        let ca_file = source.path(&at("ca_file"))?.map(|found| found.value);
        let kept_headers = match source.list(&at("keep_headers"))? {
            Some(names) => kept_headers::parse(names)?,
            None => shared.kept_headers.clone(),
        };
        let own = Shared {
            connect: connect(source, &at("connect"), &to)?,
            token_file: Some(token_file),
            ca_file: ca_file.or_else(|| shared.ca_file.clone()),
            kept_headers,
            allow_remote: shared.allow_remote,
        };
        forwards.push(forward(source, &listen, &to, &own, &mut seen)?);
    }
    Ok(forwards)
}

/// The address of the connections to the target `to`.
fn connect(source: &Source, path: &str, to: &Located<'_>) -> Result<Option<Connect>, Report> {
    let Some(found) = source.text(path)? else {
        return Ok(None);
    };
    if !to.value.starts_with("https:") {
        let help = "write `https` in `to`: with TLS, only the target can be there";
        return Err(found.location.error("`connect` needs TLS", help));
    }
    let help = "write a host and a port, like `10.1.0.1:443`";
    let address = trust::address(&found.value);
    address
        .map(Some)
        .ok_or_else(|| found.error("is not a host and a port", help))
}

/// The forwards of the flags.
fn of_flags(source: &Source, flags: &AttachFlags) -> Result<Vec<Forward>, Report> {
    let (listens, targets) = (flags.listen.len(), flags.to.len());
    if listens == 0 && targets == 0 {
        let problem = "nothing to forward: `--listen` and `--to` are missing";
        let help = "write `--listen 127.0.0.1:9093 --to https://alertmanager.example.com`, or use `--config`";
        return Err(Report::of(ATTACH.command, problem, help));
    }
    if listens != targets {
        let problem = format!("{listens} × `--listen` and {targets} × `--to`");
        let help = "write one `--to` for each `--listen`, in the same order";
        return Err(Report::of(ATTACH.command, &problem, help));
    }
    if flags.token_file.is_none() {
        let help =
            "write the path of the token; in Kubernetes, that of a projected service account token";
        return Err(Report::of(
            ATTACH.command,
            "`--token-file` is missing",
            help,
        ));
    }
    let located =
        |flag: &'static str, value: &String| Location::Override(flag).with_value(value.clone());
    let keep_headers = flags.keep_headers.iter();
    let keep_headers = keep_headers.map(|name| located("--keep-header", name));
    let shared = Shared {
        connect: None,
        token_file: flags.token_file.clone(),
        ca_file: flags.ca_file.clone(),
        kept_headers: kept_headers::parse(keep_headers.collect())?,
        allow_remote: flags.allow_remote,
    };
    let mut seen = HashSet::new();
    let pairs = flags.listen.iter().zip(&flags.to);
    let forwards = pairs.map(|(listen, to)| {
        let (listen, to) = (located("--listen", listen), located("--to", to));
        forward(source, &listen, &to, &shared, &mut seen)
    });
    forwards.collect()
}

/// A forward, whose address must not be among those `seen`.
fn forward(
    source: &Source,
    listen: &Located<'_>,
    to: &Located<'_>,
    shared: &Shared,
    seen: &mut HashSet<String>,
) -> Result<Forward, Report> {
    let address = listen::parse(listen, source)?;
    let is_on_loopback = match &address {
        Listen::Tcp(address) => Some(address.ip().is_loopback()),
        Listen::Unix { .. } => None,
    };
    if is_on_loopback == Some(false) && !shared.allow_remote {
        let problem = "is reachable from other machines, which could then use the token";
        let help = "write an address of loopback, like `127.0.0.1:9093`, or `unix:` and a path; if others \
                    shall use the token, set `--allow-remote`, in a file `allow_remote: true`";
        return Err(listen.error(problem, help));
    }
    let any_port = matches!(address, Listen::Tcp(address) if address.port() == 0);
    if !any_port && !seen.insert(address.to_string()) {
        let help = "use one address for each target";
        return Err(listen.error("is the address of another forward too", help));
    }
    Ok(Forward {
        listen: address,
        // Browsers reach loopback, whatever else is allowed, and no unix socket.
        refuses_foreign_pages: is_on_loopback == Some(true),
        target: TargetUrl::parse(to)?,
        connect: shared.connect.clone(),
        token_file: shared.token_file.clone().unwrap_or_default(),
        ca_file: shared.ca_file.clone(),
        kept_headers: shared.kept_headers.clone(),
    })
}
