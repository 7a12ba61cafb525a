//! Certificates of a companion, and clients that trust them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Writes a certificate for the companion's host and its key, and returns the configuration of a
/// client that trusts it.
pub(crate) fn certify(folder: &Path) -> Arc<ClientConfig> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["auth.example.com".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    // The key first: for a moment the files do not match, as when an operator copies both.
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    let mut roots = RootCertStore::empty();
    let der = CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap();
    roots.add(der).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// The flags for TLS with that certificate.
pub(crate) fn tls_flags(folder: &Path) -> [String; 2] {
    ["cert", "key"].map(|name| {
        let file = folder.join(format!("{name}.pem"));
        format!("--tls-{name}={}", file.display())
    })
}

/// Requests `/ping` over TLS; `None` if the certificate is another one, or nothing listens yet.
pub(crate) fn ping_over_tls(address: SocketAddr, trust: &Arc<ClientConfig>) -> Option<String> {
    let name = ServerName::try_from("auth.example.com").unwrap();
    let client = ClientConnection::new(Arc::clone(trust), name).unwrap();
    let stream = std::net::TcpStream::connect(address).ok()?;
    let mut stream = StreamOwned::new(client, stream);
    let request = b"GET /ping HTTP/1.1\r\nhost: auth.example.com\r\nconnection: close\r\n\r\n";
    stream.write_all(request).ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).ok()?;
    Some(response)
}
