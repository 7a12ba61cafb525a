//! Tokens that two parsers could read differently, or that are expensive to parse.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_tests::lab::TestGateway;
use portcullis_tests::lab::fixture::get_alerts;
use portcullis_tests::lab::token::sign_bytes;
use serde_json::json;

#[tokio::test]
async fn j08_j22_ambiguous_json_is_refused() {
    let mut gateway = TestGateway::start(|_| ()).await.explained();
    let blue = gateway.fixture.cluster("blue");
    let key = blue.key.clone();
    let good_header = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, key.kid());
    let good_claims = blue.karma().claims().to_string();
    let with = |text: &str, more: &str| format!("{},{more}}}", text.strip_suffix('}').unwrap());
    let deep = |depth: usize| format!(r#""x":{}1{}"#, "[".repeat(depth), "]".repeat(depth));
    let wide = format!(r#""x":[{}1]"#, "1,".repeat(5_000));

    let token = sign_bytes(good_header.as_bytes(), good_claims.as_bytes(), &key);
    gateway.assert_allowed("valid", get_alerts(&token)).await;
    let claims = with(&good_claims, &wide);
    let token = sign_bytes(good_header.as_bytes(), claims.as_bytes(), &key);
    gateway
        .assert_allowed("at the limits", get_alerts(&token))
        .await;

    let headers: Vec<(&str, Vec<u8>)> = vec![
        ("alg twice", with(&good_header, r#""alg":"ES256""#).into()),
        (
            "alg twice, the first none",
            format!(r#"{{"alg":"none",{}"#, &good_header[1..]).into(),
        ),
        ("kid twice", with(&good_header, r#""kid":"other""#).into()),
        (
            "alg twice, one escaped",
            with(&good_header, r#""\u0061lg":"none""#).into(),
        ),
        ("deep", with(&good_header, &deep(200)).into()),
        ("empty", "".into()),
        ("a list", format!("[{good_header}]").into()),
        ("null", "null".into()),
        ("two objects", format!("{good_header}{good_header}").into()),
        ("a byte order mark", format!("\u{feff}{good_header}").into()),
        (
            "a raw control character",
            with(&good_header, "\"x\":\"?\"")
                .replace('?', "\u{1}")
                .into(),
        ),
    ];
    for (what, header) in headers {
        let token = sign_bytes(&header, good_claims.as_bytes(), &key);
        // An empty header is an empty first part, with the same reason.
        gateway
            .assert_refused(what, get_alerts(&token), 401, "token-malformed")
            .await;
    }

    let mut not_utf8 = with(&good_claims, r#""x":"?""#).into_bytes();
    let position = not_utf8.len() - 3;
    not_utf8[position] = 0xff;
    let claims: Vec<(&str, Vec<u8>)> = vec![
        (
            "iss twice",
            with(&good_claims, r#""iss":"https://evil.example.com""#).into(),
        ),
        (
            "sub twice, the same",
            with(
                &good_claims,
                r#""sub":"system:serviceaccount:monitoring:karma""#,
            )
            .into(),
        ),
        (
            "aud twice, one escaped",
            with(&good_claims, r#""\u0061ud":"gate""#).into(),
        ),
        (
            "exp twice",
            with(&good_claims, r#""exp":9999999999"#).into(),
        ),
        (
            "nested duplicate",
            with(&good_claims, r#""x":[{"y":{"z":1,"z":2}}]"#).into(),
        ),
        ("17 levels", with(&good_claims, &deep(16)).into()),
        ("3,000 levels", with(&good_claims, &deep(3_000)).into()),
        ("unterminated", good_claims.trim_end_matches('}').into()),
        ("not UTF-8", not_utf8),
        (
            "a lone surrogate",
            with(&good_claims, r#""x":"\ud800""#).into(),
        ),
        ("a byte order mark", format!("\u{feff}{good_claims}").into()),
        ("trailing bytes", format!("{good_claims}\u{0}").into()),
        ("two objects", format!("{good_claims} {good_claims}").into()),
        ("a list", format!("[{good_claims}]").into()),
        ("a string", json!(good_claims).to_string().into()),
        ("a comment", good_claims.replacen('{', "{/**/", 1).into()),
        ("a leading comma", good_claims.replacen('{', "{,", 1).into()),
        ("NaN", with(&good_claims, r#""x":NaN"#).into()),
        (
            "a number that is too large",
            with(&good_claims, r#""x":1e999"#).into(),
        ),
    ];
    for (what, claims) in claims {
        let token = sign_bytes(good_header.as_bytes(), &claims, &key);
        gateway
            .assert_refused(what, get_alerts(&token), 401, "token-malformed")
            .await;
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j01_j02_a_token_has_three_parts_and_one_encoding() {
    let mut gateway = TestGateway::start(|_| ()).await.explained();
    let token = gateway.token();
    gateway.assert_allowed("valid", get_alerts(&token)).await;
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("three parts")
    };
    // In base64url of 64 bytes, four bits of the last character are unused.
    let (rest, last) = signature.split_at(signature.len() - 1);
    let other_last = char::from(last.as_bytes()[0] + 1);
    let bytes = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let standard = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&bytes);
    let nested = URL_SAFE_NO_PAD.encode(&token);
    for (what, text) in [
        ("no dot", header.to_owned()),
        ("two parts", format!("{header}.{claims}")),
        ("four parts", format!("{token}.{signature}")),
        (
            "five parts, as a JWE",
            format!("{header}.{claims}.{signature}.{claims}.{signature}"),
        ),
        ("leading dot", format!(".{token}")),
        ("trailing dot", format!("{token}.")),
        ("no header", format!(".{claims}.{signature}")),
        ("no claims", format!("{header}..{signature}")),
        ("no signature", format!("{header}.{claims}.")),
        ("only dots", "..".to_owned()),
        ("padded", format!("{token}==")),
        (
            "unused bits set",
            format!("{header}.{claims}.{rest}{other_last}"),
        ),
        (
            "standard base64",
            format!("{header}.{standard}+/.{signature}"),
        ),
        ("nested token", format!("{header}.{nested}.{signature}")),
        ("a tilde, as an SD-JWT has", format!("{token}~")),
    ] {
        gateway
            .assert_refused(what, get_alerts(&text), 401, "token-malformed")
            .await;
    }
    let json = json!({"protected": header, "payload": claims, "signature": signature});
    for (what, text) in [
        ("JSON serialisation", json.to_string()),
        (
            "inner white space",
            format!("{header}. {claims}.{signature}"),
        ),
        ("inner tab", format!("{header}.\t{claims}.{signature}")),
        ("percent-encoded", token.replace('.', "%2e")),
        ("quoted", format!("\"{token}\"")),
    ] {
        // A comma separates two credentials.
        let reason = if text.contains(',') {
            "authorization-ambiguous"
        } else {
            "authorization-malformed"
        };
        gateway
            .assert_refused(what, get_alerts(&text), 400, reason)
            .await;
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn j03_an_oversized_token_is_not_decoded() {
    let mut gateway = TestGateway::start(|_| ()).await.explained();
    let blue = gateway.fixture.cluster("blue");
    // The claim `filler` gives the token its length: three bytes are four characters of base64url.
    let plain = blue.karma().claim("filler", "").sign(&blue.key).len();
    let of_length = |length: usize| {
        let bytes = (length - plain) / 4 * 3;
        let token = blue.karma().claim("filler", "f".repeat(bytes));
        token.sign(&blue.key)
    };
    let longest = of_length(16_384);
    assert!(
        (16_380..=16_384).contains(&longest.len()),
        "{}",
        longest.len()
    );
    let (longer, huge) = (of_length(16_400), of_length(50_000));
    gateway
        .assert_allowed("the longest", get_alerts(&longest))
        .await;
    for (what, token) in [("slightly longer", longer), ("much longer", huge)] {
        assert!(token.len() > 16_384);
        gateway
            .assert_refused(what, get_alerts(&token), 401, "token-too-large")
            .await;
    }
    for filler in ["A", ".", "=", "a.b."] {
        let what = format!("50,000 bytes of {filler}");
        let token = filler.repeat(50_000 / filler.len());
        gateway
            .assert_refused(&what, get_alerts(&token), 401, "token-too-large")
            .await;
    }
    gateway.assert_clean().await;
}
