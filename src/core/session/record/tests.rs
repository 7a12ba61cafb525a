use super::*;
use crate::session::{Id, SessionHandles};

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const SID: Id = Id::from_bytes([7; 16]);

fn response(body: &str) -> HttpResponse<'_> {
    HttpResponse {
        status: 200,
        content_type: Some(b"application/json"),
        content_encoding: None,
        body: body.as_bytes(),
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_list_is_fetched_at_once_and_then_every_two_to_three_seconds() {
    for random in 0..20 {
        let mut record = RevocationsRecord::default();
        assert!(record.is_due(START));
        record.begin(7, START);
        assert!(record.is_leased_to(7) && !record.is_leased_to(8));
        assert!(
            !record.is_due(START.after(millis(1900))),
            "a worker is fetching"
        );
        let empty = response(r#"{"version":1,"floor":0,"entries":[]}"#);
        record.apply_response(Some(&empty), START, random).unwrap();
        assert!(!record.is_leased_to(7));
        assert!(!record.is_due(START.after(millis(2000))), "{random}");
        assert!(record.is_due(START.after(millis(2500))), "{random}");
        assert_eq!(record.age(START.after(millis(2500))), Some(millis(2500)));
    }
}

#[test]
fn failures_back_off_to_ten_seconds_and_the_age_keeps_growing() {
    let mut record = RevocationsRecord::default();
    let good = response(r#"{"version":1,"floor":0,"entries":[]}"#);
    record.begin(7, START);
    record.apply_response(Some(&good), START, 0).unwrap();
    let mut now = START.after(millis(2500));
    for pause in [1, 2, 4, 8, 10, 10, 10] {
        assert!(record.is_due(now), "{pause}");
        record.begin(7, now);
        assert_eq!(
            record.apply_response(None, now, 0),
            Err(ResponseError::NoResponse)
        );
        assert!(!record.is_due(now.after(millis(pause * 890))), "{pause}");
        now = now.after(Duration::from_secs(pause));
    }
    assert_eq!(record.age(now), Some(now.since(START)));
}

#[test]
fn a_lease_and_a_schedule_in_the_future_delay_nothing() {
    let mut record = RevocationsRecord::default();
    record.begin(7, START.after(Duration::from_secs(3600)));
    assert!(record.is_due(START));
    let good = response(r#"{"version":1,"floor":0,"entries":[]}"#);
    let ahead = START.after(Duration::from_secs(3600));
    record.apply_response(Some(&good), ahead, 0).unwrap();
    assert!(record.is_due(START));
    assert_eq!(record.age(START), Some(Duration::ZERO));
}

#[test]
fn bad_responses_do_not_change_the_list() {
    let entry = format!(
        r#"{{"version":1,"floor":0,"entries":[{{"sid":"{SID}","before":{0},"ends":{0}}}]}}"#,
        START.secs() + 60
    );
    let mut record = RevocationsRecord::default();
    let list = record
        .apply_response(Some(&response(&entry)), START, 0)
        .unwrap();
    let handles = SessionHandles {
        sid: SID,
        handle: Id::from_bytes([1; 16]),
        began: START,
    };
    assert!(list.revokes(&handles, START));

    let page = HttpResponse {
        content_type: Some(b"text/html"),
        ..response(&entry)
    };
    let error = HttpResponse {
        status: 500,
        ..response(&entry)
    };
    let cut = response(&entry[..entry.len() - 1]);
    for bad in [
        page,
        error,
        cut,
        response("{}"),
        response("[]"),
        response(""),
    ] {
        assert!(
            record.apply_response(Some(&bad), START, 0).is_err(),
            "{bad:?}"
        );
    }
}

#[test]
fn the_shared_record_survives_serialization_and_invalid_ones_are_refused() {
    let mut record = RevocationsRecord::default();
    assert_eq!(record.list(), None);
    record.begin(u64::MAX, START);
    for random in [0, u64::MAX] {
        record.share(random);
        assert_eq!(record.list(), Some(random.max(1)));
        let text = record.to_text();
        assert_eq!(
            RevocationsRecord::from_text(text.as_bytes()),
            Ok(record.clone())
        );
    }
    let text = record.to_text();
    for end in 0..text.len() {
        assert!(
            RevocationsRecord::from_text(&text.as_bytes()[..end]).is_err(),
            "{end}"
        );
    }
    for (piece, other) in [
        ("\"format\":1", "\"format\":2"),
        ("\"list\":1", "\"list\":-1"),
        ("\"next\":0", "\"next\":null"),
        ("\"failures\":0,", ""),
    ] {
        assert_eq!(text.matches(piece).count(), 1, "{piece} in {text}");
        let broken = text.replace(piece, other);
        assert!(
            RevocationsRecord::from_text(broken.as_bytes()).is_err(),
            "{other}"
        );
    }
    let long = format!("{}{text}", " ".repeat(MAX_TEXT));
    assert!(RevocationsRecord::from_text(long.as_bytes()).is_err());
    assert_eq!(record.clone().without_lease().lease.holder, None);
}
