use super::*;
use crate::fixtures::unsigned;
use crate::session::is_token_type;
use crate::token::Token;

fn read(payload: &str) -> Result<Claims, TokenError> {
    let text = unsigned(
        r#"{"alg":"ES256","typ":"portcullis-session+jwt","kid":"a"}"#,
        payload,
    );
    Claims::read(Token::parse_as(&text, is_token_type)?.claims())
}

fn alice() -> Claims {
    Claims {
        issuer: "https://auth.example.com".to_owned(),
        subject: "4711".to_owned(),
        provider: "sso".to_owned(),
        handles: SessionHandles {
            sid: Id::from_bytes([1; 16]),
            handle: Id::from_bytes([2; 16]),
            began: Timestamp::from_secs(1000),
        },
        issued_at: Timestamp::from_secs(2000),
        expires_at: Timestamp::from_secs(2300),
        email: Some("alice@example.com".to_owned()),
        email_verified: true,
        groups: vec!["sre".to_owned(), "a \"b\"".to_owned()],
        preferred_username: Some("Ali\u{e7}e".to_owned()),
        provider_claims: Some(Json::parse(br#"{"roles":["a",1],"org":{"unit":null}}"#).unwrap()),
    }
}

#[test]
fn claims_survive_serialization() {
    let alice = alice();
    assert_eq!(read(&alice.to_json()), Ok(alice.clone()));
    let bare = Claims {
        email: None,
        email_verified: false,
        groups: Vec::new(),
        preferred_username: None,
        provider_claims: None,
        ..alice
    };
    assert_eq!(read(&bare.to_json()), Ok(bare.clone()));
    assert_eq!(
        bare.to_json(),
        r#"{"iss":"https://auth.example.com","aud":"https://auth.example.com","sub":"4711","idp":"sso","sid":"AQEBAQEBAQEBAQEBAQEBAQ","handle":"AgICAgICAgICAgICAgICAg","began":1000,"iat":2000,"exp":2300}"#,
        "what is not known is not there"
    );
    let unverified = Claims {
        email_verified: false,
        ..self::alice()
    };
    assert!(unverified.to_json().contains(r#""email_verified":false"#));
}

#[test]
fn a_missing_or_malformed_claim_is_an_error() {
    let whole = alice().to_json();
    for (member, name, others) in [
        (r#""idp":"sso""#, "idp", &["1", "\"\"", "null"][..]),
        (
            r#""sid":"AQEBAQEBAQEBAQEBAQEBAQ""#,
            "sid",
            &["7", "\"\"", "\"AQEBAQEBAQEBAQEBAQEBAR\"", "\"short\""],
        ),
        (
            r#""handle":"AgICAgICAgICAgICAgICAg""#,
            "handle",
            &["null", "\"x\""],
        ),
        (
            r#""began":1000"#,
            "began",
            &["-1", "1000.5", "\"1000\"", "null"],
        ),
        (r#""iat":2000"#, "iat", &["\"2000\"", "null"]),
    ] {
        assert!(whole.contains(member), "{member}");
        let without = whole.replace(&format!("{member},"), "");
        assert_eq!(read(&without), Err(TokenError::Claim(name)));
        for other in others {
            let text = whole.replace(member, &format!("\"{name}\":{other}"));
            assert_eq!(read(&text), Err(TokenError::Claim(name)), "{other}");
        }
    }
    for (member, name, other) in [
        (r#""email":"alice@example.com""#, "email", "[]"),
        (r#""email_verified":true"#, "email_verified", "\"true\""),
        (r#""groups":["sre""#, "groups", "[1"),
    ] {
        assert!(whole.contains(member), "{member}");
        let text = whole.replace(member, &format!("\"{name}\":{other}"));
        assert_eq!(read(&text), Err(TokenError::Claim(name)), "{name}");
    }
    for other in ["[]", "\"x\"", "null", "1"] {
        let claims = r#""claims":{"roles":["a",1],"org":{"unit":null}}"#;
        let text = whole.replace(claims, &format!(r#""claims":{other}"#));
        assert_ne!(text, whole);
        assert_eq!(read(&text), Err(TokenError::Claim("claims")), "{other}");
    }
}
