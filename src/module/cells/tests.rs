use super::*;

#[test]
fn one_of_two_writers_over_the_same_version_wins() {
    let name = "portcullis.test.cells";
    assert_eq!(read(name), None);
    assert!(!write(name, "no", Some(7)));
    assert!(write(name, "first", None));
    let (text, version) = read(name).unwrap();
    assert_eq!(text, b"first");
    assert!(write(name, "second", Some(version)));
    assert!(!write(name, "third", Some(version)));
    assert_eq!(read(name).unwrap().0, b"second");
    assert!(write(name, "fourth", None));
    assert_eq!(read(name).unwrap().0, b"fourth");
}
