use super::*;
use crate::reason::Reason;

fn read(json: &str) -> Result<Header, TokenError> {
    Header::read(&Json::parse(json.as_bytes()).unwrap(), is_bearer_type)
}

#[test]
fn k01_the_header_of_a_kubernetes_token_is_read() {
    let header = read(r#"{"alg":"RS256","kid":"0Xb9"}"#).unwrap();
    assert_eq!(header.algorithm(), Algorithm::Rs256);
    assert_eq!(header.kid(), Some("0Xb9"));
    assert!(read(r#"{"alg":"ES384","kid":"k","typ":"JWT"}"#).is_ok());
}

#[test]
fn j04_none_and_hmac_are_refused_in_any_spelling() {
    for name in [
        "none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "hs256", "rs256", "RS256 ", "",
        "RS1", "ES256K", "ES512", "Ed448", "eddsa", "RSA-OAEP", "dir",
    ] {
        let error = read(&format!(r#"{{"alg":"{name}"}}"#)).unwrap_err();
        assert_eq!(error, TokenError::AlgorithmUnknown, "{name}");
        assert_eq!(error.reason(), Reason::AlgorithmRefused);
    }
    for header in [
        r#"{}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["RS256"]}"#,
        r#"{"ALG":"RS256"}"#,
    ] {
        let error = read(header).unwrap_err();
        assert_eq!(error, TokenError::HeaderParameter("alg"), "{header}");
    }
}

#[test]
fn j14_both_names_of_ed25519_are_known() {
    for name in ["EdDSA", "Ed25519"] {
        let header = read(&format!(r#"{{"alg":"{name}"}}"#)).unwrap();
        assert_eq!(header.algorithm(), Algorithm::EdDsa);
    }
}

#[test]
fn j06_any_crit_is_refused() {
    for crit in [
        "[]",
        "null",
        "{}",
        "\"exp\"",
        "[\"exp\"]",
        "[\"exp\",\"exp\"]",
        "[\"b64\"]",
        "[\"x\"]",
    ] {
        let error = read(&format!(r#"{{"alg":"RS256","crit":{crit}}}"#)).unwrap_err();
        assert_eq!(error, TokenError::Critical, "{crit}");
    }
}

#[test]
fn j06_b64_is_refused() {
    for b64 in ["true", "false", "null"] {
        let error = read(&format!(r#"{{"alg":"RS256","b64":{b64}}}"#)).unwrap_err();
        assert_eq!(error, TokenError::Critical, "{b64}");
    }
}

#[test]
fn j07_keys_and_their_urls_in_a_header_are_never_used() {
    let plain = read(r#"{"alg":"RS256","kid":"k"}"#).unwrap();
    for member in [
        r#""jku":"https://evil.example/keys""#,
        r#""x5u":"https://evil.example/chain""#,
        r#""x5c":["AAAA"]"#,
        r#""jwk":{"kty":"oct","k":"AAAA"}"#,
        r#""jku":7"#,
        r#""x5t":"short""#,
    ] {
        let header = read(&format!(r#"{{"alg":"RS256","kid":"k",{member}}}"#)).unwrap();
        assert_eq!(header, plain, "{member}");
    }
}

#[test]
fn j09_only_types_of_bearer_tokens_are_accepted() {
    let with = |typ: &str| read(&format!(r#"{{"alg":"RS256","typ":{typ}}}"#));
    for typ in [
        "JWT",
        "jwt",
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/JWT",
    ] {
        assert!(with(&format!("\"{typ}\"")).is_ok(), "{typ}");
    }
    for typ in [
        "",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "JWE",
        "JOSE",
        "JOSE+JSON",
        "portcullis-session+jwt",
        "text/jwt",
        "application/application/jwt",
        "jwt ",
    ] {
        assert_eq!(
            with(&format!("\"{typ}\"")).unwrap_err(),
            TokenError::Type,
            "{typ}"
        );
    }
    for typ in ["null", "7", "[\"JWT\"]"] {
        let error = with(typ).unwrap_err();
        assert_eq!(error, TokenError::HeaderParameter("typ"), "{typ}");
    }
}

#[test]
fn j01_a_nested_token_is_refused() {
    for cty in ["\"JWT\"", "\"json\"", "null"] {
        let error = read(&format!(r#"{{"alg":"RS256","cty":{cty}}}"#)).unwrap_err();
        assert_eq!(error, TokenError::Nested, "{cty}");
    }
}

#[test]
fn j10_a_kid_is_opaque_and_bounded() {
    let with = |kid: &str| read(&format!(r#"{{"alg":"RS256","kid":{kid}}}"#));
    let odd = r#""../../dev/null\u0000\r\n' OR '1'='1""#;
    assert_eq!(
        with(odd).unwrap().kid(),
        Some("../../dev/null\0\r\n' OR '1'='1")
    );
    assert_eq!(with("\"\"").unwrap().kid(), Some(""));
    assert!(with(&format!("\"{}\"", "k".repeat(1024))).is_ok());
    for kid in [
        &*format!("\"{}\"", "k".repeat(1025)),
        "null",
        "7",
        "[\"k\"]",
    ] {
        assert_eq!(with(kid).unwrap_err(), TokenError::HeaderParameter("kid"));
    }
}
