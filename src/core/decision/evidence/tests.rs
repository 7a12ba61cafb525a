use super::*;
use crate::fixtures::unsigned;
use crate::json::Json;

fn read(evidence: &Evidence, text: Option<&str>) -> (String, Json) {
    let line = claimed(evidence, text).unwrap();
    let json = Json::parse(line.as_bytes()).unwrap();
    (line, json)
}

fn text<'a>(json: &'a Json, name: &str) -> Option<&'a str> {
    json.member(name).and_then(Json::as_str)
}

#[test]
fn every_error_has_a_message_and_a_refusing_reason() {
    for error in [
        AuthnError::Token(TokenError::Expired),
        AuthnError::UnknownIssuer,
        AuthnError::UnknownKey,
        AuthnError::SeveralKeys,
        AuthnError::AmbiguousKey,
        AuthnError::OtherAlgorithm,
        AuthnError::StaleKeys,
        AuthnError::KeysUnavailable,
        AuthnError::AppAudience,
        AuthnError::SessionRevoked,
        AuthnError::NoSealedSession,
        AuthnError::RefreshEnded,
        AuthnError::RefreshUnavailable,
        AuthnError::RefreshInvalid,
        AuthnError::RefreshMismatch,
    ] {
        assert_ne!(error.reason().class(), crate::reason::Class::Allowed);
        assert!(error.to_string().len() > 10, "{error:?}");
    }
}

#[test]
fn t16_claims_are_bounded_and_escaped() {
    let long = "x".repeat(800);
    let audiences = vec![format!("\"{long}\""); 50].join(",");
    let payload = format!(
        r#"{{"iss":"https://evil.example\n\u001b[31m\u202e\u007f","sub":"{long}","aud":[{audiences}],"exp":1}}"#
    );
    let token = Token::parse(&unsigned(r#"{"alg":"ES256","kid":"a\u0000b"}"#, &payload)).unwrap();
    let error = AuthnError::Token(TokenError::SignatureInvalid);
    let evidence = Evidence::new(error).with_token(&Arc::new(token));
    let (line, json) = read(&evidence, None);
    assert!(line.len() < 3000, "{}", line.len());
    assert!(
        line.chars()
            .all(|one| !one.is_control() && one != '\u{202e}')
    );
    let iss = r"https://evil.example\u{a}\u{1b}[31m\u{202e}\u{7f}";
    assert_eq!(text(&json, "iss"), Some(iss));
    assert_eq!(text(&json, "kid"), Some(r"a\u{0}b"));
    assert!(text(&json, "sub").is_some_and(|sub| sub.len() < 300 && sub.ends_with('…')));
    assert_eq!(json.member("verified").and_then(Json::as_bool), Some(false));
}

#[test]
fn an_unacceptable_token_is_read_leniently() {
    let evidence = Evidence::new(AuthnError::Token(TokenError::AlgorithmUnknown));
    let token = unsigned(
        r#"{"alg":"none","kid":7}"#,
        r#"{"iss":"https://blue.example.com","sub":4711,"aud":["a",1,"b"],"exp":12}"#,
    );
    let (line, json) = read(&evidence, Some(&token));
    assert_eq!(text(&json, "alg"), Some("none"));
    assert_eq!(text(&json, "iss"), Some("https://blue.example.com"));
    assert!(line.contains(r#""aud":["a","b"],"exp":12"#), "{line}");
    assert_eq!((json.member("sub"), json.member("kid")), (None, None));
    // A text without a readable part has no claims.
    for text in ["", "a.b.c", "opaque", "e30"] {
        let line = claimed(&evidence, Some(text));
        let shows_nothing = line
            .as_deref()
            .is_none_or(|line| line == r#"{"verified":false}"#);
        assert!(shows_nothing, "{text}: {line:?}");
    }
}
