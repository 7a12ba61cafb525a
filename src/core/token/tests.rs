use wasm_bindgen_test::wasm_bindgen_test;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::decision::{Class, Reason};
use crate::fixtures::{token, unsigned};

const HEADER: &str = r#"{"alg":"RS256","kid":"k"}"#;
const PAYLOAD: &str = r#"{"iss":"https://a","sub":"s","aud":"a","exp":2000000000}"#;

fn parse(text: &str) -> Result<Token, TokenError> {
    Token::parse(text)
}

#[wasm_bindgen_test(unsupported = test)]
fn a_token_is_split_into_signing_input_and_signature() {
    let text = token(Algorithm::Rs256, HEADER, PAYLOAD);
    let token = parse(&text).unwrap();
    assert_eq!(token.header().kid(), Some("k"));
    assert_eq!(token.claims().issuer(), "https://a");
    assert_eq!(token.signature().len(), 256);
    let (signed, _) = text.rsplit_once('.').unwrap();
    assert_eq!(token.signing_input(), signed.as_bytes());
}

#[wasm_bindgen_test(unsupported = test)]
fn j01_a_token_has_three_non_empty_parts() {
    let good = unsigned(HEADER, PAYLOAD);
    assert!(parse(&good).is_ok());
    let parts: Vec<&str> = good.split('.').collect();
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        parts[0].to_owned(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!(".{}.{}", parts[1], parts[2]),
        format!("{}..{}", parts[0], parts[2]),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{}", parts[2]),
        format!("{good}.{}.{}", parts[2], parts[2]),
    ] {
        assert_eq!(parse(&text).unwrap_err(), TokenError::NotCompact, "{text}");
    }
}

#[test]
fn j01_the_json_serialization_is_refused() {
    let json = r#"{"payload":"e30","protected":"e30","signature":"e30"}"#;
    assert_eq!(parse(json).unwrap_err().reason(), Reason::TokenMalformed);
}

#[wasm_bindgen_test(unsupported = test)]
fn j02_every_part_has_one_spelling() {
    let good = unsigned(HEADER, PAYLOAD);
    let parts: Vec<&str> = good.split('.').collect();
    for (at, part) in [Part::Header, Part::Payload, Part::Signature]
        .into_iter()
        .enumerate()
    {
        let own = parts[at];
        let (head, tail) = own.split_at(4);
        for spelling in [
            format!("{own}="),
            format!("{own}=="),
            format!(" {own}"),
            format!("{own}\n"),
            format!("{own}\t"),
            format!("{head}+{tail}"),
            format!("{head}/{tail}"),
            format!("{head}%2D{tail}"),
            format!("{head}é{tail}"),
            format!("{head}\0{tail}"),
        ] {
            let mut parts = parts.clone();
            parts[at] = &spelling;
            let error = parse(&parts.join(".")).unwrap_err();
            assert_eq!(error, TokenError::Encoding(part), "{spelling:?}");
        }
    }
}

#[test]
fn j02_unused_bits_that_are_set_are_refused() {
    let good = unsigned(HEADER, PAYLOAD);
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert!(parse(&format!("{signed}.AA")).is_ok());
    for signature in ["AB", "AP", "AAB", "AAD"] {
        let error = parse(&format!("{signed}.{signature}")).unwrap_err();
        assert_eq!(error, TokenError::Encoding(Part::Signature), "{signature}");
    }
}

#[test]
fn j03_length_is_capped_before_anything_is_decoded() {
    let good = unsigned(HEADER, PAYLOAD);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let room = Token::MAX_BYTES - signed.len() - 1;
    let room = room - room % 4;
    assert!(parse(&format!("{signed}.{}", "A".repeat(room))).is_ok());
    let error = parse(&"A".repeat(Token::MAX_BYTES + 1)).unwrap_err();
    assert_eq!(error, TokenError::TooLarge);
    assert_eq!(error.reason(), Reason::TokenTooLarge);
}

#[wasm_bindgen_test(unsupported = test)]
fn j03_depth_and_number_of_values_are_capped() {
    let deep = |depth| {
        let nested = "[".repeat(depth) + &"]".repeat(depth);
        PAYLOAD.replace('}', &format!(r#","x":{nested}}}"#))
    };
    assert!(parse(&unsigned(HEADER, &deep(15))).is_ok());
    for depth in [16, 127, 128, 10_000] {
        let error = parse(&unsigned(HEADER, &deep(depth))).unwrap_err();
        assert_eq!(error, TokenError::Json(Part::Payload), "{depth}");
    }
    let many = PAYLOAD.replace('}', &format!(r#","x":[0{}]}}"#, ",0".repeat(16_384)));
    let error = parse(&unsigned(HEADER, &many)).unwrap_err();
    assert_eq!(error, TokenError::Json(Part::Payload));
}

#[wasm_bindgen_test(unsupported = test)]
fn j08_duplicate_members_are_refused_in_header_and_payload() {
    for header in [
        r#"{"alg":"RS256","alg":"RS256"}"#,
        r#"{"alg":"RS256","\u0061lg":"none"}"#,
        r#"{"alg":"RS256","kid":"a","kid":"b"}"#,
        r#"{"alg":"RS256","x":{"y":1,"y":1}}"#,
    ] {
        let error = parse(&unsigned(header, PAYLOAD)).unwrap_err();
        assert_eq!(error, TokenError::Json(Part::Header), "{header}");
    }
    for twice in [
        r#""iss":"https://b""#,
        r#""\u0061ud":"b""#,
        r#""x":{"y":1,"y":2}"#,
        r#""x":[[{"y":1,"\u0079":2}]]"#,
    ] {
        let payload = PAYLOAD.replace('}', &format!(",{twice}}}"));
        let error = parse(&unsigned(HEADER, &payload)).unwrap_err();
        assert_eq!(error, TokenError::Json(Part::Payload), "{payload}");
    }
}

#[test]
fn j22_header_and_payload_must_be_json_objects() {
    for text in [
        "",
        " ",
        "null",
        "[]",
        "\"\"",
        "1",
        "{",
        "{}{}",
        "{} x",
        "\u{feff}{}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":NaN}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":1e999}",
        "{\"a\":01}",
    ] {
        let header = parse(&unsigned(text, PAYLOAD)).unwrap_err();
        let payload = parse(&unsigned(HEADER, text)).unwrap_err();
        if text.is_empty() {
            assert_eq!(header, TokenError::NotCompact);
            assert_eq!(payload, TokenError::NotCompact);
        } else {
            assert_eq!(header, TokenError::Json(Part::Header), "{text:?}");
            assert_eq!(payload, TokenError::Json(Part::Payload), "{text:?}");
        }
    }
}

#[test]
fn j22_invalid_utf_8_is_refused() {
    for bytes in [
        &b"{\"a\":\"\xff\"}"[..],
        b"{\"a\":\"\xed\xa0\x80\"}",
        b"\xff\xfe{}",
    ] {
        let bad = URL_SAFE_NO_PAD.encode(bytes);
        let good = unsigned(HEADER, PAYLOAD);
        let parts: Vec<&str> = good.split('.').collect();
        let text = format!("{}.{bad}.{}", parts[0], parts[2]);
        assert_eq!(parse(&text).unwrap_err(), TokenError::Json(Part::Payload));
    }
}

#[test]
fn j23_neither_errors_nor_debug_output_repeat_the_token() {
    let text = token(Algorithm::Es256, r#"{"alg":"ES256"}"#, PAYLOAD);
    let debug = format!("{:?}", parse(&text).unwrap());
    for part in text.split('.') {
        assert!(!debug.contains(part), "{debug}");
    }
    assert!(!debug.contains("https://a"), "{debug}");
    let error = parse(&unsigned(r#"{"alg":"s3cret"}"#, PAYLOAD)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

#[test]
fn j23_refusals_do_not_reveal_the_error() {
    for error in [
        TokenError::AlgorithmMismatch,
        TokenError::AlgorithmUnknown,
        TokenError::AudienceMismatch,
        TokenError::Bound,
        TokenError::Claim("exp"),
        TokenError::Critical,
        TokenError::Encoding(Part::Signature),
        TokenError::Expired,
        TokenError::HeaderParameter("kid"),
        TokenError::IssuerMismatch,
        TokenError::Json(Part::Header),
        TokenError::LifetimeTooLong,
        TokenError::Nested,
        TokenError::NotCompact,
        TokenError::NotYetValid,
        TokenError::ProviderUnknown,
        TokenError::SignatureInvalid,
        TokenError::Subject,
        TokenError::SubjectMismatch,
        TokenError::TooLarge,
        TokenError::Type,
    ] {
        assert_eq!(error.reason().class(), Class::InvalidToken, "{error}");
    }
}
