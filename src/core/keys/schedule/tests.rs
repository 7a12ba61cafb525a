use super::*;
use crate::keys::LEASE;
use crate::keys::fixtures::{fetch, good, plain, remote, set_of, trust};

const START: Timestamp = Timestamp::from_secs(1_800_000_000);

fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

fn kids(record: &KeyRecord) -> Vec<String> {
    let keys = record.current.iter().flat_map(|set| set.keys());
    keys.filter_map(|key| key.kid().map(str::to_owned))
        .collect()
}

#[test]
fn the_first_fetch_is_due_at_once_and_one_worker_has_the_lease() {
    let trust = plain();
    let remote = remote(&trust);
    let mut record = KeyRecord::new(&trust.keys, START);
    assert!(record.is_due(&remote, START, false));
    record.begin(&trust, &remote, 7, START);
    assert!(record.is_leased_to(7) && !record.is_leased_to(8));
    assert!(
        !record.is_due(&remote, at(1), true),
        "another worker is fetching"
    );
    assert!(
        record.is_due(&remote, START.after(LEASE), false),
        "the lease has expired"
    );
}

#[test]
fn fetches_are_never_further_apart_than_refresh() {
    let trust = plain();
    let remote = remote(&trust);
    for random in 0..50 {
        let mut record = KeyRecord::new(&trust.keys, START);
        let request = record.begin(&trust, &remote, 1, START);
        let body = set_of(&["a"]);
        record
            .apply_response(&trust, &remote, &request, Some(&good(&body)), START, random)
            .unwrap();
        assert!(!record.is_due(&remote, at(269), false), "{random}");
        assert!(record.is_due(&remote, at(300), false), "{random}");
    }
}

#[test]
fn a_failed_fetch_is_repeated_with_a_backoff_of_up_to_30_seconds() {
    let trust = plain();
    let remote = remote(&trust);
    let mut record = KeyRecord::new(&trust.keys, START);
    let mut now = START;
    for pause in [1, 2, 4, 8, 16, 30, 30, 30] {
        assert!(record.is_due(&remote, now, false));
        assert_eq!(
            fetch(&mut record, &trust, now, None),
            Err(ResponseError::NoResponse)
        );
        let next = now.after(Duration::from_secs(pause));
        let early = now.after(Duration::from_millis(pause * 890));
        assert!(!record.is_due(&remote, early, false), "{pause}");
        now = next;
    }
    fetch(&mut record, &trust, now, Some(&good(&set_of(&["a"])))).unwrap();
    assert_eq!(record.failures(), 0);
}

#[test]
fn unknown_key_ids_cause_one_fetch_in_ten_seconds() {
    let trust = plain();
    let remote = remote(&trust);
    let mut record = KeyRecord::new(&trust.keys, START);
    fetch(&mut record, &trust, START, Some(&good(&set_of(&["a"])))).unwrap();
    assert!(!record.is_due(&remote, at(9), true));
    assert!(!record.is_due(&remote, at(10), false));
    assert!(record.is_due(&remote, at(10), true));
    fetch(&mut record, &trust, at(10), None).unwrap_err();
    fetch(&mut record, &trust, at(11), None).unwrap_err();
    assert!(
        !record.is_due(&remote, at(12), true),
        "the backoff applies to requested fetches too"
    );
}

#[test]
fn a_clock_that_steps_back_stops_neither_schedule_nor_lease() {
    let trust = plain();
    let remote = remote(&trust);
    let mut record = KeyRecord::new(&trust.keys, at(7200));
    fetch(&mut record, &trust, at(7200), Some(&good(&set_of(&["a"])))).unwrap();
    assert!(
        record.is_due(&remote, START, false),
        "the next fetch was two hours ahead"
    );
    record.begin(&trust, &remote, 1, at(7200));
    assert!(
        record.is_due(&remote, START, false),
        "no lease lasts for two hours"
    );
}

#[test]
fn k10_a_removed_key_is_accepted_for_one_more_refresh() {
    let trust = plain();
    let mut record = KeyRecord::new(&trust.keys, START);
    let responses = [
        (0, set_of(&["a", "b"])),
        (300, set_of(&["a"])),
        (310, set_of(&["a"])),
    ];
    for (seconds, body) in &responses {
        fetch(&mut record, &trust, at(*seconds), Some(&good(body))).unwrap();
    }
    assert_eq!(kids(&record), ["a"]);
    let retires: Vec<_> = record
        .retiring
        .iter()
        .map(|(key, until)| (key.kid(), *until))
        .collect();
    assert_eq!(
        retires,
        [(Some("b"), at(600))],
        "an early fetch does not lengthen its time"
    );
    fetch(&mut record, &trust, at(600), Some(&good(&set_of(&["a"])))).unwrap();
    assert!(record.retiring.is_empty());
}

#[test]
fn k10_a_key_that_is_published_again_no_longer_retires() {
    let trust = plain();
    let mut record = KeyRecord::new(&trust.keys, START);
    for (seconds, kids) in [(0, ["a", "b"]), (300, ["a", "c"]), (310, ["a", "b"])] {
        fetch(
            &mut record,
            &trust,
            at(seconds),
            Some(&good(&set_of(&kids))),
        )
        .unwrap();
    }
    assert_eq!(kids(&record), ["a", "b"]);
    let retires: Vec<_> = record.retiring.iter().map(|(key, _)| key.kid()).collect();
    assert_eq!(retires, [Some("c")]);
}

#[test]
fn a_bad_response_keeps_the_last_good_keys() {
    let trust = plain();
    let mut record = KeyRecord::new(&trust.keys, START);
    fetch(&mut record, &trust, START, Some(&good(&set_of(&["a"])))).unwrap();
    let known = record.clone();
    for body in [
        "",
        "<html>",
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"oct","k":"AA"}]}"#,
    ] {
        fetch(&mut record, &trust, at(300), Some(&good(body))).unwrap_err();
        assert_eq!(record.current, known.current);
        assert_eq!(
            (record.fetched_at, record.lease.schedule.succeeded_at),
            (known.fetched_at, known.lease.schedule.succeeded_at)
        );
    }
    assert_eq!(record.failures(), 4);
}

#[test]
fn d01_d03_discovery_is_fetched_first_and_repeated_hourly_and_when_the_set_has_moved() {
    let trust = trust(r#"{"envoy_cluster": "blue"}"#);
    let remote = remote(&trust);
    let document =
        r#"{"issuer": "https://blue.example.com", "jwks_uri": "https://10.0.0.1:6443/k"}"#;
    let set = set_of(&["a"]);
    let discovery = |record: &mut KeyRecord, now| {
        let request = record.begin(&trust, &remote, 1, now);
        assert!(matches!(request, KeyRequest::Discovery(_)), "{request:?}");
        let next = record
            .apply_response(&trust, &remote, &request, Some(&good(document)), now, 0)
            .unwrap();
        let next = next.unwrap();
        assert_eq!(
            next,
            KeyRequest::KeySet(Url::parse("https://10.0.0.1:6443/k").unwrap())
        );
        assert!(record.is_leased_to(1), "the lease runs");
        assert_eq!(
            record.apply_response(&trust, &remote, &next, Some(&good(&set)), now, 0),
            Ok(None)
        );
        assert!(!record.is_leased_to(1));
    };
    let mut record = KeyRecord::new(&trust.keys, START);
    discovery(&mut record, START);
    let request = record.begin(&trust, &remote, 1, at(3599));
    assert!(matches!(request, KeyRequest::KeySet(_)), "{request:?}");
    record
        .apply_response(&trust, &remote, &request, Some(&good(&set)), at(3599), 0)
        .unwrap();
    discovery(&mut record, at(3600));
    let request = record.begin(&trust, &remote, 1, at(3700));
    let gone = HttpResponse {
        status: 404,
        ..good("")
    };
    assert_eq!(
        record.apply_response(&trust, &remote, &request, Some(&gone), at(3700), 0),
        Err(ResponseError::Status(404))
    );
    discovery(&mut record, at(3710));
}

/// The response of a mirror that fetched a set of this key at that time.
fn mirrored(kid: &str, fetched_at: u64) -> String {
    format!(
        r#"{{"trust": "blue", "issuer": "https://blue.example.com", "source": "x",
            "fetched_at": {fetched_at}, {}"#,
        set_of(&[kid]).trim_start_matches('{')
    )
}

#[test]
fn a_mirror_states_the_age_of_its_keys_and_cannot_reduce_it() {
    let trust = trust(r#"{"envoy_cluster": "portcullis", "mirror": true}"#);
    let mut record = KeyRecord::new(&trust.keys, START);
    // The second clock is a little ahead.
    for (fetched_at, age) in [(START.secs() - 60, 60), (START.secs() + 300, 0)] {
        let body = mirrored("a", fetched_at);
        fetch(&mut record, &trust, START, Some(&good(&body))).unwrap();
        assert_eq!(record.age(START), Some(Duration::from_secs(age)));
    }
}

#[test]
fn a_mirror_that_is_wrong_about_the_age_of_its_keys_changes_nothing() {
    let trust = trust(r#"{"envoy_cluster": "portcullis", "mirror": true}"#);
    let mut record = KeyRecord::new(&trust.keys, START);
    let future = mirrored("future", START.secs() + 301);
    assert_eq!(
        fetch(&mut record, &trust, START, Some(&good(&future))),
        Err(ResponseError::FetchedInFuture)
    );
    assert_eq!((kids(&record).len(), record.failures()), (0, 1));

    let body = mirrored("good", START.secs());
    fetch(&mut record, &trust, at(60), Some(&good(&body))).unwrap();
    for (body, expected) in [
        (&future, ResponseError::FetchedInFuture),
        // `refresh` is five minutes.
        (
            &mirrored("old", START.secs() - 601),
            ResponseError::OlderThanCached,
        ),
    ] {
        let read = fetch(&mut record, &trust, START, Some(&good(body)));
        assert_eq!(read, Err(expected));
        assert_eq!(kids(&record), ["good"]);
        assert_eq!(record.age(at(60)), Some(Duration::from_secs(60)));
    }
    assert_eq!(record.failures(), 2);
}

#[test]
fn somewhat_older_keys_of_another_companion_are_not_taken() {
    let trust = trust(r#"{"envoy_cluster": "portcullis", "mirror": true}"#);
    let mut record = KeyRecord::new(&trust.keys, START);
    let body = mirrored("good", START.secs());
    fetch(&mut record, &trust, at(60), Some(&good(&body))).unwrap();
    let older = mirrored("old", START.secs() - 600);
    assert_eq!(
        fetch(&mut record, &trust, at(60), Some(&good(&older))),
        Ok(None)
    );
    assert_eq!(kids(&record), ["good"]);
    assert_eq!(record.age(at(60)), Some(Duration::from_secs(60)));
    assert_eq!(record.failures(), 0);
    assert!(!record.is_due(&remote(&trust), at(61), false));
}

#[test]
fn a_mirror_replaces_inline_keys_that_count_from_the_start() {
    let keys = format!(
        r#"{{"envoy_cluster": "portcullis", "mirror": true, "inline": {}}}"#,
        set_of(&["inline"])
    );
    let trust = trust(&keys);
    let mut record = KeyRecord::new(&trust.keys, START);
    let body = mirrored("good", START.secs() - 3600);
    fetch(&mut record, &trust, START, Some(&good(&body))).unwrap();
    assert_eq!(kids(&record), ["good"]);
}
