//! The companion's configuration: file, variables and flags in, and out comes what is valid by
//! construction.

mod arguments;
mod doubts;
mod duration;
mod limits;
mod listen;
mod log;
mod provider;
mod proxies;
mod reach;
mod redirect;
mod session;
mod settings;
mod site;
mod source;
mod store;
mod tls;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::document::Report;
use crate::issuers::Reach;
use crate::provider::Settings;

use super::return_to::HostRule;

pub(crate) use arguments::Arguments;
pub(crate) use limits::Limits;
pub(crate) use listen::Listen;
pub(crate) use log::{Format, Log};
pub(crate) use proxies::Proxies;
pub(crate) use session::{Session, holds};
pub(crate) use site::Site;
pub(crate) use tls::Tls;

/// All that the companion is told.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where a browser meets it.
    pub(crate) site: Site,
    /// Where it listens.
    pub(crate) listen: Listen,
    /// Where metrics are read, if anywhere.
    pub(crate) metrics: Option<Listen>,
    /// The policy file.
    pub(crate) policy: PathBuf,
    /// Who signs people in. Never empty, each name once.
    pub(crate) providers: Vec<Settings>,
    /// How sessions are kept.
    pub(crate) session: Session,
    /// How the companion itself reaches issuers, by the names of trust entries.
    pub(crate) trust: BTreeMap<String, Reach>,
    /// Where people may be sent back; `None`: to the policy's hosts.
    pub(crate) redirect_hosts: Option<Vec<HostRule>>,
    /// Whose word about the original request counts.
    pub(crate) trusted_proxies: Proxies,
    /// Its certificate, where nothing in front terminates TLS.
    pub(crate) tls: Option<Tls>,
    /// What is logged.
    pub(crate) log: Log,
    /// What a client may take.
    pub(crate) limits: Limits,
}

impl Config {
    /// Reads all that was said, and judges it.
    pub(crate) fn load(arguments: &Arguments) -> Result<Self, Report> {
        Self::read(&source::Source::open(arguments)?)
    }

    fn read(source: &source::Source) -> Result<Self, Report> {
        let site = site::read(source)?;
        let listen = listen::main(source)?;
        Ok(Self {
            metrics: listen::metrics(source, &listen)?,
            listen,
            policy: source.required_path("policy", "write `policy: portcullis.yaml`")?,
            providers: provider::read(source)?,
            session: session::read(source, &site)?,
            trust: reach::read(source)?,
            redirect_hosts: redirect::read(source)?,
            trusted_proxies: proxies::read(source)?,
            tls: tls::read(source)?,
            log: log::read(source)?,
            limits: limits::read(source)?,
            site,
        })
    }
}

/// The limits that hold where none are configured.
#[cfg(test)]
pub(crate) fn limits() -> Limits {
    let nothing = source::Source::new(None, std::collections::HashMap::new());
    let limits = nothing.and_then(|nothing| limits::read(&nothing));
    limits.expect("defaults")
}

/// A whole configuration of an `https://auth.example.com`, with one provider.
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
    let file = crate::document::Document::parse("c.yaml".to_owned(), text.into(), "");
    let file = file.expect("a document");
    let source = source::Source::new(Some(file), std::collections::HashMap::new());
    source
        .and_then(|source| Config::read(&source))
        .expect("a configuration")
}
