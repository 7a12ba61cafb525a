use super::*;

/// The codes that responses, logs, metrics and documentation agree on. A changed code breaks
/// dashboards.
const CODES: [&str; 33] = [
    "rule",
    "public",
    "preflight",
    "companion",
    "ungated",
    "report-only",
    "no-credentials",
    "authorization-malformed",
    "authorization-ambiguous",
    "request-ambiguous",
    "token-malformed",
    "token-too-large",
    "issuer-unknown",
    "key-unknown",
    "algorithm-refused",
    "signature-invalid",
    "expired",
    "not-yet-valid",
    "lifetime-too-long",
    "audience-mismatch",
    "subject-invalid",
    "binding-unproven",
    "revoked",
    "session-expired",
    "session-unavailable",
    "cross-site",
    "proxy-untrusted",
    "keys-unavailable",
    "keys-stale",
    "key-ambiguous",
    "app-unknown",
    "caller-refused",
    "caller-not-allowed",
];

#[test]
fn the_list_of_reasons_is_closed() {
    assert_eq!(Reason::ALL.map(Reason::code), CODES);
    for (place, reason) in Reason::ALL.iter().enumerate() {
        assert!(
            !Reason::ALL[..place].contains(reason),
            "duplicate reason {reason}"
        );
        assert!(
            reason
                .code()
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        );
    }
}
