use super::*;

#[test]
fn connections_leave_descriptors_for_the_rest() {
    for (wanted, descriptors, expected) in [
        (4096, 1 << 20, 4096),
        (4096, 4352, 4096),
        (4096, 4351, 4095),
        (4096, 1024, 768),
        (4096, 128, 64),
        (64, 128, 64),
        (1, 1, 1),
        (1, 0, 1),
    ] {
        assert_eq!(fitting(wanted, descriptors), expected, "{descriptors}");
    }
}
