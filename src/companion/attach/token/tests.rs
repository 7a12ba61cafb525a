use super::*;

fn jwt(claims: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", encode("{\"alg\":\"RS256\"}"), encode(claims))
}

fn times(text: &str) -> Times {
    BearerToken::parse(text.as_bytes())
        .expect("a token")
        .times()
}

fn secs(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

#[test]
fn white_space_at_the_end_is_no_part_of_the_token() {
    for end in ["", "\n", "\r\n", " \n\n"] {
        let token = BearerToken::parse(format!("abc{end}").as_bytes()).expect("a token");
        assert_eq!(token.authorization(), "Bearer abc", "{end:?}");
        assert!(token.authorization().is_sensitive());
    }
}

#[test]
fn what_can_not_be_a_token_is_refused() {
    let large = "a".repeat(MAX_BYTES + 1);
    for (content, error) in [
        (&b""[..], InvalidToken::Empty),
        (b"\n \r\n", InvalidToken::Empty),
        (large.as_bytes(), InvalidToken::TooLarge),
        (b"abc\ndef", InvalidToken::SeveralLines),
        (b"abc\r\nx-other: 1", InvalidToken::SeveralLines),
        (b"Bearer abc", InvalidToken::WhiteSpace),
        (b" abc", InvalidToken::WhiteSpace),
        (b"abc\0", InvalidToken::NotVisible),
        (b"\xef\xbb\xbfabc", InvalidToken::NotVisible),
        (b"\x1f\x8b\x08", InvalidToken::NotVisible),
        ("töken".as_bytes(), InvalidToken::NotVisible),
    ] {
        assert_eq!(
            BearerToken::parse(content).err(),
            Some(error),
            "{content:?}"
        );
    }
    let longest = "a".repeat(MAX_BYTES);
    assert!(BearerToken::parse(longest.as_bytes()).is_ok());
}

#[test]
fn the_lifetime_is_read_from_a_jwt_only() {
    let token = times(&jwt(r#"{"iat":100,"exp":200.5}"#));
    assert_eq!(token.issued_at, Some(secs(100)));
    assert_eq!(token.expires_at, Some(Timestamp::from_millis(200_500)));
    for text in [
        "opaque",
        "a.b.c",
        &jwt("{}"),
        &jwt("[200]"),
        &jwt(r#"{"exp":"200"}"#),
        &jwt(r#"{"exp":-1}"#),
        &format!("{}.d.e", jwt(r#"{"exp":200}"#)),
    ] {
        assert_eq!(times(text), Times::default(), "{text}");
    }
}

#[test]
fn a_token_has_expired_from_its_exp_on() {
    let token = times(&jwt(r#"{"exp":200}"#));
    assert!(!token.has_expired(Timestamp::from_millis(199_999)));
    assert!(token.has_expired(secs(200)));
    assert!(!Times::default().has_expired(secs(u64::MAX)));
}

#[test]
fn a_new_token_is_overdue_when_a_tenth_of_the_lifetime_is_left() {
    let token = times(&jwt(r#"{"iat":1000,"exp":2000}"#));
    assert!(!token.is_overdue(secs(1900)));
    assert!(token.is_overdue(secs(1901)));
    let token = times(&jwt(r#"{"exp":2000}"#));
    assert!(!token.is_overdue(secs(1940)));
    assert!(token.is_overdue(secs(1941)));
    assert!(!Times::default().is_overdue(secs(u64::MAX)));
}
