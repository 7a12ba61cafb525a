use std::future::pending;

use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;

use crate::commands::serve::extract::{Form, Query};
use crate::commands::serve::fixtures::NeverArrives;
use crate::config::limits;

use super::*;

#[derive(Deserialize)]
struct Words {
    word: String,
}

fn router(metrics: &Arc<Metrics>) -> Router {
    let routes = Router::new()
        .route("/bad", get(async || Problem::bad_request("no <b>")))
        .route("/busy", get(async || Problem::unavailable("not now")))
        .route("/busy/again", get(async || busy("/again")))
        .route(
            "/busy/sign-in",
            get(async || busy("/oauth2/sign_in?rd=%2Fown")),
        )
        .route(
            "/cached",
            get(async || ([(CACHE_CONTROL, "max-age=60")], "text")),
        )
        .route("/form", post(async |Form(form): Form<Words>| form.word))
        .route("/item/{name}", get(async || "an item"))
        .route(
            "/panic",
            get(async || -> &'static str { panic!("hunter2") }),
        )
        .route("/query", get(async |Query(query): Query<Words>| query.word))
        .route("/slow", get(async || pending::<&'static str>().await))
        .route("/swallow", post(async |body: Bytes| body.len().to_string()));
    wrap(routes, &Arc::new(limits()), metrics, true)
}

fn busy(next: &'static str) -> Problem {
    Problem::unavailable("not now").with_link(next, "Next")
}

async fn send(request: Request) -> Response {
    let service = TowerToHyperService::new(router(&Arc::new(Metrics::new())));
    service.call(request).await.expect("a response")
}

fn get_of(path: &str) -> Request {
    Request::get(path).body(Body::empty()).expect("a request")
}

fn page_of(path: &str) -> Request {
    let request = Request::get(path).header("sec-fetch-mode", "navigate");
    request.body(Body::empty()).expect("a request")
}

fn form_of(path: &str, form: &str) -> Request {
    let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    request
        .body(Body::from(form.to_owned()))
        .expect("a request")
}

async fn text(response: Response) -> String {
    let body = response.into_body().collect().await.expect("a body");
    String::from_utf8(body.to_bytes().to_vec()).expect("text")
}

#[tokio::test]
async fn h11_every_response_has_the_security_headers() {
    for path in ["/item/a", "/bad", "/panic", "/nowhere", "/query", "/cached"] {
        for request in [get_of(path), page_of(path)] {
            let response = send(request).await;
            let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
            let expected = if path == "/cached" {
                "max-age=60"
            } else {
                "no-store"
            };
            assert_eq!(header("cache-control"), expected, "{path}");
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert_eq!(header("referrer-policy"), "no-referrer");
            assert_eq!(header("x-frame-options"), "DENY");
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; "), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(header("x-request-id").len(), 32);
        }
    }
}

#[tokio::test]
async fn the_clients_request_id_is_not_used() {
    let mut ids = Vec::new();
    for client_id in ["abc", "a\"b{}", "0123456789abcdef0123456789abcdef"] {
        let request = Request::get("/bad").header("x-request-id", client_id);
        let response = send(request.body(Body::empty()).expect("a request")).await;
        let id = response.headers()["x-request-id"]
            .to_str()
            .expect("text")
            .to_owned();
        assert!(text(response).await.contains(&id));
        assert_ne!(id, client_id);
        ids.push(id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn only_a_plain_proxy_request_id_is_logged() {
    let logged = |value: &[u8]| {
        let value = HeaderValue::from_bytes(value).expect("a value");
        let headers = HeaderMap::from_iter([(X_REQUEST_ID, value)]);
        proxy_request_id(&headers).map(str::to_owned)
    };
    assert_eq!(logged(b"4bf9-2.f_A").as_deref(), Some("4bf9-2.f_A"));
    for other in [&b""[..], b"a b", b"a\"", b"\xff", b"a\tb", &[b'a'; 65]] {
        assert_eq!(logged(other), None, "{other:?}");
    }
}

#[tokio::test]
async fn a_problem_is_a_page_for_users_and_json_for_programs() {
    let response = send(page_of("/bad")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let policy = response.headers()[CONTENT_SECURITY_POLICY]
        .to_str()
        .expect("text");
    assert!(policy.contains("style-src 'sha256-"), "{policy}");
    let page = text(response).await;
    assert!(
        page.contains("no &#60;b&#62;") && !page.contains("<b>"),
        "{page}"
    );

    let response = send(get_of("/bad")).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    let json: serde_json::Value = serde_json::from_str(&text(response).await).expect("JSON");
    assert_eq!(json["error"], "invalid_request");

    let response = send(page_of("/busy")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[RETRY_AFTER], "5");

    let mut request = page_of("/bad");
    *request.method_mut() = Method::HEAD;
    let response = send(request).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn a_panic_fails_one_request_and_reveals_nothing() {
    let response = send(get_of("/panic")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!text(response).await.contains("hunter2"));
    assert_eq!(send(get_of("/item/a")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_method_gets_the_allowed_ones() {
    let mut request = get_of("/item/a");
    *request.method_mut() = Method::DELETE;
    let response = send(request).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[ALLOW], "GET,HEAD");
}

#[tokio::test(start_paused = true)]
async fn t29_a_request_times_out() {
    let started = tokio::time::Instant::now();
    let response = send(get_of("/slow")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(started.elapsed().as_secs(), limits().request.as_secs());
    // A body too.
    let body = Body::new(NeverArrives);
    let request = Request::post("/swallow").body(body).expect("a request");
    assert_eq!(
        send(request).await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test(start_paused = true)]
async fn t29_a_slow_form_times_out() {
    let started = tokio::time::Instant::now();
    let mut request = form_of("/form", "");
    *request.body_mut() = Body::new(NeverArrives);
    assert_eq!(send(request).await.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(started.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn t29_concurrent_requests_are_limited() {
    let mut narrow = limits();
    narrow.connections = 1;
    let routes = Router::new()
        .route("/quick", get(async || "done"))
        .route("/slow", get(async || pending::<&'static str>().await));
    let router = wrap(routes, &Arc::new(narrow), &Arc::new(Metrics::new()), false);
    let service = TowerToHyperService::new(router);
    let mut slow = std::pin::pin!(service.call(get_of("/slow")));
    tokio::select! {
        biased;
        _ = &mut slow => panic!("no response was expected"),
        () = tokio::time::sleep(Duration::from_secs(1)) => {}
    }
    let response = service.call(get_of("/quick")).await.expect("a response");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[RETRY_AFTER], "5");
    // Then its permit is free.
    slow.await.expect("a response");
    let response = service.call(get_of("/quick")).await.expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn each_page_with_status_503_offers_a_sign_in() {
    let sign_in =
        |path: &str, class: &str| format!("<a class=\"{class}\" href=\"{path}\">Sign in</a>");
    for (path, link) in [
        ("/busy", sign_in("/oauth2/sign_in", "act")),
        ("/busy?a=b&rd=", sign_in("/oauth2/sign_in?rd=", "act")),
        (
            "/busy?rd=https%3A%2F%2Fapp.example.com%2F%3Fa%3D%26%22%3E%23b",
            sign_in(
                "/oauth2/sign_in?rd=https%3A%2F%2Fapp.example.com%2F%3Fa%3D%26%22%3E%23b",
                "act",
            ),
        ),
        ("/busy/again", sign_in("/oauth2/sign_in", "other")),
        ("/slow", sign_in("/oauth2/sign_in", "act")),
        (
            "/busy/sign-in",
            "<a class=\"act\" href=\"/oauth2/sign_in?rd=%2Fown\">Next</a>".to_owned(),
        ),
    ] {
        let response = send(page_of(path)).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        let page = text(response).await;
        assert!(page.contains(&link), "{path}: {page}");
        assert_eq!(page.matches("/oauth2/sign_in").count(), 1, "{path}: {page}");
    }
    // Other errors, and sites without sign-in, do not.
    let page = text(send(page_of("/bad")).await).await;
    assert!(!page.contains("/oauth2/sign_in"), "{page}");
    let routes = Router::new().route("/busy", get(async || Problem::unavailable("not now")));
    let router = wrap(
        routes,
        &Arc::new(limits()),
        &Arc::new(Metrics::new()),
        false,
    );
    let service = TowerToHyperService::new(router);
    let response = service.call(page_of("/busy")).await.expect("a response");
    let page = text(response).await;
    assert!(!page.contains("/oauth2/sign_in"), "{page}");
}

#[tokio::test]
async fn t29_the_body_size_is_limited() {
    let most = limits().body_bytes;
    for (length, status) in [
        (most, StatusCode::OK),
        (most + 1, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let body = vec![b'a'; length];
        let request = Request::post("/swallow").header(CONTENT_LENGTH, length);
        let request = request.body(Body::from(body.clone())).expect("a request");
        assert_eq!(
            send(request).await.status(),
            status,
            "Content-Length: {length}"
        );
        let request = Request::post("/swallow")
            .body(Body::from(body))
            .expect("a request");
        assert_eq!(
            send(request).await.status(),
            status,
            "{length} bytes without Content-Length"
        );
        let form = format!("word={}", "a".repeat(length - 5));
        assert_eq!(
            send(form_of("/form", &form)).await.status(),
            status,
            "{length} bytes in a form"
        );
    }
}

#[tokio::test]
async fn duplicate_and_invalid_fields_are_refused_and_not_quoted() {
    assert_eq!(text(send(get_of("/query?word=a%20b")).await).await, "a b");
    assert_eq!(text(send(form_of("/form", "word=a+b")).await).await, "a b");
    let mut json = form_of("/form", "{}");
    json.headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for request in [
        get_of("/query"),
        get_of("/query?word=hunter2&word=b"),
        form_of("/form", "word=hunter2&word=b"),
        form_of("/form", "hunter2"),
        json,
    ] {
        let response = send(request).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let body = text(response).await;
        assert!(!body.contains("hunter2"), "{body}");
    }
}

#[tokio::test]
async fn metric_labels_are_routes_and_never_paths() {
    let metrics = Arc::new(Metrics::new());
    let service = TowerToHyperService::new(router(&metrics));
    for path in ["/item/hunter2", "/hunter2", "/item/other"] {
        service.call(get_of(path)).await.expect("a response");
    }
    let text = metrics.text().expect("text");
    let items = "portcullis_companion_requests_total{endpoint=\"/item/{name}\",status=\"200\"} 2";
    assert!(text.contains(items), "{text}");
    assert!(
        text.contains("{endpoint=\"unknown\",status=\"404\"} 1"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

/// On HTTP/2, a client can keep complete responses waiting without accepting a byte.
#[tokio::test]
async fn t29_a_response_counts_as_a_request_until_it_is_sent() {
    let limits = crate::config::Limits {
        connections: 2,
        ..limits()
    };
    let routes = Router::new().route("/", get(async || "text"));
    let router = wrap(routes, &Arc::new(limits), &Arc::new(Metrics::new()), true);
    let service = TowerToHyperService::new(router);
    let send = async || service.call(get_of("/")).await.expect("a response");
    let (first, second) = (send().await, send().await);
    assert_eq!(first.body().size_hint().exact(), Some(4));
    assert_eq!(send().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = first.into_body().collect().await.expect("a body");
    assert_eq!(body.to_bytes(), "text");
    assert_eq!(send().await.status(), StatusCode::OK);
    drop(second);
    assert_eq!(send().await.status(), StatusCode::OK);
}
