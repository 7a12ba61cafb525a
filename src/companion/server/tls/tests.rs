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
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (cert, key, fault) in [
        ("", &*key, LoadError::Cert),
        (&*key, &*key, LoadError::Cert),
        (&*cert, "", LoadError::Key),
        (&*cert, &*cert, LoadError::Key),
        (&*cert, &*other, LoadError::Pair),
        (broken, &*key, LoadError::Pair),
    ] {
        let result = config(cert.as_bytes(), key.as_bytes());
        assert_eq!(result.map(|_| ()).expect_err("no pair"), fault);
    }
}
