use super::*;

const NAMES: [&str; 14] = [
    ":path",
    "connection",
    "cookie",
    "host",
    "keep-alive",
    "proxy-connection",
    "sec-websocket-key",
    "te",
    "upgrade",
    "x-auth-request-user",
    "x-envoy-peer-metadata",
    "x-forwarded-for",
    "x-note",
    "x-other",
];

/// The replacement of the Connection fields, and the removed names.
fn outcome(values: &[&[u8]], upgrade: Option<&str>) -> (Option<&'static str>, Vec<&'static str>) {
    let mut fields: Vec<(&[u8], &[u8])> = vec![(b":method", b"GET")];
    fields.extend(
        values
            .iter()
            .map(|value| (b"Connection".as_slice(), *value)),
    );
    fields.extend(upgrade.map(|value| (b"Upgrade".as_slice(), value.as_bytes())));
    let fields = ConnectionFields::of(&Headers::new(fields));
    let removed = |name: &&str| fields.removes(name.to_uppercase().as_bytes());
    (
        fields.replacement(),
        NAMES.into_iter().filter(removed).collect(),
    )
}

const ALWAYS: [&str; 2] = ["keep-alive", "proxy-connection"];
const UPGRADE: [&str; 3] = ["keep-alive", "proxy-connection", "te"];

#[test]
fn h06_an_upgrade_alone_stays_as_it_is() {
    for value in ["upgrade", "Upgrade", "UPGRADE", " upgrade\t"] {
        let expected = (None, UPGRADE.to_vec());
        assert_eq!(
            outcome(&[value.as_bytes()], Some("websocket")),
            expected,
            "{value}"
        );
    }
    assert_eq!(outcome(&[], None), (None, ALWAYS.to_vec()));
    // Without a Connection field that names it, `Upgrade` has no effect.
    assert_eq!(outcome(&[], Some("websocket")), (None, UPGRADE.to_vec()));
}

#[test]
fn h06_no_header_that_a_client_nominates_is_passed_on() {
    let with = |more: &[&'static str]| {
        let mut names = [&UPGRADE[..], more].concat();
        names.sort_unstable();
        names
    };
    let values: [(&[&[u8]], &[&str]); 12] = [
        (&[b"Upgrade, x-auth-request-user"], &["x-auth-request-user"]),
        (&[b"x-auth-request-user,upgrade"], &["x-auth-request-user"]),
        (
            &[b"Upgrade", b"X-Auth-Request-User"],
            &["x-auth-request-user"],
        ),
        (&[b"x-note", b"keep-alive", b"upgrade"], &["x-note"]),
        (&[b"upgrade,\tx-note\t,,x-other ,"], &["x-note", "x-other"]),
        (&[b"upgrade, x-note\x0b"], &["x-note"]),
        (&[b"upgrade;x-note"], &[]),
        (&[b"keep-alive, Upgrade"], &[]),
        (&[b"upgrade, upgrade"], &[]),
        (&[b"upgrade,"], &[]),
        (&[b"upgrade, close, te, connection"], &[]),
        // These stay, though nominated: a client must not remove what proxies set.
        (
            &[b"upgrade, :path, host, cookie, X-Forwarded-For, x-envoy-peer-metadata, upgrade"],
            &[],
        ),
    ];
    for (values, removed) in values {
        let upgrades = values != [b"upgrade;x-note".as_slice()];
        let (replacement, names) = outcome(values, Some("websocket"));
        assert_eq!(replacement, upgrades.then_some("Upgrade"), "{values:?}");
        let mut expected = with(removed);
        if !upgrades {
            expected.insert(0, "connection");
        }
        assert_eq!(names, expected, "{values:?}");
    }
}

#[test]
fn h06_a_connection_field_of_another_request_is_removed() {
    for value in ["keep-alive", "close", "x-note", "", ",", "upgrade, x-note"] {
        let (replacement, names) = outcome(&[value.as_bytes()], None);
        assert_eq!(replacement, None, "{value}");
        assert!(names.contains(&"connection"), "{value}: {names:?}");
        assert_eq!(
            names.contains(&"x-note"),
            value.contains("x-note"),
            "{value}"
        );
    }
}

#[test]
fn thousands_of_nominated_headers_are_looked_up_in_a_set() {
    let listed: Vec<String> = (0..20_000).map(|number| format!("x-{number}")).collect();
    let value = format!("upgrade, {}", listed.join(", "));
    let fields = vec![
        (b"connection".as_slice(), value.as_bytes()),
        (b"upgrade".as_slice(), b"websocket".as_slice()),
    ];
    let fields = ConnectionFields::of(&Headers::new(fields));
    assert_eq!(fields.nominated.len(), 20_000);
    assert!(fields.removes(b"X-19999") && !fields.removes(b"x-20000"));
}
