use wasm_bindgen_test::wasm_bindgen_test;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const LEEWAY: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(86_400);

/// Valid claims with `member` added, or in place of the one with its name.
fn with(member: &str) -> Result<Claims, TokenError> {
    let (name, _) = member.split_once(':').unwrap();
    let mut members = vec![member];
    members.extend(
        [
            r#""iss":"https://issuer""#,
            r#""sub":"someone""#,
            r#""aud":"gate""#,
            r#""exp":1700003600"#,
        ]
        .into_iter()
        .filter(|own| !own.starts_with(name)),
    );
    read(&format!("{{{}}}", members.join(",")))
}

fn read(json: &str) -> Result<Claims, TokenError> {
    Claims::read(Json::parse(json.as_bytes()).unwrap())
}

fn times(members: &str, now: Timestamp) -> Result<(), TokenError> {
    let claims = read(&format!(r#"{{"iss":"i","sub":"s","aud":"a",{members}}}"#)).unwrap();
    claims.check_times(now, LEEWAY, DAY)
}

#[test]
fn k02_the_claims_of_a_kubernetes_token_are_read() {
    let claims = read(
        r#"{"aud":["oauth2-proxy"],"exp":1700003607,"iat":1700000000,
            "iss":"https://kubernetes.default.svc.cluster.local",
            "jti":"0e5dd5a0-9a2a-4a2f-8b5e-5a6a0c0a3f3b",
            "kubernetes.io":{"namespace":"monitoring",
              "node":{"name":"n1","uid":"c0a1"},"pod":{"name":"karma-0","uid":"b7d2"},
              "serviceaccount":{"name":"karma","uid":"9c55"},"warnafter":1700003607},
            "nbf":1700000000,"sub":"system:serviceaccount:monitoring:karma"}"#,
    )
    .unwrap();
    assert_eq!(
        claims.issuer(),
        "https://kubernetes.default.svc.cluster.local"
    );
    assert_eq!(claims.subject(), "system:serviceaccount:monitoring:karma");
    assert_eq!(claims.audiences(), ["oauth2-proxy"]);
    assert_eq!(claims.expires_at(), Timestamp::from_secs(1_700_003_607));
    assert_eq!(claims.issued_at(), Some(NOW));
    assert_eq!(claims.not_before(), Some(NOW));
    assert_eq!(claims.id(), Some("0e5dd5a0-9a2a-4a2f-8b5e-5a6a0c0a3f3b"));
    let own = claims.body().member("kubernetes.io").unwrap();
    assert_eq!(
        own.member("namespace").unwrap().as_str(),
        Some("monitoring")
    );
}

#[test]
fn k05_a_token_that_lives_a_year_is_refused() {
    let members = r#""iat":1700000000,"exp":1731536000,"kubernetes.io":{"warnafter":1700003607}"#;
    assert_eq!(times(members, NOW), Err(TokenError::LifetimeTooLong));
}

#[test]
fn k06_a_legacy_secret_token_is_refused_because_it_never_expires() {
    let error = read(
        r#"{"iss":"kubernetes/serviceaccount",
            "kubernetes.io/serviceaccount/namespace":"monitoring",
            "kubernetes.io/serviceaccount/secret.name":"karma-token-x2x4z",
            "kubernetes.io/serviceaccount/service-account.name":"karma",
            "kubernetes.io/serviceaccount/service-account.uid":"9c55",
            "sub":"system:serviceaccount:monitoring:karma"}"#,
    )
    .unwrap_err();
    assert_eq!(error, TokenError::Claim("exp"));
}

#[wasm_bindgen_test(unsupported = test)]
fn j16_numeric_dates_may_have_a_fraction_or_an_exponent() {
    for (text, millis) in [
        ("0", 0),
        ("-0", 0),
        ("1700003600", 1_700_003_600_000),
        ("1700003600.0", 1_700_003_600_000),
        ("1700003600.5", 1_700_003_600_500),
        ("1700003600.9999", 1_700_003_600_999),
        ("1.7e9", 1_700_000_000_000),
        ("17E8", 1_700_000_000_000),
        ("253402300799", 253_402_300_799_000),
    ] {
        let claims = with(&format!(r#""exp":{text}"#)).unwrap();
        assert_eq!(
            claims.expires_at(),
            Timestamp::from_millis(millis),
            "{text}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn j16_invalid_numeric_dates_are_refused() {
    for text in [
        "\"1700003600\"",
        "true",
        "null",
        "[]",
        "{}",
        "-1",
        "-0.5",
        "-1e300",
        "1e308",
        "253402300800",
        "1700003600000",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
    ] {
        for name in ["exp", "nbf", "iat"] {
            let error = with(&format!(r#""{name}":{text}"#)).unwrap_err();
            assert_eq!(error, TokenError::Claim(name), "{text}");
        }
    }
}

#[test]
fn j16_exp_is_required_and_exclusive() {
    let error = read(r#"{"iss":"i","sub":"s","aud":"a"}"#).unwrap_err();
    assert_eq!(error, TokenError::Claim("exp"));
    let end = Timestamp::from_secs(1_700_003_600).after(LEEWAY);
    let exp = r#""exp":1700003600"#;
    assert_eq!(times(exp, end.before(Duration::from_millis(1))), Ok(()));
    assert_eq!(times(exp, end), Err(TokenError::Expired));
    assert_eq!(
        times(exp, Timestamp::from_millis(u64::MAX)),
        Err(TokenError::Expired)
    );
}

#[test]
fn j16_nbf_and_iat_may_be_in_the_future_by_the_leeway() {
    for name in ["nbf", "iat"] {
        let at = |secs: u64| format!(r#""exp":1700003600,"{name}":{secs}"#);
        assert_eq!(times(&at(1_700_000_030), NOW), Ok(()), "{name}");
        assert_eq!(times(&at(1_700_000_031), NOW), Err(TokenError::NotYetValid));
        let half = format!(r#""exp":1700003600,"{name}":1700000030.5"#);
        assert_eq!(times(&half, NOW), Err(TokenError::NotYetValid));
    }
}

#[test]
fn j16_extreme_times_and_durations_cause_no_overflow() {
    let moments = [0, 1, 1_700_000_000_000, u64::MAX - 1, u64::MAX];
    let spans = [Duration::ZERO, LEEWAY, Duration::MAX];
    for exp in ["0", "253402300799"] {
        let claims = with(&format!(r#""exp":{exp},"nbf":0,"iat":253402300799"#)).unwrap();
        for now in moments.map(Timestamp::from_millis) {
            for leeway in spans {
                for max in spans {
                    // An overflow would panic here.
                    let _ = claims.check_times(now, leeway, max);
                }
            }
        }
    }
}

#[test]
fn j17_lifetime_counts_from_iat_or_else_from_now() {
    let long = NOW.after(DAY).secs() + 1;
    let dated = |iat: u64, exp: u64| format!(r#""iat":{iat},"exp":{exp}"#);
    let now = NOW.secs();
    assert_eq!(times(&dated(now, long - 1), NOW), Ok(()));
    assert_eq!(
        times(&dated(now, long), NOW),
        Err(TokenError::LifetimeTooLong)
    );
    assert_eq!(times(&format!(r#""exp":{}"#, long - 1), NOW), Ok(()));
    assert_eq!(
        times(&format!(r#""exp":{long}"#), NOW),
        Err(TokenError::LifetimeTooLong)
    );
}

#[test]
fn j17_without_iat_the_lifetime_counts_from_nbf() {
    let now = NOW.secs();
    let started = |nbf: u64| format!(r#""nbf":{nbf},"exp":{}"#, now + 3600);
    assert_eq!(times(&started(now), NOW), Ok(()));
    for nbf in [0, now - DAY.as_secs(), now - 3601 - (DAY.as_secs() - 7200)] {
        let is_long = now + 3600 - nbf > DAY.as_secs();
        let expected = if is_long {
            Err(TokenError::LifetimeTooLong)
        } else {
            Ok(())
        };
        assert_eq!(times(&started(nbf), NOW), expected, "{nbf}");
    }
}

#[test]
fn expiry_and_start_are_checked_before_the_lifetime() {
    let year = r#""iat":1600000000,"exp":1631536000"#;
    assert_eq!(times(year, NOW), Err(TokenError::Expired));
    let later = r#""iat":1800000000,"exp":1831536000"#;
    assert_eq!(times(later, NOW), Err(TokenError::NotYetValid));
}

#[test]
fn j18_iss_is_one_string() {
    for iss in ["null", "7", "[\"https://issuer\"]", "{}"] {
        let error = with(&format!(r#""iss":{iss}"#)).unwrap_err();
        assert_eq!(error, TokenError::Claim("iss"), "{iss}");
    }
    let error = read(r#"{"sub":"s","aud":"a","exp":1}"#).unwrap_err();
    assert_eq!(error, TokenError::Claim("iss"));
}

#[test]
fn j20_aud_is_a_string_or_a_list_of_strings() {
    let gate = ["gate".to_owned()];
    for aud in ["\"gate\"", "[\"gate\"]", "[\"other\",\"gate\"]"] {
        assert!(
            with(&format!(r#""aud":{aud}"#)).unwrap().is_for(&gate),
            "{aud}"
        );
    }
    for aud in ["null", "7", "{}", "[\"gate\",7]", "[[\"gate\"]]", "[null]"] {
        let error = with(&format!(r#""aud":{aud}"#)).unwrap_err();
        assert_eq!(error, TokenError::Claim("aud"), "{aud}");
    }
}

#[test]
fn j20_audiences_are_compared_byte_for_byte_and_one_is_required() {
    let gate = ["gate".to_owned(), "".to_owned()];
    for aud in [
        "\"Gate\"",
        "\"gate/\"",
        "\"gate \"",
        "\"gat\"",
        "\"gate,x\"",
        "[]",
    ] {
        assert!(
            !with(&format!(r#""aud":{aud}"#)).unwrap().is_for(&gate),
            "{aud}"
        );
    }
    let none = read(r#"{"iss":"i","sub":"s","exp":1}"#).unwrap();
    assert_eq!(none.audiences(), [""; 0]);
    assert!(!none.is_for(&gate));
    assert!(!with(r#""aud":"gate""#).unwrap().is_for(&[]));
}

#[test]
fn j21_sub_is_a_string() {
    for sub in ["null", "7", "[\"s\"]", "{}"] {
        let error = with(&format!(r#""sub":{sub}"#)).unwrap_err();
        assert_eq!(error, TokenError::Claim("sub"), "{sub}");
    }
    let error = read(r#"{"iss":"i","aud":"a","exp":1}"#).unwrap_err();
    assert_eq!(error, TokenError::Claim("sub"));
}

#[test]
fn m02_a_token_with_any_cnf_is_bound() {
    for cnf in ["null", "{}", r#"{"jkt":"x"}"#, r#"{"x5t#S256":"x"}"#, "7"] {
        assert!(
            with(&format!(r#""cnf":{cnf}"#)).unwrap().is_bound(),
            "{cnf}"
        );
    }
    assert!(!with(r#""jti":"x""#).unwrap().is_bound());
}
