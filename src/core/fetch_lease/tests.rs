use super::*;

#[test]
fn a_pause_ends_before_the_grace_of_a_key_that_flaps() {
    let refresh = Duration::from_secs(10);
    for chance in 0..100 {
        let pause = spread(refresh, chance);
        let shorter = refresh - pause;
        assert!(shorter >= refresh / 20, "{chance}: {pause:?}");
        assert!(shorter <= refresh / 10, "{chance}: {pause:?}");
    }
}
