//! Captures the log of tests.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::sync::Once;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Captures the log of the current thread. Each test has its own thread.
struct Lines;

/// The output of `work`, and what it logged.
///
/// All tests share one global subscriber: if each set its own, `tracing`'s cache of the interest in each
/// log line could hide a line of another thread.
pub(crate) async fn logged<T>(work: impl Future<Output = T>) -> (T, String) {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
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
