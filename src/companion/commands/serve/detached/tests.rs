use std::future::poll_fn;
use std::task::Poll;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Notify, oneshot};

use crate::commands::serve::fixtures::NeverArrives;

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

/// Any client can send a form, and slowly: those must not take the places of users who sign out.
#[tokio::test]
async fn requests_whose_body_has_not_arrived_take_no_permit() {
    let detached = Detached::new(Duration::from_secs(60), BackgroundTasks::default());
    let permits = Arc::clone(&detached.permits);
    let routes = Router::new()
        .route("/", post(async |body: String| body))
        .layer(from_fn_with_state(detached, detach));
    let service = TowerToHyperService::new(routes);
    let slow = Body::new(NeverArrives);
    let mut slow = Box::pin(service.call(Request::post("/").body(slow).unwrap()));
    let begins = poll_fn(|context| Poll::Ready(slow.as_mut().poll(context).is_pending()));
    assert!(begins.await);
    assert_eq!(permits.available_permits(), MAX_DETACHED);
    let whole = service.call(Request::post("/").body(Body::from("text")).unwrap());
    let body = to_bytes(whole.await.unwrap().into_body(), 10)
        .await
        .unwrap();
    assert_eq!(body, "text");
}
