//! The revocation list, which each filter requests every few seconds.

use portcullis_tests::lab::{Call, Response};

use crate::companion_faults::actions::sign_out;
use crate::companion_faults::deployment::{AUTH, Replica, Settings};

/// Requests the list, unless it still has this entity tag.
async fn list_unless(replica: &Replica, etag: &str) -> Response {
    let call = Call::get(AUTH, "/oauth2/revocations").header("if-none-match", etag);
    replica.companion.call(call).await
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again() {
    let deployment = Settings::single().start().await;
    let replica = &deployment.replicas[0];
    let first = replica.get("/oauth2/revocations").await;
    let etag = first.header("etag").expect("an entity tag");
    let unchanged = list_unless(replica, &etag).await;
    assert_eq!((unchanged.status, &*unchanged.text()), (304, ""));
    assert_eq!(unchanged.header("etag"), Some(etag.clone()));
    assert_eq!(list_unless(replica, "\"another\"").await.status, 200);

    let mut alice = deployment.signed_in("alice", 0).await;
    sign_out(&mut alice).await;
    let changed = list_unless(replica, &etag).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(etag));
    assert_ne!(changed.text(), first.text());
}
