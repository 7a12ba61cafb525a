use std::sync::Arc;

use portcullis_core::session::RevocationsRecord;
use portcullis_core::trust::{KeySourceId, TrustId};

use super::*;

fn keys(place: usize) -> Update {
    let source = KeySourceId::from(TrustId::at(place));
    Update::Keys(source, Arc::default())
}

fn revocations() -> Update {
    Update::Revocations(Arc::default(), RevocationsRecord::default())
}

#[test]
fn each_worker_sees_the_newest_update_about_each_subject_once() {
    let updates = Updates::default();
    let (mut one, mut two) = (0, 0);
    assert!(updates.unseen(&mut one).is_empty());
    updates.publish(&keys(0));
    assert_eq!(updates.unseen(&mut one).len(), 1);
    assert!(updates.unseen(&mut one).is_empty());
    updates.publish(&keys(1));
    updates.publish(&revocations());
    updates.publish(&keys(1));
    let [Update::Revocations(..), Update::Keys(..)] = &updates.unseen(&mut one)[..] else {
        panic!("the newest two");
    };
    assert_eq!(updates.unseen(&mut two).len(), 3);
    assert!(updates.unseen(&mut one).is_empty());
    assert!(updates.unseen(&mut two).is_empty());
}
