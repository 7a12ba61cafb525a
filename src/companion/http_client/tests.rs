use super::*;

#[test]
fn a_place_to_connect_to_is_a_host_and_a_port() {
    for text in [
        "10.1.0.1:6443",
        "[fd00::1]:6443",
        "kubernetes.example.com:443",
    ] {
        let connect: Connect = text.parse().unwrap();
        assert_eq!(connect.to_string(), text);
    }
    for text in [
        "",
        "10.1.0.1",
        ":6443",
        "10.1.0.1:",
        "10.1.0.1:0",
        "10.1.0.1:65536",
        "10.1.0.1:+443",
        "fd00::1:6443",
        "[fd00::1]",
        "[10.1.0.1]:6443",
        "https://kubernetes.example.com:443",
        "user@kubernetes.example.com:443",
    ] {
        assert_eq!(text.parse::<Connect>(), Err(ConnectError(())), "{text}");
    }
}

#[test]
fn r14_a_file_without_certificates_is_no_trust_in_everybody() {
    let truncated = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    for pem in ["", "hello", truncated] {
        let error = tls(Some(pem.as_bytes())).map(drop).unwrap_err();
        assert!(matches!(error, ClientError::NoCertificate), "{error}");
    }
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let error = tls(Some(nonsense.as_bytes())).map(drop).unwrap_err();
    assert!(matches!(error, ClientError::Certificate(_)), "{error}");
}
