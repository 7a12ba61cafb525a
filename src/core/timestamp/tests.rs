use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn seconds_and_milliseconds_are_the_same_time() {
    assert_eq!(Timestamp::from_secs(7), Timestamp::from_millis(7000));
    assert_eq!(Timestamp::from_millis(7999).secs(), 7);
    assert_eq!(Timestamp::from_secs(7).after(SECOND).millis(), 8000);
    assert_eq!(Timestamp::from_secs(7).before(SECOND).millis(), 6000);
}

#[test]
fn arithmetic_saturates() {
    let end = Timestamp::from_millis(u64::MAX);
    assert_eq!(end.after(SECOND), end);
    assert_eq!(end.after(Duration::MAX), end);
    assert_eq!(Timestamp::from_secs(u64::MAX), end);
    assert_eq!(Timestamp::default().before(SECOND), Timestamp::default());
    assert_eq!(end.before(Duration::MAX), Timestamp::default());
}

#[test]
fn no_time_has_passed_after_the_clock_stepped_back() {
    let (early, late) = (Timestamp::from_secs(1), Timestamp::from_secs(3));
    assert_eq!(late.since(early), 2 * SECOND);
    assert_eq!(early.since(late), Duration::ZERO);
}

#[test]
fn timestamps_of_rfc_3339_in_utc_are_parsed() {
    for (text, secs) in [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-12-31T23:59:59Z", 31_535_999),
        ("2000-02-29T12:00:00Z", 951_825_600),
        ("2000-03-01T00:00:00Z", 951_868_800),
        ("2027-01-31T00:00:00Z", 1_801_353_600),
        ("2028-12-31T00:00:01Z", 1_861_833_601),
        ("2100-03-01T00:00:00Z", 4_107_542_400),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ] {
        assert_eq!(
            Timestamp::parse(text),
            Some(Timestamp::from_secs(secs)),
            "{text}"
        );
        assert_eq!(Timestamp::from_secs(secs).to_rfc3339(), text);
        let millis = Timestamp::from_millis(secs * 1000 + 7).to_rfc3339_millis();
        assert_eq!(millis, text.replace('Z', ".007Z"));
    }
    for text in [
        "",
        "2027-01-31",
        "2027-01-31T00:00:00",
        "2027-01-31T00:00:00z",
        "2027-01-31t00:00:00Z",
        "2027-01-31 00:00:00Z",
        "2027-01-31T00:00:00.5Z",
        "2027-01-31T00:00:00+00:00",
        "2027-1-31T00:00:00Z",
        "2027-13-01T00:00:00Z",
        "2027-00-01T00:00:00Z",
        "2027-01-00T00:00:00Z",
        "2027-04-31T00:00:00Z",
        "2027-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2027-01-31T24:00:00Z",
        "2027-01-31T00:60:00Z",
        "2016-12-31T23:59:60Z",
        "1969-12-31T23:59:59Z",
        "+027-01-31T00:00:00Z",
        "2027-01-31T00:00:00Z ",
        "\u{ff12}27-01-31T00:00:00Z",
    ] {
        assert_eq!(Timestamp::parse(text), None, "{text}");
    }
}

#[test]
fn every_day_of_four_centuries_is_written_as_it_is_parsed() {
    for day in 0..146_097 {
        let time = Timestamp::from_secs(day * 86_400 + day % 86_400);
        assert_eq!(Timestamp::parse(&time.to_rfc3339()), Some(time), "{day}");
    }
    let end = Timestamp::from_millis(u64::MAX);
    assert_eq!(end.to_rfc3339(), "9999-12-31T23:59:59Z");
}
