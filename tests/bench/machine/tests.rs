use super::*;

#[test]
fn a_list_of_cores_has_ranges_and_single_cores() {
    assert_eq!(cores("0"), Some(vec![0]));
    assert_eq!(cores("0-2,8"), Some(vec![0, 1, 2, 8]));
    assert_eq!(cores("0-"), None);
    assert_eq!(cores(""), None);
}
