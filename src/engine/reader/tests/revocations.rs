//! Revocations that the workers of a proxy share.

use super::*;

/// A list that revokes the sessions of these numbers for an hour.
fn list(numbers: &[u8]) -> Revocations {
    let mut list = Revocations::default();
    for number in numbers {
        let sid = Id::from_bytes([*number; 16]);
        let ends = START.after(Duration::from_secs(3600));
        list.revoke(Revoked::Session(sid), START, ends, START);
    }
    list
}

fn later(secs: u64) -> Timestamp {
    START.after(Duration::from_secs(secs))
}

#[test]
fn lists_are_merged_and_shared() {
    let (mut cells, mut one, mut two) = Worker::two();
    one.tick(REVOCATIONS, false, &mut cells, START);
    two.tick(REVOCATIONS, false, &mut cells, START);
    assert_eq!((one.calls.len(), two.calls.len()), (1, 0));
    let (_, call) = &one.calls[0];
    assert!(
        call.headers
            .contains(&(":path", "/oauth2/revocations".to_owned()))
    );
    one.handle_response(Some((200, &list(&[1]).to_json())), &mut cells, later(1));
    assert_eq!(*one.list, list(&[1]));

    // The other worker fetches a list without the first entry, and keeps that entry.
    two.tick(REVOCATIONS, false, &mut cells, later(4));
    assert_eq!(*two.list, list(&[1]));
    two.handle_response(Some((200, &list(&[2]).to_json())), &mut cells, later(5));
    assert_eq!(*two.list, list(&[1, 2]));
    one.tick(REVOCATIONS, false, &mut cells, later(5));
    assert_eq!(*one.list, list(&[1, 2]));
    let shared = Revocations::parse(cells.text("portcullis/1/revocations/", "/list").as_bytes());
    assert_eq!(shared, Ok(list(&[1, 2])));
}

#[test]
fn a_concurrently_shared_list_is_merged_first() {
    let (mut cells, mut one, _) = Worker::two();
    one.tick(REVOCATIONS, false, &mut cells, START);
    // Another worker's list, while this worker holds the lease.
    let reader = &one.readers[REVOCATIONS];
    let (record, names) = (
        cells.get(reader.name(CellId::Record)).unwrap().text,
        [CellId::Record, CellId::List].map(|cell| reader.name(cell).to_owned()),
    );
    let mut record = RevocationsRecord::from_text(record).unwrap();
    record.share(77);
    assert!(cells.write(&names[1], &list(&[3]).to_json(), None));
    assert!(cells.write(&names[0], &record.to_text(), None));
    one.handle_response(Some((200, &list(&[1]).to_json())), &mut cells, later(1));
    assert_eq!(*one.list, list(&[1, 3]));
    let shared = Revocations::parse(cells.text("portcullis/1/revocations/", "/list").as_bytes());
    assert_eq!(shared, Ok(list(&[1, 3])));
}

#[test]
fn an_unchanged_list_is_not_written_again() {
    let (mut cells, mut one, _) = Worker::two();
    let mut read = |one: &mut Worker, secs| {
        one.tick(REVOCATIONS, false, &mut cells, later(secs));
        one.handle_response(Some((200, &list(&[1]).to_json())), &mut cells, later(secs));
        cells.cells[one.readers[REVOCATIONS].name(CellId::List)].1
    };
    let version = read(&mut one, 0);
    assert_eq!(read(&mut one, 3), version);
}

#[test]
fn an_invalid_response_keeps_the_list_and_is_retried() {
    let (mut cells, mut one, _) = Worker::two();
    one.tick(REVOCATIONS, false, &mut cells, START);
    one.handle_response(Some((200, &list(&[1]).to_json())), &mut cells, START);
    for (round, response) in [None, Some((503, "")), Some((200, "[]"))]
        .into_iter()
        .enumerate()
    {
        let now = later(10 + 10 * round as u64);
        one.tick(REVOCATIONS, false, &mut cells, now);
        one.handle_response(response, &mut cells, now);
        assert_eq!(*one.list, list(&[1]));
        let line = one.log.pop().unwrap();
        let said = "portcullis: the revocations could not be fetched through cluster portcullis: ";
        assert!(line.starts_with(said), "{line}");
    }
    let now = later(60);
    one.tick(REVOCATIONS, false, &mut cells, now);
    assert_eq!(one.calls.len(), 1);
}

#[test]
fn a_new_worker_starts_with_the_shared_list() {
    let (mut cells, mut one, _) = Worker::two();
    one.tick(REVOCATIONS, false, &mut cells, START);
    one.handle_response(Some((200, &list(&[1]).to_json())), &mut cells, START);
    let mut three = Worker::new(3, &policy());
    three.start(&mut cells);
    assert_eq!(*three.list, list(&[1]));
    assert!(three.calls.is_empty());
}

#[test]
fn entries_are_dropped_only_after_they_expire() {
    let (mut cells, mut one, _) = Worker::two();
    one.tick(REVOCATIONS, false, &mut cells, START);
    one.handle_response(Some((200, &list(&[1]).to_json())), &mut cells, START);
    let empty = Revocations::default().to_json();
    for (secs, count) in [(3599, 1), (3605, 0)] {
        one.tick(REVOCATIONS, false, &mut cells, later(secs));
        one.handle_response(Some((200, &empty)), &mut cells, later(secs));
        assert_eq!(one.list.len(), count, "{secs}");
    }
}

/// The entity tag in the first call.
fn if_none_match(worker: &Worker) -> Option<&str> {
    let (_, call) = &worker.calls[0];
    let mut headers = call.headers.iter();
    headers.find_map(|(name, value)| (*name == "if-none-match").then_some(value.as_str()))
}

#[test]
fn a_list_that_has_not_changed_is_not_fetched_again() {
    let (mut cells, mut one, mut two) = Worker::two();
    one.etag = Some("\"a-1\"");
    one.tick(REVOCATIONS, false, &mut cells, START);
    assert_eq!(if_none_match(&one), None);
    one.handle_response(Some((200, &list(&[1]).to_json())), &mut cells, START);
    for secs in [3, 6] {
        one.tick(REVOCATIONS, false, &mut cells, later(secs));
        assert_eq!(if_none_match(&one), Some("\"a-1\""));
        one.handle_response(Some((304, "")), &mut cells, later(secs));
        // It counts as a fetch.
        one.tick(REVOCATIONS, false, &mut cells, later(secs + 1));
        assert!(one.calls.is_empty());
    }
    assert_eq!(*one.list, list(&[1]));
    assert_eq!(one.log, [""; 0]);

    // Another worker has the list, but not from the companion: its copy may be shorter.
    two.tick(REVOCATIONS, false, &mut cells, later(9));
    assert_eq!(*two.list, list(&[1]));
    assert_eq!(if_none_match(&two), None);
    two.handle_response(Some((304, "")), &mut cells, later(9));
    let line = two.log.pop().unwrap();
    assert!(line.contains("could not be fetched"), "{line}");
}

#[test]
fn a_failed_fetch_keeps_the_entity_tag_and_a_list_without_one_drops_it() {
    let (mut cells, mut one, _) = Worker::two();
    let mut fetch = |one: &mut Worker, secs, response| {
        one.tick(REVOCATIONS, false, &mut cells, later(secs));
        let sent = if_none_match(one).map(str::to_owned);
        one.handle_response(Some(response), &mut cells, later(secs));
        sent
    };
    let body = list(&[1]).to_json();
    one.etag = Some("\"a-1\"");
    assert_eq!(fetch(&mut one, 0, (200, &body)), None);
    let known = Some("\"a-1\"".to_owned());
    one.etag = Some("\"b-2\"");
    assert_eq!(fetch(&mut one, 10, (503, "")), known);
    assert_eq!(fetch(&mut one, 40, (200, "[]")), known);
    one.etag = None;
    assert_eq!(fetch(&mut one, 80, (200, &body)), known);
    // These would be sent back in a header.
    let unusable = ["W/\"a\"", "a", "\"a\"b\"", "\"a b\"", "\"\u{e9}\""];
    for (round, etag) in (0..).zip(unusable) {
        one.etag = Some(etag);
        let sent = fetch(&mut one, 120 + 10 * round, (200, &body));
        assert_eq!(sent, None, "{etag}");
    }
}
