//! Parsers of stored content, for the fuzz target.

use super::record::Session;
use super::revocations::RevocationState;
use super::store::Ticket;

/// Parses a session, and serializes it again.
#[must_use]
pub fn read_session(bytes: &[u8]) -> Option<Vec<u8>> {
    Session::from_bytes(bytes).map(|session| session.to_bytes().to_vec())
}

/// Parses a ticket, and serializes it again.
#[must_use]
pub fn read_ticket(bytes: &[u8]) -> Option<Vec<u8>> {
    Ticket::from_bytes(bytes).map(|ticket| ticket.to_bytes().to_vec())
}

/// Parses a revocation list, and serializes it again.
///
/// # Errors
/// What is invalid.
pub fn read_revocation_state(text: &[u8]) -> Result<String, String> {
    RevocationState::parse(text).map(|state| state.to_json())
}

/// Seals a session as a record and edits the record. Whether it still opens as the same session.
/// `None` if `bytes` is not a session.
pub fn opens_after_edit(bytes: &[u8], edit: impl FnOnce(&mut Vec<u8>)) -> Option<bool> {
    const URL: &str = "https://auth.example.com";
    let session = Session::from_bytes(bytes)?;
    let ticket = Ticket::new(&session);
    let mut sealed = ticket.seal(&session, URL);
    edit(&mut sealed);
    Some(ticket.open(&sealed, URL) == Some(session))
}
