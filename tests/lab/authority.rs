//! A private certificate authority, like the custom CA bundle of an issuer in a company network.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData as _,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest as _, Sha256};

use super::folder;

/// Lifetime of a server certificate. Some browsers reject certificates that are valid for years.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
/// Tolerated clock skew.
const SKEW: Duration = Duration::from_secs(3600);

/// A certificate authority, with its certificate on disk as PEM.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
    file: PathBuf,
    /// Whether servers present its own certificate.
    is_server: bool,
    /// How long the certificates of servers are valid from now on; `None` if they have expired.
    lifetime: Option<Duration>,
}

impl Authority {
    /// A new authority that no client trusts yet.
    ///
    /// # Panics
    /// If its file can't be written.
    #[must_use]
    pub fn new() -> Self {
        Self::create("the lab's authority", CertificateParams::default())
    }

    /// A new authority with this name, constrained to `localhost` and names below it, so that a
    /// browser that trusts it accepts no other names from it (RFC 5280 section 4.2.1.10).
    ///
    /// # Panics
    /// If its file can't be written.
    #[must_use]
    pub fn for_localhost(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("localhost".to_owned())],
            excluded_subtrees: [
                CidrSubnet::from_v4_prefix([0; 4], 0),
                CidrSubnet::from_v6_prefix([0; 16], 0),
            ]
            .map(GeneralSubtree::IpAddress)
            .to_vec(),
        });
        Self::create(name, params)
    }

    /// A self-signed certificate for `names` that is a CA, as `openssl req -x509` creates it. Servers present
    /// it as their own.
    ///
    /// # Panics
    /// If a name is neither a DNS name nor an address, or its file can't be written.
    #[must_use]
    pub fn self_signed(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let params = CertificateParams::new(names).expect("names of a server");
        Self {
            is_server: true,
            ..Self::create("a self-signed server of the lab", params)
        }
    }

    /// The same authority, whose servers get certificates that are valid for this time; `None` for expired ones.
    #[must_use]
    pub fn valid_for(self, lifetime: Option<Duration>) -> Self {
        Self { lifetime, ..self }
    }

    fn create(name: &str, mut params: CertificateParams) -> Self {
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let file = folder::fresh("authority").join("ca.pem");
        fs::write(&file, certificate.pem())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self {
            issuer: Issuer::new(params, key),
            der: certificate.der().to_vec(),
            file,
            is_server: false,
            lifetime: Some(LIFETIME),
        }
    }

    /// Its certificate as a PEM file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The SHA-256 digest of its public key in base64, the form in which Chromium identifies
    /// authorities.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let key = self.issuer.key().subject_public_key_info();
        STANDARD.encode(Sha256::digest(key))
    }

    /// Its certificate as DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The TLS configuration of a server with a certificate for `names` (DNS names or addresses).
    /// The server sends the authority's certificate along.
    ///
    /// # Panics
    /// If a name is neither a DNS name nor an address.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> Arc<ServerConfig> {
        let own = CertificateDer::from(self.der.clone());
        let (chain, key) = if self.is_server {
            (vec![own], self.issuer.key().serialize_der())
        } else {
            let (certificate, key) = self.certify(names);
            (vec![certificate.der().clone(), own], key.serialize_der())
        };
        let key = PrivateKeyDer::try_from(key).expect("a key in PKCS #8");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        Arc::new(config)
    }

    /// A certificate and key as files, for a server that reads them from disk.
    ///
    /// # Panics
    /// If a name is neither a DNS name nor an address, or the files can't be written.
    #[must_use]
    pub fn identity(&self, names: &[&str]) -> Identity {
        let (certificate, key) = self.certify(names);
        let folder = folder::fresh("identity");
        let identity = Identity {
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        };
        for (file, text) in [
            (&identity.certificate, certificate.pem() + &self.pem()),
            (&identity.key, key.serialize_pem()),
        ] {
            fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
        identity
    }

    /// The TLS configuration of a client that trusts only the authority in this file.
    ///
    /// # Panics
    /// If the file has no certificate.
    #[must_use]
    pub fn trust_from_file(file: &Path) -> Arc<ClientConfig> {
        let certificate = CertificateDer::from_pem_file(file);
        Self::trusting([certificate
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
            .into_owned()])
    }

    /// The TLS configuration of a client that trusts only this authority.
    #[must_use]
    pub fn trust(&self) -> Arc<ClientConfig> {
        Self::trust_in(&[self])
    }

    /// The TLS configuration of a client that trusts only these authorities.
    ///
    /// # Panics
    /// Never: the certificates are valid.
    #[must_use]
    pub fn trust_in(authorities: &[&Self]) -> Arc<ClientConfig> {
        Self::trusting(authorities.iter().map(|own| own.der.clone().into()))
    }

    fn trusting(
        certificates: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate).expect("a certificate");
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }

    fn pem(&self) -> String {
        fs::read_to_string(&self.file)
            .unwrap_or_else(|error| panic!("{}: {error}", self.file.display()))
    }

    fn certify(&self, names: &[&str]) -> (Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names of a server");
        params
            .distinguished_name
            .push(DnType::CommonName, "a server of the lab");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let now = SystemTime::now();
        let end = match self.lifetime {
            Some(lifetime) => now + lifetime,
            None => now - SKEW,
        };
        (params.not_before, params.not_after) = ((now - 2 * SKEW).into(), end.into());
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate, key)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// A server's certificate and key as PEM files.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}
