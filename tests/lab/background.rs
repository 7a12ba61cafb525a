//! Servers of the lab run beside the tests, on a runtime of their own: each test has its own and
//! takes it along at its end, while a server may serve several tests.

use std::future::Future;
use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("lab")
        .enable_all()
        .build()
        .expect("a runtime for the lab's servers")
});

/// Something that runs until it is dropped.
#[derive(Debug)]
pub struct Task(JoinHandle<()>);

/// Begins something in the background.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Task {
    Task(RUNTIME.spawn(work))
}

impl Task {
    /// Ends it, and returns when everything it held is gone.
    pub async fn stop(mut self) {
        self.0.abort();
        let _cancelled = (&mut self.0).await;
    }

    /// Waits until it has ended by itself.
    pub async fn finish(mut self) {
        let _ended = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
