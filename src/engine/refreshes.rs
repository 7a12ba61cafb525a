//! The calls by which sessions are refreshed, and the requests that wait for them.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use portcullis_core::gate::RefreshRequest;
use portcullis_core::policy::Sso;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use crate::call::{Call, CallId};
use crate::engine::{Effect, RequestId};
use crate::waiting::{WaitingRequest, is_timed_out};

#[cfg(test)]
mod tests;

/// How many requests may wait for a refresh on one worker. One more is answered at once.
const MAX_WAITING: usize = 256;

/// How many of them may be of one session, so that one browser leaves room for others.
const MAX_FOR_ONE: usize = 128;

/// The refreshes that are under way on one worker. Requests that show the same cookies share one.
#[derive(Debug, Default)]
pub(crate) struct Refreshes {
    refreshes: Vec<Refresh>,
    /// The number of the last call.
    last_call: u64,
}

/// The refresh of one session.
pub(crate) struct Refresh {
    sid: Id,
    /// The credential that the companion is asked with.
    cookies: String,
    /// When it was asked first.
    began: Timestamp,
    /// The call, and the request that owns it; `None` where it has to be made again.
    call: Option<(CallId, Option<RequestId>)>,
    waiting: Vec<WaitingRequest>,
}

impl Refreshes {
    /// Lets a request wait for a fresh token, and asks for it unless another request waits for the
    /// same one. `owner` is the request whose event this is. `false` where there is no room.
    pub(crate) fn add(
        &mut self,
        request: &RefreshRequest<'_>,
        waiting: WaitingRequest,
        owner: Option<RequestId>,
        now: Timestamp,
        effects: &mut VecDeque<Effect>,
    ) -> bool {
        let sid = request.sid();
        if !self.has_room_for(sid) {
            return false;
        }
        let cookies = request.cookies();
        let mut refreshes = self.refreshes.iter_mut();
        if let Some(refresh) =
            refreshes.find(|refresh| refresh.sid == sid && refresh.cookies == cookies)
        {
            refresh.waiting.push(waiting);
            return true;
        }
        let id = self.next_id();
        let call = Call::refresh(id, owner, request.sso(), cookies);
        effects.push_back(Effect::Call(call));
        self.refreshes.push(Refresh {
            sid,
            cookies: cookies.to_owned(),
            began: now,
            call: Some((id, owner)),
            waiting: vec![waiting],
        });
        true
    }

    /// How many requests wait.
    pub(crate) fn len(&self) -> usize {
        let waiting = self.refreshes.iter().map(|refresh| refresh.waiting.len());
        waiting.sum()
    }

    /// Whether this request waits.
    pub(crate) fn has(&self, id: RequestId) -> bool {
        let mut waiting = self.refreshes.iter().flat_map(|refresh| &refresh.waiting);
        waiting.any(|waiting| waiting.id == id)
    }

    /// Removes a request, and says whether it was there. A call that it owns gets no reply any more,
    /// so that it has to be made again if others wait.
    pub(crate) fn remove(&mut self, id: RequestId) -> bool {
        let before = self.len();
        for refresh in &mut self.refreshes {
            refresh.waiting.retain(|waiting| waiting.id != id);
            refresh.call.take_if(|(_, owner)| *owner == Some(id));
        }
        self.refreshes.retain(|refresh| !refresh.waiting.is_empty());
        self.len() < before
    }

    /// Takes out the refresh that this call was made for: the session, and those that wait for it.
    pub(crate) fn take(&mut self, id: CallId) -> Option<(Id, Vec<WaitingRequest>)> {
        let is_it = |refresh: &Refresh| refresh.call.is_some_and(|(call, _)| call == id);
        let place = self.refreshes.iter().position(is_it)?;
        let refresh = self.refreshes.swap_remove(place);
        Some((refresh.sid, refresh.waiting))
    }

    /// Makes the calls again that would get no reply, owned by no request. Returns the requests whose
    /// wait has timed out.
    pub(crate) fn retry(
        &mut self,
        sso: &Sso,
        now: Timestamp,
        timeout: Duration,
        effects: &mut VecDeque<Effect>,
    ) -> Vec<WaitingRequest> {
        let timed_out = self
            .refreshes
            .extract_if(.., |refresh| is_timed_out(refresh.began, now, timeout));
        let timed_out = timed_out.flat_map(|refresh| refresh.waiting).collect();
        let Self {
            refreshes,
            last_call,
        } = self;
        for refresh in refreshes.iter_mut().filter(|one| one.call.is_none()) {
            let id = next_id(last_call);
            refresh.call = Some((id, None));
            let call = Call::refresh(id, None, sso, &refresh.cookies);
            effects.push_back(Effect::Call(call));
        }
        timed_out
    }

    fn has_room_for(&self, sid: Id) -> bool {
        let same = self.refreshes.iter().filter(|refresh| refresh.sid == sid);
        let of_session: usize = same.map(|refresh| refresh.waiting.len()).sum();
        self.len() < MAX_WAITING && of_session < MAX_FOR_ONE
    }

    fn next_id(&mut self) -> CallId {
        next_id(&mut self.last_call)
    }
}

fn next_id(last: &mut u64) -> CallId {
    *last = last.wrapping_add(1);
    CallId(*last)
}

/// The cookies are a credential.
impl fmt::Debug for Refresh {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Refresh")
            .field("sid", &self.sid)
            .field("call", &self.call)
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
