//! TLS by rustls, where no proxy in front terminates it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing::warn;

use crate::config::Tls;
use crate::document::Report;
use crate::files::{self, WriteAccess};
use crate::watch::{Watched, Watcher};

#[cfg(test)]
mod tests;

/// Loads certificate and key, and reloads them when they change. Open connections keep the old ones.
pub(crate) fn watch(watcher: &mut Watcher, tls: &Tls) -> Result<Watched<ServerConfig>, Report> {
    let (cert, key) = (tls.cert.clone(), tls.key.clone());
    let names: [PathBuf; 2] = [cert.clone(), key.clone()];
    watcher.watch("tls", vec![cert, key], move |contents| {
        check_write_access(&names[1])?;
        let [cert, key] = contents.as_slice() else {
            return Err(Report::of(
                "tls",
                "expected two files",
                "set certificate and key",
            ));
        };
        let config = config(cert, key).map_err(|error| {
            let [cert, key] = &names;
            let (name, problem, help) = match error {
                LoadError::NoCert => (
                    cert,
                    "has no PEM certificate",
                    "write the certificate and its chain",
                ),
                LoadError::InvalidCert => (
                    cert,
                    "the first certificate is not a valid X.509 certificate",
                    "write the server's certificate first, then its chain",
                ),
                LoadError::NoKey => (
                    key,
                    "has no PEM private key",
                    "write the private key of the certificate",
                ),
                LoadError::UnsupportedKey => (
                    key,
                    "the private key is damaged or has an unsupported type",
                    "write an RSA, ECDSA or Ed25519 key",
                ),
                LoadError::KeyMismatch => (
                    key,
                    "the private key does not belong to the certificate",
                    "write the private key of the certificate",
                ),
            };
            Report::of(&name.display().to_string(), problem, help)
        })?;
        warn_of_read_access(&names[1])?;
        Ok(config)
    })
}

/// Refuses a private key that others may replace.
fn check_write_access(key: &Path) -> Result<(), Report> {
    match WriteAccess::of_others(key).map_err(|error| unreadable(key, &error))? {
        Some(access) => Err(Report::of(
            &key.display().to_string(),
            &access.to_string(),
            &access.help(),
        )),
        None => Ok(()),
    }
}

/// Warns of a private key that every user may read. Only of one that is loaded, because a failed load is
/// tried again and again.
fn warn_of_read_access(key: &Path) -> Result<(), Report> {
    if let Some(warning) =
        files::read_access_warning(key).map_err(|error| unreadable(key, &error))?
    {
        warn!("TLS key file {warning}");
    }
    Ok(())
}

fn unreadable(key: &Path, error: &io::Error) -> Report {
    let problem = format!("can't be read: {error}");
    Report::of(&key.display().to_string(), &problem, "check the path")
}

/// Why certificate and key can't be loaded. It quotes nothing of the files, one of which is secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum LoadError {
    NoCert,
    InvalidCert,
    NoKey,
    UnsupportedKey,
    KeyMismatch,
}

fn config(cert: &[u8], key: &[u8]) -> Result<ServerConfig, LoadError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or(LoadError::NoCert)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| LoadError::NoKey)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| LoadError::UnsupportedKey)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InvalidCertificate(_) => LoadError::InvalidCert,
            rustls::Error::InconsistentKeys(_) => LoadError::KeyMismatch,
            _ => LoadError::UnsupportedKey,
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
