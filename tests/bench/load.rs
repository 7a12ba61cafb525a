//! The load: as many requests in flight as there are connections, the next as soon as one is
//! answered.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::filters::{HOST, PATH};

/// What Envoy answers to what it admits.
pub(crate) const BODY: &str = "admitted";

/// How many requests are in flight: enough that Envoy always has the next.
pub(crate) const CONNECTIONS: usize = 32;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that stay open, and the requests that go over them in turn, for ever.
#[derive(Debug)]
pub(crate) struct Load {
    streams: Vec<TcpStream>,
    requests: Vec<Vec<u8>>,
    next: usize,
}

impl Load {
    /// Connects, to ask with each of these tokens in turn.
    pub(crate) fn open(address: SocketAddr, tokens: &[String]) -> Result<Self> {
        let streams = (0..CONNECTIONS).map(|_| {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(stream)
        });
        Ok(Self {
            streams: streams.collect::<Result<_>>()?,
            requests: tokens.iter().map(|token| request(token)).collect(),
            next: 0,
        })
    }

    /// Asks for this long, and returns how many requests were answered: all that were sent.
    ///
    /// Answers are taken in the order of the connections, so that one thread without any polling
    /// keeps Envoy busy: while it waits for one answer, all other requests are at Envoy's.
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

    /// Takes one whole answer, and believes only 200: refusals would measure nothing.
    fn take(&mut self, place: usize) -> Result<()> {
        const ADMITTED: &[u8] = b"HTTP/1.1 200 ";
        let mut buffer = [0; 2048];
        let mut length = 0;
        loop {
            let count = self.streams[place].read(&mut buffer[length..])?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            length += count;
            let answer = &buffer[..length];
            if length >= ADMITTED.len() && !answer.starts_with(ADMITTED) {
                let answer = String::from_utf8_lossy(answer);
                return Err(Error::other(format!("not admitted:\n{answer}")));
            }
            if answer.ends_with(BODY.as_bytes()) {
                return Ok(());
            }
        }
    }
}

fn request(token: &str) -> Vec<u8> {
    format!(
        "GET {PATH} HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: bench\r\naccept: application/json\r\n\
         authorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes()
}
