//! The lab's in-process servers run on a runtime of their own. Each test has its own runtime, which
//! ends with the test, while a server may serve several tests.

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

/// A background task that runs until it is dropped.
#[derive(Debug)]
pub struct Task(JoinHandle<()>);

/// Starts a background task.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Task {
    Task(RUNTIME.spawn(work))
}

impl Task {
    /// Stops it, and returns when everything it held is released.
    pub async fn stop(mut self) {
        self.0.abort();
        let _cancelled = (&mut self.0).await;
    }

    /// Waits until it has finished.
    pub async fn finish(mut self) {
        let _ended = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
