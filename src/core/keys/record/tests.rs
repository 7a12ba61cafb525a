use super::*;
use crate::fixtures::key_set;
use crate::keys::fixtures::{plain, trust};
use crate::token::Algorithm;

fn full() -> KeyRecord {
    let time = Timestamp::from_secs;
    KeyRecord {
        current: Some(key_set(Algorithm::Es256, r#"new \"kid\"\n"#)),
        retiring: vec![(key_set(Algorithm::EdDsa, "old").keys()[0].clone(), time(9))],
        fetched_at: Some(time(1)),
        discovered: Url::parse("https://blue.example.com:6443/openid/v1/jwks")
            .map(|url| (url, time(6))),
        attempts: 10,
        confirmed_at: Some(time(8)),
        lease: FetchLease {
            schedule: FetchSchedule {
                succeeded_at: Some(time(2)),
                attempted_at: Some(time(3)),
                failures: 4,
                next: time(5),
            },
            holder: Some((u64::MAX, time(7))),
        },
    }
}

#[test]
fn a_record_survives_serialization() {
    for record in [
        full(),
        KeyRecord::default(),
        KeyRecord::new(&plain().keys, Timestamp::from_secs(1)),
    ] {
        assert_eq!(
            KeyRecord::from_text(record.to_text().as_bytes()),
            Ok(record)
        );
    }
}

#[test]
fn a_record_with_any_invalid_member_is_refused() {
    let text = full().to_text();
    for end in 0..text.len() {
        assert!(
            KeyRecord::from_text(&text.as_bytes()[..end]).is_err(),
            "{end}"
        );
    }
    for (piece, other) in [
        ("\"format\":1", "\"format\":2"),
        ("\"failures\":4", "\"failures\":-4"),
        ("\"failures\":4", "\"failures\":4294967296"),
        ("\"next\":5000", "\"next\":\"5000\""),
        ("\"succeeded_at\":2000,", ""),
        ("https://blue", "http://blue"),
        ("\"kty\":\"OKP\"", "\"kty\":\"oct\""),
        (",7000]", "]"),
        ("\"retiring\":[", "\"retiring\":[[],"),
    ] {
        assert_eq!(text.matches(piece).count(), 1, "{piece} in {text}");
        assert!(
            KeyRecord::from_text(text.replace(piece, other).as_bytes()).is_err(),
            "{other}"
        );
    }
    let long = format!("{}{text}", " ".repeat(MAX_TEXT));
    assert!(KeyRecord::from_text(long.as_bytes()).is_err());
}

#[test]
fn an_inline_set_is_available_before_the_first_fetch() {
    let inline = key_set(Algorithm::EdDsa, "a").to_json();
    let trust = trust(&format!(
        r#"{{"envoy_cluster": "blue", "inline": {inline}}}"#
    ));
    let record = KeyRecord::new(&trust.keys, Timestamp::from_secs(10));
    assert_eq!(
        record.age(Timestamp::from_secs(15)),
        Some(Duration::from_secs(5))
    );
    assert_eq!(
        KeyRecord::new(&plain().keys, Timestamp::from_secs(10)).age(Timestamp::from_secs(15)),
        None
    );
}
