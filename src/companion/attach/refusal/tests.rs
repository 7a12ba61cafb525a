use std::fmt;

use super::*;

/// An error with a source.
#[derive(Debug)]
struct Outer(Box<dyn Error + Send + Sync>);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

#[test]
fn a_tls_error_is_found_inside_of_io_errors() {
    let tls = rustls::Error::NoCertificatesPresented;
    let error = Outer(io::Error::other(io::Error::other(tls)).into());
    assert!(find::<rustls::Error>(&error).is_some());
    assert!(find::<ConnectTimeout>(&error).is_none());
    let error = Outer(ConnectTimeout.into());
    assert!(find::<ConnectTimeout>(&error).is_some());
}

#[test]
fn a_refusal_is_json_that_is_not_cached() {
    let response = Refusal::target_timeout().response(true);
    assert_eq!(response.status(), 504);
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    assert!(!response.headers().contains_key(RETRY_AFTER));
    let response = Refusal::too_many().response(false);
    assert_eq!(response.headers()[RETRY_AFTER], "5");
    assert_eq!(
        hyper::body::Body::size_hint(response.body()).exact(),
        Some(0)
    );
}
