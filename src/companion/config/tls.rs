//! TLS, where no proxy in front terminates it.

use std::path::PathBuf;

use crate::document::Report;

use super::source::Source;

/// The companion's certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Tls {
    /// The certificate and its chain, as PEM.
    pub(crate) cert: PathBuf,
    /// Its private key, as PEM.
    pub(crate) key: PathBuf,
}

pub(super) fn read(source: &Source) -> Result<Option<Tls>, Report> {
    let help = "TLS needs a certificate and a key: set both files, or neither";
    match (source.path("tls.cert")?, source.path("tls.key")?) {
        (Some(cert), Some(key)) => Ok(Some(Tls {
            cert: cert.value,
            key: key.value,
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(source.missing_field("tls.key", help)),
        (None, Some(_)) => Err(source.missing_field("tls.cert", help)),
    }
}
