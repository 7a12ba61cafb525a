use super::*;

#[test]
fn a_pause_is_shorter_than_the_time_of_a_retiring_key() {
    let refresh = Duration::from_secs(10);
    for random in 0..100 {
        let pause = spread(refresh, random);
        let shorter = refresh - pause;
        assert!(shorter >= refresh / 20, "{random}: {pause:?}");
        assert!(shorter <= refresh / 10, "{random}: {pause:?}");
    }
}

#[test]
fn the_backoff_after_failures_doubles_up_to_the_limit() {
    let (now, longest) = (Timestamp::from_secs(1000), Duration::from_secs(5));
    let mut schedule = FetchSchedule::default();
    assert!(schedule.is_due(longest, now));
    let mut pauses = Vec::new();
    for _ in 0..5 {
        schedule.begin(now);
        schedule.fail(longest, now, 0);
        pauses.push(schedule.next().since(now).as_millis());
    }
    assert_eq!(pauses, [950, 1900, 3800, 4750, 4750]);
    assert_eq!(schedule.failures(), 5);
    assert_eq!(schedule.succeeded_at(), None);
    schedule.succeed(Duration::from_secs(100), now, 5);
    assert_eq!(schedule.next(), now.after(Duration::from_secs(90)));
    assert_eq!(
        (schedule.failures(), schedule.succeeded_at()),
        (0, Some(now))
    );
}

#[test]
fn a_clock_that_steps_back_makes_a_fetch_due() {
    let (now, longest) = (Timestamp::from_secs(1000), Duration::from_secs(100));
    let mut schedule = FetchSchedule::default();
    schedule.begin(now);
    schedule.succeed(longest, now, 0);
    assert!(!schedule.is_due(longest, now));
    assert!(schedule.is_due(longest, now.before(Duration::from_secs(10))));
    let interval = Duration::from_secs(10);
    assert!(schedule.was_attempted_within(interval, now.after(Duration::from_secs(9))));
    assert!(!schedule.was_attempted_within(interval, now.after(interval)));
    assert!(!schedule.was_attempted_within(interval, now.before(Duration::from_secs(1))));
}
