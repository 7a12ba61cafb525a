//! The companion's configuration, from flags, environment variables and a file. A [`Config`] is valid by
//! construction.

mod arguments;
mod attach;
mod duration;
mod limits;
mod listen;
mod log;
mod provider;
mod redirect_hosts;
mod schema;
mod session;
mod settings;
mod source;
mod store;
mod tls;
mod trust;
mod trusted_proxies;
mod url;
mod warnings;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::document::{Document, Report};
use crate::issuers::IssuerConnection;
use crate::provider::ProviderSettings;
use crate::public_url::PublicUrl;
use crate::redirect_target::HostRule;

use settings::SERVE;

pub(crate) use arguments::{Arguments, ReadArguments};
pub(crate) use attach::{AttachConfig, AttachFlags, Forward, TargetUrl, schema as attach_schema};
pub(crate) use limits::Limits;
pub(crate) use listen::Listen;
pub(crate) use log::{Format, Log};
pub(crate) use schema::schema;
pub(crate) use session::{MAX_LIFETIME as MAX_SESSION_LIFETIME, Session, domain_matches};
pub(crate) use tls::Tls;
pub(crate) use trusted_proxies::TrustedProxies;

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens.
    pub(crate) listen: Listen,
    /// Where `/metrics` listens, if anywhere.
    pub(crate) metrics: Option<Listen>,
    /// The policy file.
    pub(crate) policy: PathBuf,
    /// How users sign in; `None` for bearer tokens and the mirror only.
    pub(crate) sign_in: Option<SignInSettings>,
    /// How the companion connects to issuers, by the names of trust entries.
    pub(crate) trust: BTreeMap<String, IssuerConnection>,
    /// The allowed hosts of redirect targets; `None`: the policy's hosts.
    pub(crate) redirect_hosts: Option<Vec<HostRule>>,
    /// The proxies whose headers about the original request are trusted.
    pub(crate) trusted_proxies: TrustedProxies,
    /// The certificate, where no proxy in front terminates TLS.
    pub(crate) tls: Option<Tls>,
    /// What is logged.
    pub(crate) log: Log,
    /// Limits on clients.
    pub(crate) limits: Limits,
}

/// How users sign in.
#[derive(Clone, Debug)]
pub(crate) struct SignInSettings {
    /// The public URL of the companion.
    pub(crate) public_url: PublicUrl,
    /// The identity providers. Never empty, with unique names.
    pub(crate) providers: Vec<ProviderSettings>,
    /// Session settings.
    pub(crate) session: Session,
}

impl Config {
    /// Reads and checks flags, environment variables and the file.
    pub(crate) fn load(arguments: &Arguments) -> Result<Self, Report> {
        Self::read(&source::Source::open(arguments)?)
    }

    /// Reads and checks the contents of a file of this name, without flags and variables.
    ///
    /// # Errors
    /// What is wrong with it, where, and how to fix it.
    pub fn parse(name: String, bytes: Vec<u8>) -> Result<Self, Report> {
        let file = Document::parse(name, bytes, SERVE.empty)?;
        Self::read(&source::Source::new(&SERVE, Some(file), HashMap::new())?)
    }

    fn read(source: &source::Source) -> Result<Self, Report> {
        let listen = listen::main(source)?;
        Ok(Self {
            metrics: listen::metrics(source, &listen)?,
            listen,
            policy: source.required_path("policy", "write `policy: portcullis.yaml`")?,
            sign_in: SignInSettings::read(source)?,
            trust: trust::read(source)?,
            redirect_hosts: redirect_hosts::read(source)?,
            trusted_proxies: trusted_proxies::read(source)?,
            tls: tls::read(source)?,
            log: log::read(source)?,
            limits: limits::read(source, &limits::Defaults::SERVE)?,
        })
    }
}

impl SignInSettings {
    /// Sign-in is off where neither providers nor sessions are configured; one without the other is an
    /// error.
    fn read(source: &source::Source) -> Result<Option<Self>, Report> {
        if !["providers", "session"]
            .iter()
            .any(|block| source.has_block(block))
        {
            return Ok(None);
        }
        let public_url = url::read(source)?;
        Ok(Some(Self {
            providers: provider::read(source)?,
            session: session::read(source, &public_url)?,
            public_url,
        }))
    }
}

#[cfg(test)]
impl Config {
    /// The sign-in of a configuration that has one.
    pub(crate) fn sign_in(&mut self) -> &mut SignInSettings {
        self.sign_in.as_mut().expect("sign-in")
    }
}

/// How the companion with the configuration in this file connects to issuers.
pub(crate) fn issuer_connections(
    path: &Path,
) -> Result<BTreeMap<String, IssuerConnection>, Report> {
    let file = Document::open(path, SERVE.empty)?;
    trust::read(&source::Source::new(&SERVE, Some(file), HashMap::new())?)
}

/// The default limits.
#[cfg(test)]
pub(crate) fn limits() -> Limits {
    let nothing = source::Source::new(&SERVE, None, HashMap::new());
    let limits = nothing.and_then(|nothing| limits::read(&nothing, &limits::Defaults::SERVE));
    limits.expect("defaults")
}

/// A configuration of `https://auth.example.com` with one provider.
#[cfg(test)]
pub(crate) fn example() -> Config {
    let text = "\
url: https://auth.example.com
policy: portcullis.yaml
providers:
  - {issuer: https://gitlab.example.com, client_id: portcullis}
session:
  keys_file: session-keys
  cookie: {domain: example.com}
";
    let file = Document::parse("c.yaml".to_owned(), text.into(), "");
    let file = file.expect("a document");
    let source = source::Source::new(&SERVE, Some(file), HashMap::new());
    source
        .and_then(|source| Config::read(&source))
        .expect("a configuration")
}
