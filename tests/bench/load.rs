//! The load generator: one request in flight per connection, the next one as soon as the response
//! arrives.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The number of requests in flight: enough that a server always has the next one.
pub(crate) const CONNECTIONS: usize = 32;

/// How long a response may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How a response begins and ends. Any other response is an error, so that no refusal is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpectedResponse {
    pub(crate) begins: &'static [u8],
    pub(crate) ends: &'static [u8],
}

/// Open connections, and the requests that are sent over them in turn, again and again.
#[derive(Debug)]
pub(crate) struct Load {
    streams: Vec<TcpStream>,
    requests: Vec<Vec<u8>>,
    response: ExpectedResponse,
    next: usize,
    latencies: Vec<Duration>,
}

impl Load {
    /// Opens this many connections, to send each of these requests in turn.
    pub(crate) fn open(
        address: SocketAddr,
        connections: usize,
        requests: Vec<String>,
        response: ExpectedResponse,
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
            response,
            next: 0,
            latencies: Vec::new(),
        })
    }

    /// Sends requests for this long, and returns the number of responses, which is the number of
    /// requests. With one connection, [`Load::take_latencies`] has the time that each response took.
    ///
    /// Responses are read in the order of the connections, so that one thread without polling keeps
    /// the server busy: while it waits for one response, all other requests are queued.
    pub(crate) fn run(&mut self, length: Duration) -> Result<u64> {
        let begin = Instant::now();
        let mut responses = 0;
        for index in 0..self.streams.len() {
            self.send(index)?;
        }
        while begin.elapsed() < length {
            let sent = Instant::now();
            for index in 0..self.streams.len() {
                self.receive(index)?;
                if self.streams.len() == 1 {
                    self.latencies.push(sent.elapsed());
                }
                self.send(index)?;
                responses += 1;
            }
        }
        for index in 0..self.streams.len() {
            self.receive(index)?;
            responses += 1;
        }
        Ok(responses)
    }

    /// Removes and returns the time that each response took.
    pub(crate) fn take_latencies(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.latencies)
    }

    fn send(&mut self, index: usize) -> Result<()> {
        let request = &self.requests[self.next];
        self.next = (self.next + 1) % self.requests.len();
        self.streams[index].write_all(request)
    }

    /// Reads one complete response.
    fn receive(&mut self, index: usize) -> Result<()> {
        let ExpectedResponse { begins, ends } = self.response;
        let mut buffer = [0; 4096];
        let mut length = 0;
        loop {
            let count = self.streams[index].read(&mut buffer[length..])?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            length += count;
            let response = &buffer[..length];
            if length >= begins.len() && !response.starts_with(begins) {
                let response = String::from_utf8_lossy(response);
                return Err(Error::other(format!("unexpected response:\n{response}")));
            }
            if response.ends_with(ends) {
                return Ok(());
            }
        }
    }
}
