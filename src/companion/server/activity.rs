//! What a connection is doing, so that one that does nothing ends.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{io, mem};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a connection may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the rest of a request's header.
    pub(super) header: Duration,
    /// For the next request.
    pub(super) idle: Duration,
}

/// What a connection is doing.
#[derive(Debug)]
pub(super) struct Activity {
    patience: Patience,
    phase: Mutex<Phase>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Phase {
    /// Requests that are being answered.
    requests: usize,
    /// Since when there is none.
    since: Instant,
    /// Whether a header is on its way.
    header: bool,
    /// Over HTTP/2 bytes come for many reasons, so they tell nothing.
    multiplexed: bool,
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Answering(Arc<Activity>);

/// A stream whose bytes are noticed.
#[derive(Debug)]
pub(super) struct Noticed<S> {
    pub(super) stream: S,
    pub(super) activity: Arc<Activity>,
}

impl Activity {
    /// That of a connection that is new: its first header must come at once.
    pub(super) fn new(patience: Patience) -> Arc<Self> {
        let phase = Phase {
            requests: 0,
            since: Instant::now(),
            header: true,
            multiplexed: false,
        };
        Arc::new(Self {
            patience,
            phase: Mutex::new(phase),
            changed: Notify::new(),
        })
    }

    /// A request has come.
    pub(super) fn answer(self: &Arc<Self>, multiplexed: bool) -> Answering {
        let mut phase = self.phase();
        phase.requests = phase.requests.saturating_add(1);
        phase.header = false;
        phase.multiplexed = multiplexed;
        drop(phase);
        self.changed.notify_one();
        Answering(Arc::clone(self))
    }

    /// When it has waited long enough; `None` while it answers.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let phase = *self.phase();
        let patience = if phase.header {
            self.patience.header
        } else {
            self.patience.idle
        };
        (phase.requests == 0).then(|| phase.since + patience)
    }

    /// Waits until [`Activity::deadline`] may be another one.
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
        // Nothing panics while it is locked, and a phase is whole at any time.
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut phase = self.0.phase();
        phase.requests = phase.requests.saturating_sub(1);
        phase.since = Instant::now();
        drop(phase);
        self.0.changed.notify_one();
    }
}

// === impl Noticed ===

impl<S: AsyncRead + Unpin> AsyncRead for Noticed<S> {
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

impl<S: AsyncWrite + Unpin> AsyncWrite for Noticed<S> {
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
