use super::*;

#[test]
fn an_address_has_no_port_and_what_is_no_address_counts_as_unknown() {
    for (attribute, address) in [
        ("10.0.0.1:4711", Some("10.0.0.1")),
        ("[fd00::1]:4711", Some("fd00::1")),
        ("[::ffff:10.0.0.1]:1", Some("::ffff:10.0.0.1")),
        ("10.0.0.1", None),
        ("10.0.0.1:", None),
        (":80", None),
        ("", None),
        ("/run/envoy.sock", None),
        ("@/run/a:1", None),
        ("envoy://connect_originate/10.0.0.1:8080", None),
    ] {
        assert_eq!(client_address(attribute.as_bytes()).as_deref(), address);
    }
    assert_eq!(client_address(b"\xff:80"), None);
}
