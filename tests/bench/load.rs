//! The load: as many requests in flight as there are connections, the next as soon as one is
//! answered.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How many requests are in flight: enough that a server always has the next.
pub(crate) const CONNECTIONS: usize = 32;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How an answer begins and how it ends. What begins in another way is refused, because refusals
/// would measure nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpectedResponse {
    pub(crate) begins: &'static [u8],
    pub(crate) ends: &'static [u8],
}

/// Connections that stay open, and the requests that go over them in turn, for ever.
#[derive(Debug)]
pub(crate) struct Load {
    streams: Vec<TcpStream>,
    requests: Vec<Vec<u8>>,
    answer: ExpectedResponse,
    next: usize,
}

impl Load {
    /// Connects so often, to send each of these requests in turn.
    pub(crate) fn open(
        address: SocketAddr,
        connections: usize,
        requests: Vec<String>,
        answer: ExpectedResponse,
    ) -> Result<Self> {
        let streams = (0..connections).map(|_| {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            Ok(stream)
        });
        Ok(Self {
            streams: streams.collect::<Result<_>>()?,
            requests: requests.into_iter().map(String::into_bytes).collect(),
            answer,
            next: 0,
        })
    }

    /// Asks for this long, and returns how many requests were answered: all that were sent.
    ///
    /// Answers are taken in the order of the connections, so that one thread without any polling
    /// keeps the server busy: while it waits for one answer, all other requests are there.
    pub(crate) fn run(&mut self, length: Duration) -> Result<u64> {
        let begin = Instant::now();
        let mut answered = 0;
        for place in 0..self.streams.len() {
            self.ask(place)?;
        }
        while begin.elapsed() < length {
            for place in 0..self.streams.len() {
                self.take(place)?;
                self.ask(place)?;
                answered += 1;
            }
        }
        for place in 0..self.streams.len() {
            self.take(place)?;
            answered += 1;
        }
        Ok(answered)
    }

    fn ask(&mut self, place: usize) -> Result<()> {
        let request = &self.requests[self.next];
        self.next = (self.next + 1) % self.requests.len();
        self.streams[place].write_all(request)
    }

    /// Takes one whole answer.
    fn take(&mut self, place: usize) -> Result<()> {
        let ExpectedResponse { begins, ends } = self.answer;
        let mut buffer = [0; 4096];
        let mut length = 0;
        loop {
            let count = self.streams[place].read(&mut buffer[length..])?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            length += count;
            let answer = &buffer[..length];
            if length >= begins.len() && !answer.starts_with(begins) {
                let answer = String::from_utf8_lossy(answer);
                return Err(Error::other(format!("not admitted:\n{answer}")));
            }
            if answer.ends_with(ends) {
                return Ok(());
            }
        }
    }
}
