//! The body of a request to a target, which reports the progress of the request.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use super::headers::prepare_trailers;

/// The body of a client's request.
#[derive(Debug)]
pub(super) struct RequestBody {
    body: Incoming,
    sending: Sending,
}

/// How far a request has been sent.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    /// Whether a connection has begun to send it.
    has_begun: Arc<AtomicBool>,
    /// `None` if there is no body.
    pub(super) upload: Option<Upload>,
}

/// How far a body has been sent.
#[derive(Clone, Debug)]
pub(super) struct Upload(Arc<Mutex<Progress>>);

/// The state of an upload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// When it last changed.
    pub(super) at: Instant,
    /// What is waited for.
    pub(super) waits_for: WaitsFor,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WaitsFor {
    /// The next part of the client's body.
    Client,
    /// The target takes the body, or responds.
    Target,
}

impl RequestBody {
    /// The body, and how far its request has been sent.
    pub(super) fn new(body: Incoming) -> (Self, Sending) {
        let upload = (!body.is_end_stream()).then(|| {
            Upload(Arc::new(Mutex::new(Progress {
                at: Instant::now(),
                waits_for: WaitsFor::Target,
            })))
        });
        let sending = Sending {
            has_begun: Arc::default(),
            upload,
        };
        let body = Self {
            body,
            sending: sending.clone(),
        };
        (body, sending)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            prepare_trailers(trailers);
        }
        if let Some(upload) = &self.sending.upload {
            upload.report(match frame {
                Poll::Pending => WaitsFor::Client,
                Poll::Ready(_) => WaitsFor::Target,
            });
        }
        frame
    }

    /// A connection asks this first when it sends the request's header, because the header depends on it.
    fn is_end_stream(&self) -> bool {
        self.sending.has_begun.store(true, Ordering::Relaxed);
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

// === impl Sending ===

impl Sending {
    /// Whether a connection has begun to send the request. Until then it is not sent if its response is not waited
    /// for any longer.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }
}

// === impl Upload ===

impl Upload {
    /// The progress so far.
    pub(super) fn progress(&self) -> Progress {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, waits_for: WaitsFor) {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A second poll without a part is no progress.
        if waits_for == WaitsFor::Target || progress.waits_for == WaitsFor::Target {
            progress.at = Instant::now();
        }
        progress.waits_for = waits_for;
    }
}
