//! Work that is completed even if the client that caused it has disconnected, and that a shutdown waits for.

use std::future::Future;

use tokio::sync::watch;
use tokio::task::JoinHandle;

#[cfg(test)]
mod tests;

/// The tasks with such work. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct BackgroundTasks(watch::Sender<State>);

#[derive(Debug, Default)]
struct State {
    running: usize,
    is_stopping: bool,
}

/// A task that is counted until it ends, also if it panics or is aborted.
struct Running(watch::Sender<State>);

impl BackgroundTasks {
    /// Runs work in a task of its own.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.send_modify(|state| state.running += 1);
        self.run(work)
    }

    /// The same for work that may begin later, in another process. `None` if the shutdown has started.
    pub(crate) fn spawn_unless_stopping<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        let is_counted = self.0.send_if_modified(|state| {
            state.running += usize::from(!state.is_stopping);
            !state.is_stopping
        });
        is_counted.then(|| self.run(work))
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let running = Running(self.0.clone());
        tokio::spawn(async move {
            let _running = running;
            work.await
        })
    }

    /// Starts the shutdown.
    pub(crate) fn stop(&self) {
        self.0.send_modify(|state| state.is_stopping = true);
    }

    /// Waits until no task is running.
    pub(crate) async fn finished(&self) {
        // The sender is not dropped meanwhile, so this never fails.
        let _ = self
            .0
            .subscribe()
            .wait_for(|state| state.running == 0)
            .await;
    }

    /// How many tasks are running.
    pub(crate) fn running(&self) -> usize {
        self.0.borrow().running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|state| state.running -= 1);
    }
}
