//! What is logged.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::sync::Once;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Takes what its own thread logs: each test has a thread to itself.
struct Lines;

/// What comes of this, and what was logged meanwhile.
///
/// One subscriber is for all tests and stays: where each had its own, a line that another thread says
/// at the same time could be lost, because all threads share what is known of who listens.
pub(super) async fn logged<T>(work: impl Future<Output = T>) -> (T, String) {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(|| Lines)
            .init();
    });
    LINES.take();
    let output = work.await;
    (output, String::from_utf8(LINES.take()).unwrap())
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
