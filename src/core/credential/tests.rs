use super::*;

fn read(values: &[&'static [u8]]) -> Result<Credential<'static>, Reason> {
    let fields = values
        .iter()
        .map(|value| (b"authorization".as_slice(), *value))
        .collect();
    Credential::read(&Headers::new(fields), 20)
}

#[test]
fn h02_the_scheme_is_read_in_any_case_and_before_any_number_of_spaces() {
    for value in [
        "Bearer abc.def.ghi",
        "bearer abc.def.ghi",
        "BEARER    abc.def.ghi",
    ] {
        assert_eq!(
            read(&[value.as_bytes()]),
            Ok(Credential::Bearer("abc.def.ghi")),
            "{value}"
        );
    }
}

#[test]
fn h02_another_scheme_is_not_a_bearer_token() {
    for value in [
        "Basic YTpi",
        "Bearerabc def",
        "Negotiate",
        "Digest a=\"b\", c=\"d\"",
    ] {
        assert_eq!(
            read(&[value.as_bytes()]),
            Ok(Credential::Nothing),
            "{value}"
        );
    }
    assert_eq!(read(&[b"Basic \xff\xfe"]), Ok(Credential::Nothing));
    assert_eq!(read(&[]), Ok(Credential::Nothing));
}

#[test]
fn h02_several_credentials_are_ambiguous() {
    for value in [
        "Bearer a, Bearer b",
        "Bearer a,Basic b",
        "Basic a, bearer b",
        "Bearer a,",
        "Basic a,Bearer",
    ] {
        assert_eq!(
            read(&[value.as_bytes()]),
            Err(Reason::AuthorizationAmbiguous),
            "{value}"
        );
    }
    for pair in [
        [b"Bearer a".as_slice(), b"Bearer a"],
        [b"Basic a", b"Basic b"],
    ] {
        assert_eq!(read(&pair), Err(Reason::AuthorizationAmbiguous));
    }
}

#[test]
fn h01_a_bearer_header_without_a_token_of_the_right_form_is_malformed() {
    for value in [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer \ta",
        "Bearer a=b",
        "Bearer =",
        "",
        " a",
        "Bearer a\"b",
    ] {
        assert_eq!(
            read(&[value.as_bytes()]),
            Err(Reason::AuthorizationMalformed),
            "{value}"
        );
    }
    assert_eq!(
        read(&[b"Bearer \xff\xfe"]),
        Err(Reason::AuthorizationMalformed)
    );
}

/// A malformed bearer token does not count as another scheme: that would be ignored if the request has
/// a session, and a lenient app could accept it.
#[test]
fn h02_a_bearer_scheme_with_another_separator_is_malformed() {
    let separators: [&[u8]; 22] = [
        b"\t",
        b"\x0b",
        b"\x0c",
        b"\r",
        b"\n",
        b"\0",
        b"\x7f",
        b"\x85",
        b"\xa0",
        b"\xc2\x85",
        b"\xc2\xa0",
        b"\xe2\x80\x83",
        b"\xff",
        b":",
        b",",
        b";",
        b"=",
        b"/",
        b"\"",
        b"(",
        b"@",
        b"[",
    ];
    for scheme in ["Bearer", "bearer", "BEARER", "bEARER"] {
        for separator in separators {
            for token in ["", "abc", " abc", "\tabc"] {
                let value = [scheme.as_bytes(), separator, token.as_bytes()].concat();
                let fields = vec![(b"authorization".as_slice(), value.as_slice())];
                assert_eq!(
                    Credential::read(&Headers::new(fields), 20),
                    Err(Reason::AuthorizationMalformed),
                    "{value:?}"
                );
            }
        }
    }
    // A longer token is the name of another scheme.
    for value in [
        "Bearer-x y",
        "Bearer_x",
        "Bearer.x",
        "Bearer+x",
        "Bearerx",
        "Bearer1",
    ] {
        assert_eq!(
            read(&[value.as_bytes()]),
            Ok(Credential::Nothing),
            "{value}"
        );
    }
}

#[test]
fn h02_a_bearer_token_with_another_separator_beside_other_credentials_is_ambiguous() {
    for value in [
        "Basic a, Bearer\tx",
        "Basic a,Bearer:x",
        "Basic a,\x0bBearer x",
        "Basic a,\u{a0}bearer\u{a0}x",
        "Basic a, ;Bearer x",
    ] {
        assert_eq!(
            read(&[value.as_bytes()]),
            Err(Reason::AuthorizationAmbiguous),
            "{value}"
        );
    }
    for value in ["Digest a=b, bearer=c", "Digest a=\"b, Bearer\""] {
        assert_eq!(
            read(&[value.as_bytes()]),
            Ok(Credential::Nothing),
            "{value}"
        );
    }
}

#[test]
fn j03_a_token_over_the_limit_is_too_large() {
    assert_eq!(
        read(&[b"Bearer 01234567890123456789"]),
        Ok(Credential::Bearer("01234567890123456789"))
    );
    assert_eq!(
        read(&[b"Bearer 012345678901234567890"]),
        Err(Reason::TokenTooLarge)
    );
}

#[test]
fn h01_any_other_byte_at_any_place_in_a_token_is_malformed() {
    for length in 1..=34 {
        let token = "a".repeat(length);
        assert_eq!(b64token_length(token.as_bytes()), length);
        for place in 0..length {
            for byte in (0..=u8::MAX).filter(|byte| !is_b64token(*byte)) {
                let mut token = token.clone().into_bytes();
                token[place] = byte;
                assert_eq!(b64token_length(&token), place, "{length} {byte}");
            }
        }
    }
}
