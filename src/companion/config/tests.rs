mod bad_values;
mod errors;
mod layers;
mod providers;
mod values;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use clap::{Args as _, Command, FromArgMatches as _};

use crate::document::Document;

use super::arguments::Override;
use super::settings::{SETTINGS, Shape};
use super::*;

const FILE: &str = "\
url: https://auth.example.com
policy: portcullis.yaml
providers:
  - issuer: https://gitlab.example.com
    client_id: portcullis
session:
  keys_file: secrets/session-keys
  cookie: {domain: example.com}
";

/// Every setting, none with its default value.
pub(super) const FULL: &str = "\
url: https://auth.example.com:8443
listen: unix:run/socket
listen_mode: \"0600\"
metrics: '[::1]:9180'
policy: /etc/portcullis.yaml
providers:
  - name: gitlab
    issuer: https://gitlab.example.com/
    client_id: portcullis
    client_secret_file: /run/secrets/client
    audiences: [project, other]
    scopes: [openid, groups]
    groups_claim: [realm_access, roles]
    trust_unverified_email: true
    ca_file: ca.pem
    discovery: https://gitlab.example.com/metadata?p=flow
    algorithms: [ES256, RS256]
    authorize_params: {access_type: offline, prompt: consent}
    end_session: https://gitlab.example.com/logout?client_id=a
    timeout: 7s
    proxy: http://gate:hunter2@proxy:3128
  - {name: other, issuer: https://other.example.com, client_id: a}
session:
  keys_file: /run/keys
  state_file: /var/state
  lifetime: 10h
  idle: 30m
  token: 60s
  groups: policy
  store: rediss-sentinel://one:1,[::1]/main/3
  redis: {username: portcullis, password_file: redis, ca_file: redis.pem, sentinel_username: watcher, sentinel_password_file: sentinel}
  cookie: {domain: example.com, same_site: none}
trust:
  staging: {connect: '10.1.0.1:6443', ca_file: staging.pem, token_file: /run/token}
redirect_hosts: [.example.com, '*.example.org', 'example.net:8443']
trusted_proxies: [10.1.0.0/16, fd00::/8, 192.0.2.1, unix]
tls: {cert: tls.crt, key: tls.key}
log: {format: text, level: debug}
limits:
  connections: 10
  header_bytes: 16384
  body_bytes: 2048
  handshake: 1s
  header: 2s
  request: 3s
  idle: 4s
  shutdown: 5s
";

fn read(file: &str, flags: &[&str]) -> Result<Config, String> {
    let file = (!file.is_empty()).then(|| {
        let name = "etc/companion.yaml".to_owned();
        Document::parse(name, file.into(), "write something").expect("a document")
    });
    let overrides = arguments(flags).overrides;
    let source = source::Source::new(&SERVE, file, overrides);
    let config = source.and_then(|source| Config::read(&source));
    config.map_err(|report| report.to_string())
}

fn arguments(flags: &[&str]) -> Arguments {
    let command = Arguments::augment_args(Command::new("serve"));
    let matches = command.try_get_matches_from([&["serve"], flags].concat());
    let matches = matches.unwrap_or_else(|error| panic!("{error}"));
    Arguments::from_arg_matches(&matches).expect("arguments")
}

fn good(file: &str, flags: &[&str]) -> Config {
    read(file, flags).unwrap_or_else(|report| panic!("{report}"))
}

/// The error of a file with one piece of it replaced.
#[track_caller]
fn error_of(file: &str, piece: &str, other: &str) -> String {
    assert_eq!(file.matches(piece).count(), 1, "one location for {piece}");
    read(&file.replace(piece, other), &[]).expect_err(other)
}
