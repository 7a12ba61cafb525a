use tokio::sync::oneshot;

use super::*;

#[tokio::test]
async fn a_shutdown_waits_for_running_work_and_begins_no_new_one() {
    let tasks = BackgroundTasks::default();
    let (finish, finished) = oneshot::channel::<()>();
    let work = tasks.spawn_unless_stopping(async move { finished.await.is_ok() });
    tasks.stop();
    assert!(tasks.spawn_unless_stopping(async {}).is_none());
    // What a request in flight can't leave to another process still begins.
    tasks.spawn(async {}).await.unwrap();
    let mut all = std::pin::pin!(tasks.finished());
    tokio::select! {
        biased;
        () = &mut all => panic!("the work has not ended"),
        () = tokio::task::yield_now() => {}
    }
    finish.send(()).unwrap();
    all.await;
    assert_eq!(tasks.running(), 0);
    assert!(work.unwrap().await.unwrap());
}

#[tokio::test]
async fn work_that_panics_or_is_aborted_has_ended() {
    let tasks = BackgroundTasks::default();
    let panicking = tasks.spawn(async { panic!("on purpose") });
    let aborted = tasks.spawn(std::future::pending::<()>());
    aborted.abort();
    tasks.finished().await;
    assert!(panicking.await.unwrap_err().is_panic());
}
