//! The activity of a connection, so that an idle one is closed.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{io, mem};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a connection may be idle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// While it receives a request's header.
    pub(super) header: Duration,
    /// While it waits for the next request.
    pub(super) idle: Duration,
    /// While it sends a response.
    pub(super) response: Duration,
}

/// The activity of a connection.
#[derive(Debug)]
pub(super) struct Activity {
    timeouts: Timeouts,
    phase: Mutex<Phase>,
    changed: Notify,
}

#[derive(Debug)]
struct Phase {
    /// Requests in flight.
    requests: usize,
    /// Since when the client has not received what is ready, of each response.
    sending: Vec<Instant>,
    /// Since when there are none.
    since: Instant,
    /// Whether a header is being received.
    header: bool,
    /// On HTTP/2 bytes arrive for many reasons, so they mean nothing.
    multiplexed: bool,
}

/// A request in flight, until its response has been sent.
#[derive(Debug)]
pub(super) struct InFlight {
    activity: Arc<Activity>,
    /// Since when the client has not received what is ready of its response.
    sending: Option<Instant>,
}

/// A stream that reports received bytes.
#[derive(Debug)]
pub(super) struct ObservedStream<S> {
    pub(super) stream: S,
    pub(super) activity: Arc<Activity>,
}

impl Activity {
    /// The activity of a new connection, whose first header must arrive at once.
    pub(super) fn new(timeouts: Timeouts) -> Arc<Self> {
        let phase = Phase {
            requests: 0,
            sending: Vec::new(),
            since: Instant::now(),
            header: true,
            multiplexed: false,
        };
        Arc::new(Self {
            timeouts,
            phase: Mutex::new(phase),
            changed: Notify::new(),
        })
    }

    /// Reports a request.
    pub(super) fn request_started(self: &Arc<Self>, multiplexed: bool) -> InFlight {
        let mut phase = self.phase();
        phase.requests = phase.requests.saturating_add(1);
        phase.header = false;
        phase.multiplexed = multiplexed;
        drop(phase);
        self.changed.notify_one();
        InFlight {
            activity: Arc::clone(self),
            sending: None,
        }
    }

    /// When the timeout passes; `None` while a request is in flight that has no response yet.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let phase = self.phase();
        if let Some(oldest) = phase.sending.iter().min() {
            return Some(*oldest + self.timeouts.response);
        }
        let timeouts = if phase.header {
            self.timeouts.header
        } else {
            self.timeouts.idle
        };
        (phase.requests == 0).then(|| phase.since + timeouts)
    }

    /// Waits until [`Activity::deadline`] may have changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn received(&self) {
        let mut phase = self.phase();
        if phase.requests == 0 && !phase.multiplexed && !mem::replace(&mut phase.header, true) {
            phase.since = Instant::now();
            drop(phase);
            self.changed.notify_one();
        }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        // No code panics while it holds the lock, and a phase is consistent at any time.
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl InFlight ===

impl InFlight {
    /// The response, or a part of it, is ready. The client must receive it within a timeout.
    pub(super) fn sends(&mut self) {
        let now = Instant::now();
        let mut phase = self.activity.phase();
        let earlier = phase.replace(self.sending, Some(now));
        drop(phase);
        self.sending = Some(now);
        // A deadline that is only later is noticed when the earlier one has passed.
        if !earlier {
            self.activity.changed.notify_one();
        }
    }

    /// The client has received what was ready.
    pub(super) fn waits(&mut self) {
        if self.sending.is_some() {
            let _ = self.activity.phase().replace(self.sending, None);
            self.sending = None;
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut phase = self.activity.phase();
        phase.requests = phase.requests.saturating_sub(1);
        let _ = phase.replace(self.sending, None);
        phase.since = Instant::now();
        drop(phase);
        self.activity.changed.notify_one();
    }
}

// === impl Phase ===

impl Phase {
    /// Replaces the time of one response. Whether there was one.
    fn replace(&mut self, earlier: Option<Instant>, now: Option<Instant>) -> bool {
        let place = self.sending.iter().position(|at| Some(*at) == earlier);
        if let Some(place) = place {
            self.sending.swap_remove(place);
        }
        self.sending.extend(now);
        place.is_some()
    }
}

// === impl ObservedStream ===

impl<S: AsyncRead + Unpin> AsyncRead for ObservedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.activity.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ObservedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
