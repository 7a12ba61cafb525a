use rcgen::{CertificateParams, KeyPair};

use super::*;

/// A certificate and its key, as PEM.
fn pair() -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["auth.example.com".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

#[test]
fn certificate_and_key_make_a_server_of_http_1_and_2() {
    let (cert, key) = pair();
    let config = config(cert.as_bytes(), key.as_bytes()).expect("a server");
    assert_eq!(
        config.alpn_protocols,
        [b"h2".to_vec(), b"http/1.1".to_vec()]
    );
}

#[test]
fn errors_name_the_invalid_file() {
    let ((cert, key), (_, other)) = (pair(), pair());
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let damaged_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (cert, key, expected) in [
        ("", &*key, LoadError::NoCert),
        (&*key, &*key, LoadError::NoCert),
        (damaged, &*key, LoadError::InvalidCert),
        (&*cert, "", LoadError::NoKey),
        (&*cert, &*cert, LoadError::NoKey),
        (&*cert, damaged_key, LoadError::UnsupportedKey),
        (&*cert, &*other, LoadError::KeyMismatch),
    ] {
        let result = config(cert.as_bytes(), key.as_bytes());
        assert_eq!(result.map(|_| ()).expect_err("an error"), expected);
    }
}
