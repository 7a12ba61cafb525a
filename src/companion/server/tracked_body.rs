//! A response's body that reports how much of it the client has received.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::activity::InFlight;
use super::handler::SendLimit;

/// The body of a response in flight.
#[derive(Debug)]
pub(super) struct TrackedBody<B> {
    body: B,
    in_flight: InFlight,
    limit: SendLimit,
}

impl<B> TrackedBody<B> {
    /// The body of a response that is ready now.
    pub(super) fn new(body: B, mut in_flight: InFlight, limit: SendLimit) -> Self {
        in_flight.sends();
        Self {
            body,
            in_flight,
            limit,
        }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for TrackedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    /// The server asks for the next part when the client has received enough of the last one.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if self.limit == SendLimit::Progress {
            match frame {
                Poll::Pending => self.in_flight.waits(),
                Poll::Ready(_) => self.in_flight.sends(),
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
