//! The request of the command line.

use std::ffi::{OsStr, OsString};

use axum::http::HeaderName;

use crate::document::Report;
use crate::simulation::SimulatedRequest;

/// The request for the URL of `--url`.
pub(super) fn of_url(method: &str, url: Option<&OsStr>) -> Result<SimulatedRequest, Report> {
    let url = url.unwrap_or_default().as_encoded_bytes();
    SimulatedRequest::for_url(method, url).map_err(|problem| {
        let help = "write a URL like `https://alertmanager.example.com/api/v2/alerts`";
        Report::of("--url", problem, help)
    })
}

/// The request with the fields of `--header`. Errors show no value, which may be a credential.
pub(super) fn with_headers(
    request: SimulatedRequest,
    headers: &[OsString],
) -> Result<SimulatedRequest, Report> {
    headers.iter().try_fold(request, |request, header| {
        let header = header.as_encoded_bytes();
        let colon = header.iter().position(|byte| *byte == b':');
        let (name, value) = header.split_at(colon.unwrap_or_default());
        // Also refuses an empty name, so a pseudo-header field.
        let name = HeaderName::from_bytes(name).map_err(|_| {
            let help = "write `NAME: VALUE`, like `--header 'sec-fetch-site: cross-site'`";
            Report::of("--header", "is not a header field", help)
        })?;
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            let problem =
                format!("the value of {name} has a line break or NUL, which no proxy passes on");
            return Err(Report::of("--header", &problem, "remove it"));
        }
        Ok(request.with(name.as_str(), value))
    })
}
