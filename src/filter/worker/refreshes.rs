//! The calls by which sessions are refreshed, and the requests that wait for them.

use std::fmt;
use std::time::Duration;

use portcullis_core::endpoints;
use portcullis_core::gate::RefreshRequest;
use portcullis_core::policy::Sso;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::waiting::Waiting;
use crate::host;

#[cfg(test)]
mod tests;

/// How many requests may wait for a refresh on one worker. One more is answered at once.
const MAX_WAITING: usize = 256;

/// How many of them may be of one session, so that one browser's hurry leaves room for others.
const MAX_FOR_ONE: usize = 128;

/// How long the companion may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Whose callback made a call: the SDK hands the reply to that context, if it is still there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sender {
    /// The root context's, which stays.
    Root,
    /// That of the request with this context.
    Request(u32),
}

/// The calls that are under way on one worker. Requests that show the same cookies share one.
#[derive(Debug, Default)]
pub(crate) struct Refreshes {
    calls: Vec<Call>,
}

/// One call, for one session.
pub(crate) struct Call {
    sid: Id,
    /// What is asked with: a credential.
    cookies: String,
    /// When it was asked first.
    began: Timestamp,
    /// The token by which the reply is known, and who gets it; `None` where it has to be asked again.
    asked: Option<(u32, Sender)>,
    waiting: Vec<Waiting>,
}

impl Refreshes {
    /// Lets a request wait for a fresh token, and asks for it unless another waits for the same one.
    /// `false` where there is no room, or nobody can be asked.
    pub(crate) fn enter(
        &mut self,
        refresh: &RefreshRequest<'_>,
        waiting: Waiting,
        sender: Sender,
        now: Timestamp,
    ) -> bool {
        let sid = refresh.sid();
        if !self.has_room_for(sid) {
            return false;
        }
        let cookies = refresh.cookies();
        let mut calls = self.calls.iter_mut();
        if let Some(call) = calls.find(|call| call.sid == sid && call.cookies == cookies) {
            call.waiting.push(waiting);
            return true;
        }
        let Some(token) = ask(refresh.sso(), cookies) else {
            return false;
        };
        self.calls.push(Call {
            sid,
            cookies: cookies.to_owned(),
            began: now,
            asked: Some((token, sender)),
            waiting: vec![waiting],
        });
        true
    }

    /// How many requests wait.
    pub(crate) fn len(&self) -> usize {
        self.calls.iter().map(|call| call.waiting.len()).sum()
    }

    /// Whether the request of this context waits.
    pub(crate) fn has(&self, id: u32) -> bool {
        let mut waiting = self.calls.iter().flat_map(|call| &call.waiting);
        waiting.any(|waiting| waiting.id == id)
    }

    /// Lets the request of this context out, and says whether it was there. A call whose reply would
    /// go with it has to be made again, if others wait.
    pub(crate) fn leave(&mut self, id: u32) -> bool {
        let before = self.len();
        for call in &mut self.calls {
            call.waiting.retain(|waiting| waiting.id != id);
            call.asked
                .take_if(|(_, sender)| *sender == Sender::Request(id));
        }
        self.calls.retain(|call| !call.waiting.is_empty());
        self.len() < before
    }

    /// Takes out the call that this reply is to: the session, and those that wait for it.
    pub(crate) fn take(&mut self, token: u32) -> Option<(Id, Vec<Waiting>)> {
        let is_it = |call: &Call| call.asked.is_some_and(|(asked, _)| asked == token);
        let place = self.calls.iter().position(is_it)?;
        let call = self.calls.swap_remove(place);
        Some((call.sid, call.waiting))
    }

    /// Makes the calls again whose reply nobody would get, the root context's callback running. Gives
    /// back those that wait in vain, because nobody can be asked or no reply came for too long.
    pub(crate) fn ask_again(
        &mut self,
        sso: &Sso,
        now: Timestamp,
        patience: Duration,
    ) -> Vec<Waiting> {
        let in_vain = |call: &mut Call| {
            if call.asked.is_none() {
                call.asked = ask(sso, &call.cookies).map(|token| (token, Sender::Root));
            }
            call.asked.is_none() || Waiting::over(call.began, now, patience)
        };
        let calls = self.calls.extract_if(.., in_vain);
        calls.flat_map(|call| call.waiting).collect()
    }

    fn has_room_for(&self, sid: Id) -> bool {
        let calls = self.calls.iter().filter(|call| call.sid == sid);
        let of_session: usize = calls.map(|call| call.waiting.len()).sum();
        self.len() < MAX_WAITING && of_session < MAX_FOR_ONE
    }
}

/// Asks the companion for a fresh token, with the session's cookies alone.
fn ask(sso: &Sso, cookies: &str) -> Option<u32> {
    let headers = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", sso.authority()),
        (":path", endpoints::REFRESH.path),
        ("accept", "application/json"),
        ("content-length", "0"),
        ("cookie", cookies),
        ("user-agent", "portcullis"),
    ];
    host::dispatch_http_call(sso.envoy_cluster(), &headers, TIMEOUT)
        .inspect_err(|error| {
            log::warn!(
                "portcullis: no session can be refreshed through cluster {} ({error}); is the \
                 cluster configured in this proxy?",
                sso.envoy_cluster()
            );
        })
        .ok()
}

/// The cookies are a credential.
impl fmt::Debug for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Call")
            .field("sid", &self.sid)
            .field("asked", &self.asked)
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
