use super::*;

const INTERVAL: Duration = Duration::from_secs(100);

const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + seconds)
}

#[test]
fn a_new_schedule_is_due_at_once_and_then_after_its_interval_less_some_jitter() {
    let mut schedule = FetchSchedule::default();
    assert!(schedule.is_due(INTERVAL, at(0)));
    schedule.begin(at(0));
    schedule.succeed(INTERVAL, at(0), 0);
    assert_eq!(schedule.next(), at(95));
    assert!(!schedule.is_due(INTERVAL, at(94)));
    assert!(schedule.is_due(INTERVAL, at(95)));
}

#[test]
fn failures_back_off_and_a_success_ends_that() {
    let mut schedule = FetchSchedule::default();
    for longest_pause in [1, 2, 4, 8, 10, 10] {
        schedule.begin(at(0));
        schedule.fail(Duration::from_secs(10), at(0), 0);
        assert!(!schedule.is_due(INTERVAL, at(0)));
        assert!(
            schedule.is_due(INTERVAL, at(longest_pause)),
            "{longest_pause}"
        );
    }
    schedule.succeed(INTERVAL, at(0), 0);
    schedule.fail(Duration::from_secs(10), at(0), 0);
    assert!(schedule.is_due(INTERVAL, at(1)));
}

#[test]
fn a_time_that_a_clock_ahead_has_set_is_due() {
    let mut schedule = FetchSchedule::default();
    schedule.succeed(INTERVAL, at(1000), 0);
    assert!(schedule.is_due(INTERVAL, at(0)));
    schedule.begin(at(1000));
    assert!(!schedule.was_attempted_within(INTERVAL, at(0)));
}

#[test]
fn what_is_planned_is_due_then() {
    let mut schedule = FetchSchedule::default();
    schedule.begin(at(0));
    schedule.succeed(INTERVAL, at(0), 0);
    schedule.plan(at(10));
    assert!(!schedule.is_due(INTERVAL, at(9)));
    assert!(schedule.is_due(INTERVAL, at(10)));
    assert!(schedule.was_attempted_within(Duration::from_secs(10), at(9)));
    assert!(!schedule.was_attempted_within(Duration::from_secs(10), at(10)));
}
