//! Keys that the workers of a proxy share.

use super::*;

/// Two workers, the first of which has fetched blue's keys.
fn with_keys() -> (Cells, Worker, Worker) {
    let (mut cells, mut one, two) = Worker::two();
    one.tick(BLUE, false, &mut cells, START);
    one.handle_response(Some((200, &jwks("first"))), &mut cells, START);
    (cells, one, two)
}

fn later(secs: u64) -> Timestamp {
    START.after(Duration::from_secs(secs))
}

#[test]
fn start_writes_initial_records_and_makes_no_call() {
    let (cells, one, two) = Worker::two();
    assert!(one.calls.is_empty() && two.calls.is_empty());
    assert_eq!(cells.last_version, 4, "one for each reader");
    assert!(
        cells
            .cells
            .keys()
            .all(|name| name.starts_with("portcullis/1/"))
    );
}

#[test]
fn one_worker_fetches_and_the_other_reads_its_record() {
    let (mut cells, mut one, mut two) = Worker::two();
    one.tick(BLUE, false, &mut cells, START);
    two.tick(BLUE, true, &mut cells, START);
    one.tick(BLUE, true, &mut cells, START);
    assert_eq!((one.calls.len(), two.calls.len()), (1, 0));
    let (_, call) = &one.calls[0];
    assert_eq!((call.cluster.as_str(), call.owner), ("blue", None));
    assert!(call.headers.contains(&(":path", "/jwks".to_owned())));
    assert!(
        call.headers
            .contains(&(":authority", "blue.example.com".to_owned()))
    );

    one.handle_response(Some((200, &jwks("first"))), &mut cells, later(1));
    assert_eq!(one.kids(), ["first"], "at once");
    assert_eq!(one.fetches, [true]);
    assert!(two.kids().is_empty());
    two.tick(BLUE, false, &mut cells, later(1));
    assert_eq!(two.kids(), ["first"]);
    assert!(two.fetches.is_empty(), "it is counted once");
}

#[test]
fn one_of_two_concurrent_writes_fails() {
    let (mut cells, mut one, mut two) = Worker::two();
    // Both have read the record before either writes it.
    let before = cells.cells.clone();
    let reader = &mut two.readers[BLUE];
    let (text, version) = &before[reader.name(CellId::Record)];
    let version = *version;
    let record = Some(CellContent { text, version });
    reader.tick(record, FetchTriggers::default(), at(START));
    one.tick(BLUE, false, &mut cells, START);
    two.drain(BLUE, &mut cells, START);
    assert_eq!((one.calls.len(), two.calls.len()), (1, 0));
}

#[test]
fn a_failed_first_fetch_is_logged_without_cached_keys() {
    let (mut cells, mut one, _) = Worker::two();
    one.tick(BLUE, false, &mut cells, START);
    one.handle_response(Some((503, "")), &mut cells, later(1));
    assert_eq!(
        one.log,
        [
            "portcullis: trust blue: the keys could not be fetched from cluster blue: the response \
             has status 503, expected 200; no keys are cached"
        ]
    );
}

#[test]
fn an_invalid_response_keeps_the_cached_keys() {
    for response in [
        None,
        Some((500, "")),
        Some((200, "<html>")),
        Some((200, "{\"keys\":[]}")),
        Some((302, &*jwks("second"))),
    ] {
        let (mut cells, mut one, _) = with_keys();
        one.tick(BLUE, false, &mut cells, later(300));
        one.handle_response(response, &mut cells, later(301));
        assert_eq!(one.kids(), ["first"], "{response:?}");
        assert_eq!(one.fetches, [true, false]);
        let line = &one.log[0];
        let start = "portcullis: trust blue: the keys could not be fetched from cluster blue: ";
        let said = line.starts_with(start);
        assert!(
            said && line.ends_with("; the cached keys stay in use"),
            "{line}"
        );
        // It is retried soon.
        one.tick(BLUE, false, &mut cells, later(303));
        assert_eq!(one.calls.len(), 1);
    }
}

#[test]
fn a_waiting_request_causes_one_fetch_in_ten_seconds() {
    let (mut cells, mut one, mut two) = with_keys();
    for secs in 0..10 {
        one.tick(BLUE, true, &mut cells, later(secs));
        two.tick(BLUE, true, &mut cells, later(secs));
    }
    assert!(one.calls.is_empty() && two.calls.is_empty());
    two.tick(BLUE, true, &mut cells, later(10));
    one.tick(BLUE, true, &mut cells, later(10));
    assert_eq!((one.calls.len(), two.calls.len()), (0, 1));
}

#[test]
fn late_and_unknown_responses_are_ignored() {
    let (mut cells, mut one, mut two) = Worker::two();
    one.tick(BLUE, false, &mut cells, START);
    // Its lease has expired, and another worker fetches.
    two.tick(BLUE, false, &mut cells, later(7));
    two.handle_response(Some((200, &jwks("second"))), &mut cells, later(8));
    let (place, call) = one.calls.remove(0);
    one.respond_to(
        place,
        call.id,
        Some((200, &jwks("first"))),
        &mut cells,
        later(9),
    );
    assert_eq!((one.kids(), two.kids()), (vec!["second"], vec!["second"]));
    let version = cells.last_version;
    one.respond_to(
        place,
        call.id,
        Some((200, &jwks("first"))),
        &mut cells,
        later(9),
    );
    one.respond_to(
        place,
        CallId(99),
        Some((200, &jwks("first"))),
        &mut cells,
        later(9),
    );
    assert_eq!((cells.last_version, one.kids()), (version, vec!["second"]));
    assert!(one.fetches.is_empty());
}

#[test]
fn an_invalid_record_is_replaced_by_the_cached_keys() {
    let (mut cells, mut one, mut two) = with_keys();
    two.tick(BLUE, false, &mut cells, START);
    let name = one.readers[BLUE].name(CellId::Record).to_owned();
    for text in ["", "{}", "\u{0}"] {
        assert!(cells.write(&name, text, None));
        two.tick(BLUE, false, &mut cells, START);
        assert!(
            two.log
                .pop()
                .unwrap()
                .starts_with("portcullis: trust blue: ")
        );
        one.tick(BLUE, false, &mut cells, START);
        assert_eq!(one.kids(), ["first"]);
        assert!(one.log.is_empty());
    }
    cells.cells.remove(&name);
    one.tick(BLUE, false, &mut cells, START);
    assert!(cells.text(&name, "").contains("first"));
}

#[test]
fn skipped_keys_are_logged_when_the_set_changes() {
    let (mut cells, mut one, _) = Worker::two();
    let set = jwks("first").replace("\"keys\":[", r#""keys":[{"kty":"oct","k":"AAAA"},"#);
    one.tick(BLUE, false, &mut cells, START);
    one.handle_response(Some((200, &set)), &mut cells, START);
    let warned = |worker: &Worker| {
        let lines = worker.log.iter();
        lines.filter(|line| line.contains("it is skipped")).count()
    };
    assert_eq!(warned(&one), 1, "{:?}", one.log);
    one.tick(BLUE, false, &mut cells, later(300));
    one.handle_response(Some((200, &set)), &mut cells, later(300));
    assert_eq!(warned(&one), 1);
}

/// A worker whose keys of blue come from the mirror, with the response that it has had.
fn with_mirror(etag: &'static str) -> (Cells, Worker, String) {
    let policy = crate::fixtures::mirrored_policy();
    let (mut cells, mut one) = (Cells::default(), Worker::new(1, &policy));
    one.start(&mut cells);
    one.etag = Some(etag);
    let mirror = format!(
        r#"{{"version":1,"trust":"blue","issuer":"https://kubernetes.example.com","source":"x","fetched_at":{},{}"#,
        START.secs(),
        jwks("first").trim_start_matches('{')
    );
    one.tick(BLUE, false, &mut cells, START);
    let (_, call) = &one.calls[0];
    assert!(
        call.headers
            .contains(&(":path", "/oauth2/mirror/blue".to_owned()))
    );
    assert!(
        !call
            .headers
            .iter()
            .any(|(name, _)| *name == "if-none-match")
    );
    one.handle_response(Some((200, &mirror)), &mut cells, START);
    assert_eq!(one.fetches, [true]);
    (cells, one, mirror)
}

#[test]
fn a_mirror_that_is_not_modified_is_not_sent_again_and_its_keys_age() {
    let (mut cells, mut one, _) = with_mirror("\"tag-1\"");
    one.tick(BLUE, false, &mut cells, later(300));
    let (_, call) = &one.calls[0];
    let tag = ("if-none-match", "\"tag-1\"".to_owned());
    assert!(call.headers.contains(&tag), "{:?}", call.headers);
    one.handle_response(Some((304, "")), &mut cells, later(300));
    assert_eq!(
        (one.kids(), &one.fetches[..]),
        (vec!["first"], &[true, true][..])
    );
    let age = one.keys.as_ref().and_then(|record| record.age(later(300)));
    assert_eq!(age, Some(Duration::from_secs(300)));
}

#[test]
fn not_modified_without_a_known_tag_is_a_failure() {
    // A tag that could not be sent back.
    let (mut cells, mut one, mirror) = with_mirror("W/\"tag\"");
    one.tick(BLUE, false, &mut cells, later(300));
    assert!(
        !one.calls[0]
            .1
            .headers
            .iter()
            .any(|(name, _)| *name == "if-none-match")
    );
    one.handle_response(Some((304, "")), &mut cells, later(300));
    assert_eq!(
        (one.kids(), &one.fetches[..]),
        (vec!["first"], &[true, false][..])
    );

    // After a failure, the whole document is requested.
    one.etag = Some("\"tag-2\"");
    one.tick(BLUE, false, &mut cells, later(400));
    one.handle_response(Some((200, &mirror)), &mut cells, later(400));
    one.tick(BLUE, false, &mut cells, later(800));
    one.handle_response(None, &mut cells, later(800));
    one.tick(BLUE, false, &mut cells, later(900));
    assert!(
        !one.calls[0]
            .1
            .headers
            .iter()
            .any(|(name, _)| *name == "if-none-match")
    );
}
