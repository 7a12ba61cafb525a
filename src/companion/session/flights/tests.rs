use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

use super::*;
use crate::session::fixtures::{ada, at, tokens};

fn session(refresh_token: &str) -> Session {
    let ada = ada();
    let tokens = tokens(Some(refresh_token), at(100));
    Session::begin(
        "sso",
        ada.person,
        tokens,
        at(0),
        Duration::from_secs(36_000),
    )
}

/// The session, renewed at this moment with this token.
fn renewed(session: &Session, token: &str, now: Timestamp) -> Landing {
    let mut session = session.clone();
    session.vouched = now;
    session.tokens = tokens(Some(token), now.after(Duration::from_secs(100)));
    Landing::Renewed(Arc::new(session))
}

struct Scene {
    flights: Arc<Flights>,
    flown: Arc<AtomicUsize>,
}

impl Scene {
    fn new() -> Self {
        Self {
            flights: Arc::default(),
            flown: Arc::default(),
        }
    }

    async fn join(&self, session: &Session, landing: Landing, now: Timestamp) -> Landing {
        let token = session.tokens.refresh_token.clone().unwrap();
        let flown = Arc::clone(&self.flown);
        let redeem = || async move {
            flown.fetch_add(1, Ordering::SeqCst);
            landing
        };
        self.flights.join(&token, session, now, redeem).await
    }

    fn flown(&self) -> usize {
        self.flown.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn r10_late_callers_get_what_the_first_one_got() {
    let scene = Scene::new();
    let session = session("old");
    let landing = renewed(&session, "new", at(200));
    assert_eq!(
        scene.join(&session, landing.clone(), at(200)).await,
        landing
    );
    assert_eq!(
        scene.join(&session, Landing::Unavailable, at(259)).await,
        landing
    );
    assert_eq!(scene.flown(), 1);
}

#[tokio::test]
async fn r10_a_token_known_to_be_spent_is_never_sent_again() {
    let scene = Scene::new();
    let session = session("old");
    let landing = renewed(&session, "new", at(200));
    scene.join(&session, landing.clone(), at(200)).await;
    for now in [at(260), at(261), at(30_000)] {
        assert_eq!(
            scene.join(&session, landing.clone(), now).await,
            Landing::Replayed
        );
    }
    // A request that was on its way when the time for that was over is late, and no more.
    assert_eq!(
        scene.join(&session, landing.clone(), at(259)).await,
        Landing::Ended
    );
    assert_eq!(scene.flown(), 1);
}

#[tokio::test]
async fn who_is_late_for_what_was_forgotten_early_replays_nothing() {
    let scene = Scene::new();
    let session = session("old");
    let landing = renewed(&session, "new", at(200));
    scene.join(&session, landing.clone(), at(200)).await;
    // So many others that there is no room for it.
    for number in 0..MAX_KEPT {
        let hash = Sha256::digest(number.to_le_bytes()).into();
        let mut known = scene.flights.known();
        known.land(hash, Landing::Ended, session.ends, at(201));
    }
    for (now, landed) in [(at(259), Landing::Ended), (at(260), Landing::Replayed)] {
        assert_eq!(scene.join(&session, landing.clone(), now).await, landed);
    }
    assert_eq!(scene.flown(), 1);
}

#[tokio::test]
async fn a_token_that_the_provider_refused_is_never_sent_again() {
    let scene = Scene::new();
    let session = session("old");
    for now in [at(200), at(230), at(300), at(30_000)] {
        assert_eq!(
            scene.join(&session, Landing::Ended, now).await,
            Landing::Ended
        );
    }
    assert_eq!(scene.flown(), 1);
}

#[tokio::test]
async fn a_token_that_the_provider_gave_again_is_sent_again_when_it_is_due() {
    let scene = Scene::new();
    let session = session("same");
    let first = renewed(&session, "same", at(200));
    scene.join(&session, first.clone(), at(200)).await;
    // Who has not got the first result yet gets it.
    assert_eq!(scene.join(&session, Landing::Ended, at(210)).await, first);
    // Who has it and wants the next one does.
    let Landing::Renewed(had) = &first else {
        unreachable!()
    };
    let second = renewed(&session, "same", at(220));
    assert_eq!(scene.join(had, second.clone(), at(220)).await, second);
    assert_eq!(scene.join(&session, Landing::Ended, at(230)).await, second);
    let third = renewed(&session, "same", at(400));
    assert_eq!(scene.join(&session, third.clone(), at(400)).await, third);
    assert_eq!(scene.flown(), 3);
}

#[tokio::test]
async fn a_failure_that_may_pass_is_tried_again_after_a_second() {
    let scene = Scene::new();
    let session = session("old");
    let landing = renewed(&session, "new", at(200));
    let mut now = at(200);
    assert_eq!(
        scene.join(&session, Landing::Unavailable, now).await,
        Landing::Unavailable
    );
    now = now.after(Duration::from_millis(900));
    assert_eq!(
        scene.join(&session, landing.clone(), now).await,
        Landing::Unavailable
    );
    now = now.after(Duration::from_secs(1));
    assert_eq!(scene.join(&session, landing.clone(), now).await, landing);
    assert_eq!(scene.flown(), 2);
}

#[tokio::test]
async fn r10_a_redemption_goes_on_when_nobody_waits_for_it() {
    let scene = Scene::new();
    let session = session("old");
    let landing = renewed(&session, "new", at(200));
    let (land, landed) = oneshot::channel();
    let token = session.tokens.refresh_token.clone().unwrap();
    let redeem = || async move { landed.await.unwrap() };
    let mut waiting = Box::pin(scene.flights.join(&token, &session, at(200), redeem));
    let gave_up = tokio::time::timeout(Duration::ZERO, &mut waiting).await;
    assert!(gave_up.is_err());
    drop(waiting);
    land.send(landing.clone()).unwrap();
    assert_eq!(scene.join(&session, Landing::Ended, at(202)).await, landing);
    assert_eq!(scene.flown(), 0);
}

#[tokio::test]
async fn a_redemption_that_panics_leaves_the_way_free() {
    let scene = Scene::new();
    let session = session("old");
    let token = session.tokens.refresh_token.clone().unwrap();
    let redeem = || async { panic!("as a test does") };
    let landing = scene.flights.join(&token, &session, at(200), redeem).await;
    assert_eq!(landing, Landing::Unavailable);
    let landing = renewed(&session, "new", at(200));
    assert_eq!(
        scene.join(&session, landing.clone(), at(200)).await,
        landing
    );
}

#[tokio::test]
async fn other_tokens_do_not_wait() {
    let scene = Scene::new();
    for name in ["a", "b", "c"] {
        let session = session(name);
        let landing = renewed(&session, "new", at(200));
        assert_eq!(
            scene.join(&session, landing.clone(), at(200)).await,
            landing
        );
    }
    assert_eq!(scene.flown(), 3);
}

#[test]
fn what_is_kept_and_remembered_has_an_end() {
    let mut known = Known::default();
    let ends = at(1_000_000);
    for number in 0..MAX_SPENT + MAX_KEPT + 100 {
        let hash = Sha256::digest(number.to_le_bytes()).into();
        known.land(hash, Landing::Ended, ends, at(0));
        assert!(known.kept.len() <= MAX_KEPT);
        assert!(known.spent.len() <= MAX_SPENT);
        assert!(known.tokens.len() <= MAX_KEPT + MAX_SPENT);
    }
    // The oldest are gone, the others are still known to be spent.
    let first = Sha256::digest(0_usize.to_le_bytes()).into();
    let later = Sha256::digest(200_usize.to_le_bytes()).into();
    assert!(known.fate(&first, at(1)).is_none());
    assert!(matches!(
        known.fate(&later, at(1)),
        Some(Fate::Spent { .. })
    ));
    // And all are gone when no session could hold them any more.
    known.forget(at(1_000_100));
    known.forget(ends);
    assert_eq!(known.tokens.len(), 0);
}

#[tokio::test]
async fn the_same_token_of_another_provider_is_another_token() {
    let scene = Scene::new();
    let session = session("old");
    let mut other = session.clone();
    other.idp = "other".to_owned();
    for session in [&session, &other] {
        let landing = renewed(session, "new", at(200));
        assert_eq!(scene.join(session, landing.clone(), at(200)).await, landing);
    }
    assert_eq!(scene.flown(), 2);
}

#[tokio::test]
async fn r10_nobody_gets_what_another_person_with_the_same_refresh_token_got() {
    let scene = Scene::new();
    let (one, mut other) = (session("constant"), session("constant"));
    other.person.sub = "bob".to_owned();
    for own in [&one, &other] {
        let landing = renewed(own, "constant", at(200));
        let landed = scene.join(own, landing, at(200)).await;
        let Landing::Renewed(landed) = landed else {
            panic!("{landed:?}");
        };
        assert_eq!(landed.person.sub, own.person.sub);
    }
    assert_eq!(scene.flown(), 2);
}
