//! Session events: who signed in and out, who was refused, and which sessions were revoked. Each leaves one record in
//! the log, in the form of the audit records of decisions.

use std::net::IpAddr;

use portcullis_core::caller::session_token_id;
use portcullis_core::escape;
use portcullis_core::session::Id;
use serde::Serialize;

use crate::clock::now;

#[cfg(test)]
mod tests;

/// The maximum length of a text from the client or the provider, in bytes.
const MAX_TEXT: usize = 256;

/// What happened to a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SessionEventKind {
    /// A refresh token was used that had been used before: the session was copied.
    RefreshTokenReused,
    /// The provider or an operator ended sessions.
    Revoked,
    /// A user signed in.
    SignedIn,
    /// A user signed out.
    SignedOut,
    /// A sign-in was not completed.
    SignInRefused,
}

/// What is known of the client whose request caused an event.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct EventClient {
    /// Its address.
    pub(crate) address: Option<IpAddr>,
    /// Its `User-Agent`, not bounded yet.
    pub(crate) user_agent: Option<String>,
    /// The ID of the request.
    pub(crate) request_id: Option<String>,
}

/// A session event. The texts of others are bounded and escaped when it is logged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionEvent<'a> {
    /// What happened.
    pub(crate) kind: SessionEventKind,
    /// The name of the provider, if it is known.
    pub(crate) provider: Option<&'a str>,
    /// The user, by the provider's `sub`, if it is known.
    pub(crate) subject: Option<&'a str>,
    /// The session, if it is one and known.
    pub(crate) sid: Option<Id>,
    /// Why: a word of the metrics, or of this program.
    pub(crate) reason: Option<&'a str>,
}

/// The record, in the order of its members.
#[derive(Serialize)]
struct SessionRecord<'a> {
    audit: &'static str,
    time: String,
    event: SessionEventKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    /// The same as `token` in the records of decisions on requests with the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
}

impl SessionEvent<'_> {
    /// Writes the record to the log.
    pub(crate) fn log(&self, client: &EventClient) {
        let record = self.record(client);
        match self.kind {
            SessionEventKind::SignedIn | SessionEventKind::SignedOut => {
                tracing::info!(target: "portcullis::audit", "{record}");
            }
            SessionEventKind::RefreshTokenReused
            | SessionEventKind::Revoked
            | SessionEventKind::SignInRefused => {
                tracing::warn!(target: "portcullis::audit", "{record}");
            }
        }
    }

    /// One line of JSON. Nothing in it is a credential.
    fn record(&self, client: &EventClient) -> String {
        let record = SessionRecord {
            audit: "portcullis.session.v1",
            time: now().to_rfc3339_millis(),
            event: self.kind,
            reason: self.reason,
            provider: self.provider,
            subject: self.subject.map(bounded),
            session: self.sid.map(session_token_id),
            id: client.request_id.as_deref(),
            client: client.address,
            user_agent: client.user_agent.as_deref().map(bounded),
        };
        let record = serde_json::to_string(&record).unwrap_or_default();
        escape::json(&record).into_owned()
    }
}

/// The text, cut after [`MAX_TEXT`] bytes.
fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT))
        .unwrap_or(text)
}
