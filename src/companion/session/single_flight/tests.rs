use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

use super::tokens::MAX_OUTCOMES;
use super::*;
use crate::session::fixtures::{ada, at, tokens};

fn session(refresh_token: &str) -> Session {
    let ada = ada();
    let tokens = tokens(Some(refresh_token), at(100));
    Session::new("sso", ada.user, tokens, at(0), Duration::from_secs(36_000))
}

/// The session, refreshed at this moment with this token.
fn refreshed(session: &Session, token: &str, now: Timestamp) -> RedemptionOutcome {
    let mut session = session.clone();
    session.verified_at = now;
    session.tokens = tokens(Some(token), now.after(Duration::from_secs(100)));
    RedemptionOutcome::Refreshed(Arc::new(session))
}

struct Fixture {
    single_flight: Arc<SingleFlight>,
    redemptions: Arc<AtomicUsize>,
}

impl Fixture {
    /// Finishes so many redemptions of other tokens that there is room for no more.
    fn fill(&self, outcome: &RedemptionOutcome, session: &Session) {
        for number in 0..MAX_OUTCOMES {
            let hash = Sha256::digest(number.to_le_bytes()).into();
            let mut tokens = self.single_flight.tokens();
            tokens.finish(hash, outcome.clone(), session.ends, at(201));
        }
    }

    fn new() -> Self {
        Self {
            single_flight: Arc::default(),
            redemptions: Arc::default(),
        }
    }

    async fn run(
        &self,
        session: &Session,
        outcome: RedemptionOutcome,
        now: Timestamp,
    ) -> RedemptionOutcome {
        let token = session.tokens.refresh_token.clone().unwrap();
        let redemptions = Arc::clone(&self.redemptions);
        let redeem = || async move {
            redemptions.fetch_add(1, Ordering::SeqCst);
            outcome
        };
        self.single_flight.run(&token, session, now, redeem).await
    }

    fn redemptions(&self) -> usize {
        self.redemptions.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn r10_late_requests_get_the_first_outcome() {
    let fixture = Fixture::new();
    let session = session("old");
    let outcome = refreshed(&session, "new", at(200));
    assert_eq!(
        fixture.run(&session, outcome.clone(), at(200)).await,
        outcome
    );
    assert_eq!(
        fixture
            .run(&session, RedemptionOutcome::Unavailable, at(259))
            .await,
        outcome
    );
    assert_eq!(fixture.redemptions(), 1);
}

#[tokio::test(start_paused = true)]
async fn r10_a_spent_token_is_never_redeemed_again() {
    let fixture = Fixture::new();
    let session = session("old");
    let outcome = refreshed(&session, "new", at(200));
    fixture.run(&session, outcome.clone(), at(200)).await;
    for now in [at(260), at(261), at(30_000)] {
        assert_eq!(
            fixture.run(&session, outcome.clone(), now).await,
            RedemptionOutcome::TokenReused
        );
    }
    // A request that was sent before that is late, but no reuse.
    assert_eq!(
        fixture.run(&session, outcome.clone(), at(259)).await,
        RedemptionOutcome::Unavailable
    );
    assert_eq!(fixture.redemptions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_late_request_after_an_early_drop_is_no_reuse() {
    let fixture = Fixture::new();
    let session = session("old");
    let outcome = refreshed(&session, "new", at(200));
    fixture.run(&session, outcome.clone(), at(200)).await;
    // So many others of the same user that its outcome is dropped.
    fixture.fill(&outcome, &session);
    for (now, outcome) in [
        // Not ended: the cookies with the new tokens stay.
        (at(259), RedemptionOutcome::Unavailable),
        (at(260), RedemptionOutcome::TokenReused),
    ] {
        assert_eq!(fixture.run(&session, outcome.clone(), now).await, outcome);
    }
    assert_eq!(fixture.redemptions(), 1);
}

#[tokio::test(start_paused = true)]
async fn outcomes_of_one_user_take_no_place_of_another() {
    let fixture = Fixture::new();
    let session = session("old");
    let outcome = refreshed(&session, "new", at(200));
    fixture.run(&session, outcome.clone(), at(200)).await;
    let mut mallory = session.clone();
    mallory.user.sub = "mallory".to_owned();
    fixture.fill(&refreshed(&mallory, "new", at(201)), &mallory);
    let late = fixture
        .run(&session, RedemptionOutcome::Ended, at(259))
        .await;
    assert_eq!(late, outcome);
    // Rejected tokens need no outcome.
    fixture.fill(&RedemptionOutcome::Ended, &mallory);
    let late = fixture
        .run(&session, RedemptionOutcome::Ended, at(259))
        .await;
    assert_eq!(late, outcome);
    assert_eq!(fixture.redemptions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_never_redeemed_again() {
    let fixture = Fixture::new();
    let session = session("old");
    for now in [at(200), at(230), at(300), at(30_000)] {
        assert_eq!(
            fixture.run(&session, RedemptionOutcome::Ended, now).await,
            RedemptionOutcome::Ended
        );
    }
    assert_eq!(fixture.redemptions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_rotated_is_redeemed_again_when_due() {
    let fixture = Fixture::new();
    let session = session("same");
    let first = refreshed(&session, "same", at(200));
    fixture.run(&session, first.clone(), at(200)).await;
    // A request without the first outcome gets it.
    assert_eq!(
        fixture
            .run(&session, RedemptionOutcome::Ended, at(210))
            .await,
        first
    );
    // A request that has it redeems the token again.
    let RedemptionOutcome::Refreshed(had) = &first else {
        unreachable!()
    };
    let second = refreshed(&session, "same", at(220));
    assert_eq!(fixture.run(had, second.clone(), at(220)).await, second);
    assert_eq!(
        fixture
            .run(&session, RedemptionOutcome::Ended, at(230))
            .await,
        second
    );
    let third = refreshed(&session, "same", at(400));
    assert_eq!(fixture.run(&session, third.clone(), at(400)).await, third);
    assert_eq!(fixture.redemptions(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_is_retried_after_a_second() {
    let fixture = Fixture::new();
    let session = session("old");
    let outcome = refreshed(&session, "new", at(200));
    let mut now = at(200);
    assert_eq!(
        fixture
            .run(&session, RedemptionOutcome::Unavailable, now)
            .await,
        RedemptionOutcome::Unavailable
    );
    now = now.after(Duration::from_millis(900));
    assert_eq!(
        fixture.run(&session, outcome.clone(), now).await,
        RedemptionOutcome::Unavailable
    );
    now = now.after(Duration::from_secs(1));
    assert_eq!(fixture.run(&session, outcome.clone(), now).await, outcome);
    assert_eq!(fixture.redemptions(), 2);
}

#[tokio::test(start_paused = true)]
async fn r10_a_redemption_continues_without_callers() {
    let fixture = Fixture::new();
    let session = session("old");
    let outcome = refreshed(&session, "new", at(200));
    let (sender, receiver) = oneshot::channel();
    let token = session.tokens.refresh_token.clone().unwrap();
    let redeem = || async move { receiver.await.unwrap() };
    let mut waiting = Box::pin(fixture.single_flight.run(&token, &session, at(200), redeem));
    let gave_up = tokio::time::timeout(Duration::ZERO, &mut waiting).await;
    assert!(gave_up.is_err());
    drop(waiting);
    sender.send(outcome.clone()).unwrap();
    assert_eq!(
        fixture
            .run(&session, RedemptionOutcome::Ended, at(202))
            .await,
        outcome
    );
    assert_eq!(fixture.redemptions(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_redemption_that_panics_the_next_one_runs() {
    let fixture = Fixture::new();
    let session = session("old");
    let token = session.tokens.refresh_token.clone().unwrap();
    let redeem = || async { panic!("as a test does") };
    let outcome = fixture
        .single_flight
        .run(&token, &session, at(200), redeem)
        .await;
    assert_eq!(outcome, RedemptionOutcome::Unavailable);
    let outcome = refreshed(&session, "new", at(200));
    assert_eq!(
        fixture.run(&session, outcome.clone(), at(200)).await,
        outcome
    );
}

#[tokio::test(start_paused = true)]
async fn other_tokens_do_not_wait() {
    let fixture = Fixture::new();
    for name in ["a", "b", "c"] {
        let session = session(name);
        let outcome = refreshed(&session, "new", at(200));
        assert_eq!(
            fixture.run(&session, outcome.clone(), at(200)).await,
            outcome
        );
    }
    assert_eq!(fixture.redemptions(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_same_token_text_of_another_provider_is_another_token() {
    let fixture = Fixture::new();
    let session = session("old");
    let mut other = session.clone();
    other.provider = "other".to_owned();
    for session in [&session, &other] {
        let outcome = refreshed(session, "new", at(200));
        assert_eq!(
            fixture.run(session, outcome.clone(), at(200)).await,
            outcome
        );
    }
    assert_eq!(fixture.redemptions(), 2);
}

#[tokio::test(start_paused = true)]
async fn r10_one_user_never_gets_the_tokens_of_another() {
    let fixture = Fixture::new();
    let (one, mut other) = (session("constant"), session("constant"));
    other.user.sub = "bob".to_owned();
    for own in [&one, &other] {
        let outcome = refreshed(own, "constant", at(200));
        let outcome = fixture.run(own, outcome, at(200)).await;
        let RedemptionOutcome::Refreshed(outcome) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(outcome.user.sub, own.user.sub);
    }
    assert_eq!(fixture.redemptions(), 2);
}
