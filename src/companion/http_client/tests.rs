use super::*;

#[test]
fn r14_a_ca_file_without_certificates_is_an_error() {
    let truncated = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    for pem in ["", "hello", truncated] {
        let error = tls(Some(pem.as_bytes())).map(drop).unwrap_err();
        assert!(matches!(error, ClientError::NoCertificate), "{error}");
    }
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let error = tls(Some(nonsense.as_bytes())).map(drop).unwrap_err();
    assert!(matches!(error, ClientError::Certificate(_)), "{error}");
}
