use super::*;

#[test]
fn connections_of_both_listeners_leave_descriptors_for_the_rest() {
    for (wanted, descriptors, main, metrics) in [
        (4096, u64::MAX, 4096, 64),
        (4096, 1 << 20, 4096, 64),
        (4096, 4416, 4096, 64),
        (4096, 4415, 4095, 64),
        (4096, 1024, 704, 64),
        (4096, 300, 113, 37),
        (4096, 128, 48, 16),
        (48, 128, 48, 16),
        (1, 1, 1, 1),
        (1, 0, 1, 1),
    ] {
        let expected = ConnectionLimits { main, metrics };
        assert_eq!(fitting(wanted, descriptors), expected, "{descriptors}");
    }
}
