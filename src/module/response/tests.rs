use super::*;

#[test]
fn a_body_is_cut_after_one_byte_too_many() {
    let response = Response {
        headers: vec![(b":status", b"200"), (b"set-cookie", b"secret=1")],
        chunks: vec![b"ab", b"", b"cde"],
    };
    for (max_body, expected) in [(9, "abcde"), (5, "abcde"), (3, "abcd"), (0, "a")] {
        let body = response.with(max_body, |response| response.body.to_vec());
        assert_eq!(body, expected.as_bytes());
        let owned = response.to_owned(max_body);
        owned.with(|response| {
            assert_eq!(response.body, expected.as_bytes());
            assert_eq!(response.headers.all("set-cookie").count(), 1);
        });
        assert!(!format!("{response:?} {owned:?}").contains("secret"));
    }
}
