//! The refresh calls in progress, and the requests that wait for them.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use portcullis_core::gate::RefreshRequest;
use portcullis_core::policy::Sso;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use crate::call::{Call, CallId};
use crate::effect::Effect;
use crate::request_id::RequestId;
use crate::waiting::{WaitingRequest, is_timed_out};

#[cfg(test)]
mod tests;

/// The maximum number of requests that wait for refreshes on one worker. Further requests are
/// refused at once.
const MAX_WAITING: usize = 1024;

/// The maximum for one session, so that one browser can't use up the limit.
const MAX_FOR_ONE: usize = 64;

/// The maximum for all sessions of one user.
const MAX_FOR_USER: usize = 128;

/// The maximum number of refreshes of one session, which has several if its requests have different cookies.
const MAX_REFRESHES_FOR_ONE: usize = 4;

/// The refreshes in progress on one worker. Requests with the same session cookies share one.
#[derive(Debug, Default)]
pub(crate) struct Refreshes {
    refreshes: Vec<Refresh>,
    /// The number of the last call.
    last_call: u64,
}

/// The refresh of one session. It stays until its call has a response or times out, also without waiting
/// requests: the companion may still work on the call, and so it counts towards the limits.
pub(crate) struct Refresh {
    sid: Id,
    /// The handle of the user.
    user: Id,
    /// The session cookies of the refresh request: a credential.
    cookies: String,
    /// When the first request began to wait for it.
    began: Timestamp,
    /// The call, and the request that owns it; `None` if that request has ended, so that there will be no
    /// response.
    call: Option<(CallId, Option<RequestId>)>,
    waiting: Vec<WaitingRequest>,
}

impl Refreshes {
    /// Adds a waiting request, and makes the call unless there is one of the same
    /// refresh. `owner` is the request of the current event. Returns `false` if the limit is
    /// reached.
    pub(crate) fn add(
        &mut self,
        request: &RefreshRequest<'_>,
        waiting: WaitingRequest,
        owner: Option<RequestId>,
        now: Timestamp,
        effects: &mut VecDeque<Effect>,
    ) -> bool {
        let (sid, user) = (request.sid(), request.user());
        if !self.has_room_for(sid, user) {
            return false;
        }
        let cookies = request.cookies();
        let mut refreshes = self.refreshes.iter_mut();
        if let Some(refresh) =
            refreshes.find(|refresh| refresh.sid == sid && refresh.cookies == cookies)
        {
            if refresh.waiting.is_empty() && refresh.call.is_none() {
                refresh.began = now;
            }
            refresh.waiting.push(waiting);
            return true;
        }
        let of_session = self.refreshes.iter().filter(|refresh| refresh.sid == sid);
        if of_session.count() >= MAX_REFRESHES_FOR_ONE {
            return false;
        }
        let id = self.next_id();
        let call = Call::refresh(id, owner, request.sso(), cookies);
        effects.push_back(Effect::Call(call));
        self.refreshes.push(Refresh {
            sid,
            user,
            cookies: cookies.to_owned(),
            began: now,
            call: Some((id, owner)),
            waiting: vec![waiting],
        });
        true
    }

    /// The number of waiting requests.
    pub(crate) fn len(&self) -> usize {
        let waiting = self.refreshes.iter().map(|refresh| refresh.waiting.len());
        waiting.sum()
    }

    /// Whether this request waits.
    pub(crate) fn has(&self, id: RequestId) -> bool {
        let mut waiting = self.refreshes.iter().flat_map(|refresh| &refresh.waiting);
        waiting.any(|waiting| waiting.id == id)
    }

    /// Removes a request, and returns whether it was there. A call that it owns gets no response any
    /// more, and must be repeated if other requests wait for it.
    pub(crate) fn remove(&mut self, id: RequestId) -> bool {
        let before = self.len();
        for refresh in &mut self.refreshes {
            refresh.waiting.retain(|waiting| waiting.id != id);
            refresh.call.take_if(|(_, owner)| *owner == Some(id));
        }
        self.len() < before
    }

    /// Removes the refresh of this call, and returns its session and the waiting requests.
    pub(crate) fn take(&mut self, id: CallId) -> Option<(Id, Vec<WaitingRequest>)> {
        let is_it = |refresh: &Refresh| refresh.call.is_some_and(|(call, _)| call == id);
        let place = self.refreshes.iter().position(is_it)?;
        let refresh = self.refreshes.swap_remove(place);
        Some((refresh.sid, refresh.waiting))
    }

    /// Repeats the calls that will get no response and that requests wait for, without an owner. Returns the requests whose wait
    /// has timed out.
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
        let needs_call = |one: &&mut Refresh| one.call.is_none() && !one.waiting.is_empty();
        for refresh in refreshes.iter_mut().filter(needs_call) {
            let id = next_id(last_call);
            refresh.call = Some((id, None));
            let call = Call::refresh(id, None, sso, &refresh.cookies);
            effects.push_back(Effect::Call(call));
        }
        timed_out
    }

    fn has_room_for(&self, sid: Id, user: Id) -> bool {
        let (mut of_all, mut of_session, mut of_user) = (0_usize, 0_usize, 0_usize);
        for refresh in &self.refreshes {
            // A client can send and reset requests faster than the companion responds.
            let waiting = refresh.waiting.len().max(1);
            of_all = of_all.saturating_add(waiting);
            if refresh.sid == sid {
                of_session = of_session.saturating_add(waiting);
            }
            if refresh.user == user {
                of_user = of_user.saturating_add(waiting);
            }
        }
        of_all < MAX_WAITING && of_session < MAX_FOR_ONE && of_user < MAX_FOR_USER
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
