//! The configuration of oauth2-proxy that a team had before, imported: the same tokens, with rules for each app.

use crate::lab::imported::{AUDIENCE, ISSUER};
use crate::lab::{Authority, ImportedCompanion, Issuer, SigningKey, Token};

/// A request, as the imported configuration decides it.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The caller and the request.
    pub request: String,
    /// The status of forward auth.
    pub status: u16,
    /// The status that is expected.
    pub expected: u16,
}

const ALERTS: &str = "https://alertmanager.example.com/api/v2/alerts/groups";
const QUERY: &str = "https://prometheus.example.com/api/v1/query";

/// The service account, the method, the URL and the expected status. With oauth2-proxy, all of them are 202.
const REQUESTS: [(&str, &str, &str, u16); 4] = [
    ("karma", "GET", ALERTS, 202),
    ("karma", "POST", ALERTS, 403),
    ("karma", "GET", QUERY, 403),
    ("other", "GET", ALERTS, 403),
];

/// Imports the configuration with its log, and lets a companion decide by the result.
///
/// # Panics
/// If the import does not succeed or the companion does not start.
pub async fn run() -> Vec<Decided> {
    let (authority, key) = (Authority::new(), SigningKey::p256());
    let issuer = Issuer::start(&authority, ISSUER, &[&key]).await;
    let companion = ImportedCompanion::start(&issuer, &authority, true).await;
    let mut decided = Vec::new();
    for (name, method, url, expected) in REQUESTS {
        let token = Token::service_account(ISSUER, AUDIENCE, "monitoring", name).sign(&key);
        decided.push(Decided {
            request: format!("monitoring/{name}: {method} {url}"),
            status: companion.status(Some(&token), method, url).await,
            expected,
        });
    }
    decided
}
