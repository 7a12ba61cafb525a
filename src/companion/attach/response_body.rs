//! The body of a response: the target's, or one of our own.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::pools::StreamPermit;

/// The body of a response, and the permits of its request until it has been sent.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    content: Content,
    _permits: Option<Permits>,
}

/// What a request holds until its response has been sent.
#[derive(Debug)]
pub(super) struct Permits {
    pub(super) _request: OwnedSemaphorePermit,
    pub(super) _stream: Option<StreamPermit>,
}

#[derive(Debug)]
enum Content {
    Target(Incoming),
    /// What is left of our own.
    Own(Bytes),
}

impl ResponseBody {
    /// The target's.
    pub(super) const fn forwarded(body: Incoming, permits: Permits) -> Self {
        Self {
            content: Content::Target(body),
            _permits: Some(permits),
        }
    }

    /// Our own.
    pub(super) const fn own(body: Bytes) -> Self {
        Self {
            content: Content::Own(body),
            _permits: None,
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.content {
            Content::Target(body) => Pin::new(body).poll_frame(context),
            Content::Own(left) if left.is_empty() => Poll::Ready(None),
            Content::Own(left) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(left))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Target(body) => body.is_end_stream(),
            Content::Own(left) => left.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Target(body) => body.size_hint(),
            Content::Own(left) => SizeHint::with_exact(left.len() as u64),
        }
    }
}
