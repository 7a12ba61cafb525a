use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Notify, oneshot};

use super::*;

#[tokio::test]
async fn a_request_is_completed_although_its_client_disconnects() {
    let (started, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (completed, is_completed) = oneshot::channel();
    let completed = Arc::new(std::sync::Mutex::new(Some(completed)));
    let handler = {
        let (started, finish) = (Arc::clone(&started), Arc::clone(&finish));
        async move || {
            started.notify_one();
            finish.notified().await;
            let completed = completed.lock().unwrap().take();
            completed.unwrap().send(()).unwrap();
        }
    };
    let detached = Detached::new(Duration::from_secs(60), BackgroundTasks::default());
    let routes = Router::new()
        .route("/", post(handler))
        .layer(from_fn_with_state(detached, detach));
    let request = Request::post("/").body(Body::empty()).unwrap();
    let service = TowerToHyperService::new(routes);
    let client = tokio::spawn(async move { service.call(request).await });
    started.notified().await;
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    finish.notify_one();
    is_completed.await.expect("the handler is completed");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_ends() {
    let detached = Detached::new(Duration::from_secs(60), BackgroundTasks::default());
    let routes = Router::new()
        .route("/", post(async || std::future::pending::<()>().await))
        .layer(from_fn_with_state(detached, detach));
    let request = Request::post("/").body(Body::empty()).unwrap();
    let response = TowerToHyperService::new(routes)
        .call(request)
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
}
