//! TLS by rustls, where nothing in front terminates it.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;
use crate::document::Report;
use crate::watch::{Watched, Watcher};

#[cfg(test)]
mod tests;

/// Reads certificate and key, and reads them again when they change. Connections that there are
/// keep what they began with.
pub(crate) fn watch(watcher: &mut Watcher, tls: &Tls) -> Result<Watched<ServerConfig>, Report> {
    let (cert, key) = (tls.cert.clone(), tls.key.clone());
    let names: [PathBuf; 2] = [cert.clone(), key.clone()];
    watcher.watch("tls", vec![cert, key], move |contents| {
        let [cert, key] = contents.as_slice() else {
            return Err(Report::of(
                "tls",
                "not two files",
                "name certificate and key",
            ));
        };
        config(cert, key).map_err(|fault| {
            let [cert, key] = &names;
            let (name, problem, help) = match fault {
                Fault::Cert => (
                    cert,
                    "holds no certificate in PEM",
                    "write the certificate and its chain",
                ),
                Fault::Key => (
                    key,
                    "holds no private key in PEM",
                    "write the certificate's key",
                ),
                Fault::Pair => (
                    key,
                    "is not the key of the certificate, or of a kind that is not known",
                    "write the two that belong together",
                ),
            };
            Report::of(&name.display().to_string(), problem, help)
        })
    })
}

/// What is wrong. No more is told, since it is about a private key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    Cert,
    Key,
    Pair,
}

fn config(cert: &[u8], key: &[u8]) -> Result<ServerConfig, Fault> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or(Fault::Cert)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Fault::Key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| Fault::Pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|_| Fault::Pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
