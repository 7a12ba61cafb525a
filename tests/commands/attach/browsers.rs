//! Requests of foreign pages in a browser on this machine.

use portcullis_tests::lab::Call;

use super::fixture::{Attach, file, refusal, token};
use super::target::Target;

#[tokio::test]
async fn foreign_pages_can_not_use_the_token() {
    let target = Target::start().await;
    let attach = Attach::to(&target, &file(token(600)), &[]).await;
    let rebound = Call::get("evil.example.com", "/");
    let response = attach.send(&rebound).await;
    assert_eq!(
        (response.status, &*refusal(&response).0),
        (421, "host-not-local")
    );
    let response = rebound.send_h2(attach.address).await;
    assert_eq!(
        (response.status, &*refusal(&response).0),
        (421, "host-not-local")
    );
    let foreign = Call::post("127.0.0.1:9093", "/api/v2/silences");
    let foreign = foreign
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "no-cors")
        .body("{}");
    let response = attach.send(&foreign).await;
    assert_eq!(
        (response.status, &*refusal(&response).0),
        (403, "cross-site")
    );
    // Browsers reach loopback all the same.
    let attach = Attach::to(&target, &file(token(600)), &["--allow-remote"]).await;
    assert_eq!(attach.send(&rebound).await.status, 421);
    assert!(target.requests().is_empty());
}
