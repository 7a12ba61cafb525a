use openidconnect::IssuerUrl;

use super::*;

fn issuer() -> Issuer {
    Issuer::new(IssuerUrl::new("https://a".to_owned()).unwrap(), Vec::new())
}

#[test]
fn a_repeated_callback_parameter_is_rejected() {
    for query in [
        "state=a&state=b&code=c",
        "state=a&code=c&code=c",
        "state=a&error=e&error=e",
        "state=a&code=c&iss=i&iss=i",
        "state=a&code=c&st%61te=b",
    ] {
        let refused = Callback::from_query(query).unwrap_err();
        assert_eq!(refused, CallbackError::Ambiguous, "{query}");
    }
    // Unused parameters may be repeated.
    assert!(Callback::from_query("state=a&code=c&session_state=x&session_state=y").is_ok());
}

#[test]
fn exactly_one_of_code_and_error_is_required() {
    for query in [
        "state=a",
        "state=a&code=",
        "state=a&code=c&error=access_denied",
    ] {
        let callback = Callback::from_query(query).unwrap();
        assert_eq!(
            callback.code(&issuer(), false).unwrap_err(),
            CallbackError::Ambiguous
        );
    }
}

#[test]
fn r13_an_error_code_is_sanitized() {
    for (error, logged) in [
        ("access_denied", "access_denied"),
        ("%3Cscript%3E", "(no code)"),
        ("a%0Ab", "(no code)"),
        ("", "(no code)"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "(no code)"),
    ] {
        let query = format!("state=a&error={error}&error_description=%3Cscript%3E");
        let callback = Callback::from_query(&query).unwrap();
        let denied = callback.code(&issuer(), false).unwrap_err();
        assert_eq!(denied.to_string(), format!("error response `{logged}`"));
    }
}

#[test]
fn the_error_code_decides_the_category() {
    for (code, category) in [
        ("access_denied", ErrorCategory::AccessDenied),
        ("login_required", ErrorCategory::AccessDenied),
        ("temporarily_unavailable", ErrorCategory::Unreachable),
        ("server_error", ErrorCategory::Unreachable),
        ("invalid_scope", ErrorCategory::Misconfigured),
        ("something_else", ErrorCategory::Misconfigured),
    ] {
        assert_eq!(
            CallbackError::Denied(ErrorCode::new(code)).category(),
            category,
            "{code}"
        );
    }
}

#[test]
fn the_callback_finds_its_attempt_by_the_state() {
    let callback = Callback::from_query("state=abc&code=c").unwrap();
    let id = callback.attempt_id().unwrap();
    assert_eq!(id, Attempt::id_of("abc"));
    assert_eq!(id.len(), 16);
    assert_ne!(id, Attempt::id_of("abd"));
    assert_eq!(Callback::from_query("code=c").unwrap().attempt_id(), None);
}
