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
