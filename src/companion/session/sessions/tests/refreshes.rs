//! Refreshes: which tokens are redeemed, when, and how often.

use portcullis_core::caller::session_token_id;
use portcullis_core::json::Json;

use super::*;
use crate::logging::captured::logged;
use crate::provider::Authentication;
use crate::session::fixtures::{rotate, tokens};
use crate::session::outcome::ActiveSession;
use crate::session::record::RefreshFailure;

/// Sends 50 requests at once with the same cookies, and lets the provider respond once all wait.
async fn refresh_concurrently(
    fixture: &Fixture,
    now: Timestamp,
) -> Vec<Result<ActiveSession, NoSession>> {
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let header = fixture.browser.header();
            let provider = Arc::clone(&fixture.provider);
            let sessions = Arc::clone(fixture.sessions());
            tokio::spawn(async move { sessions.refresh(&cookies(&header), now, &provider).await })
        })
        .collect();
    while fixture.provider.requests() == 0 {
        tokio::task::yield_now().await;
    }
    fixture.provider.gate.add_permits(50);
    let mut results = Vec::new();
    for request in requests {
        results.push(request.await.unwrap());
    }
    results
}

#[tokio::test]
async fn a_session_is_refreshed_only_after_the_providers_tokens_have_expired() {
    let mut fixture = Fixture::new();
    let first = fixture.start(at(0)).await;
    for now in (300..3500).step_by(300) {
        fixture.refresh(at(now)).await.unwrap();
    }
    assert_eq!(fixture.provider.requests(), 0);
    let session = fixture.refresh(at(3600)).await.unwrap();
    assert_eq!(fixture.provider.redeemed(), ["refresh-0"]);
    assert_eq!(session.sid, first.sid);
    assert_eq!(session.began, first.began);
    assert_eq!(session.ends, first.ends);
    assert_eq!(session.tokens.expires_at, at(7200).secs());
    fixture.refresh(at(7190)).await.unwrap();
    assert_eq!(fixture.provider.requests(), 1);
    fixture.refresh(at(7200)).await.unwrap();
    assert_eq!(fixture.provider.redeemed(), ["refresh-0", "refresh-1"]);
}

#[tokio::test]
async fn r10_fifty_requests_at_expiry_redeem_once_and_all_succeed() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    fixture.provider = FakeProvider::closed(rotate);
    let results = refresh_concurrently(&fixture, at(3600)).await;
    assert_eq!(fixture.provider.redeemed(), ["refresh-0"]);
    let mut browsers = Vec::new();
    for result in results {
        let mut browser = fixture.browser.clone();
        browser.store(&result.unwrap().set_cookies);
        browsers.push(browser);
    }
    // Whichever response came last, its cookies work.
    for browser in browsers {
        let header = browser.header();
        let session = fixture
            .sessions()
            .read(&cookies(&header), at(3601))
            .await
            .unwrap();
        assert_eq!(session.tokens.refresh_token.unwrap().expose(), "refresh-1");
    }
}

#[tokio::test]
async fn r10_old_cookies_work_for_a_minute_after_a_refresh() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    let old = fixture.browser.clone();
    fixture.refresh(at(3600)).await.unwrap();
    fixture.browser = old.clone();
    let session = fixture.refresh(at(3659)).await.unwrap();
    assert_eq!(session.tokens.refresh_token.unwrap().expose(), "refresh-1");
    assert_eq!(fixture.provider.requests(), 1);
    // No spent token was redeemed for that.
    assert_eq!(fixture.revocations(at(3660)).await, 0);
    // Later it is never redeemed again.
    fixture.browser = old;
    assert_eq!(
        fixture.refresh(at(3661)).await,
        Err(EndReason::RefreshRejected)
    );
    assert_eq!(fixture.provider.requests(), 1);
}

#[tokio::test]
async fn refresh_token_reuse_revokes_all_copies_of_the_session() {
    let mut fixture = Fixture::new();
    let session = fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    let owner = fixture.browser.clone();
    let mut other_session = other_browser(&fixture);
    let signed_in = Authentication {
        tokens: tokens(Some("another"), at(10_000)),
        ..ada()
    };
    other_session.start_for(signed_in, at(3000)).await;
    // The thief has refreshed first, and has a session.
    fixture.refresh(at(3600)).await.unwrap();
    fixture.refresh(at(3660)).await.unwrap();
    assert!(fixture.is_accepted_by_filter(at(3661)).await);
    let thief = std::mem::replace(&mut fixture.browser, owner.clone());

    let (refused, log) = logged(fixture.refresh(at(3661))).await;
    assert_eq!(refused, Err(EndReason::RefreshRejected));
    let hash = session_token_id(session.sid);
    let record = format!(
        r#""event":"refresh-token-reused","reason":"session-revoked","provider":"sso","subject":"ada","session":"{hash}"}}"#
    );
    assert!(log.contains(&record), "{log}");
    assert!(!fixture.browser.names().contains(&SEALED));
    fixture.browser = thief;
    assert!(!fixture.is_accepted_by_filter(at(3662)).await);
    assert_eq!(fixture.read(at(3662)).await, Err(EndReason::Revoked));
    assert_eq!(fixture.refresh(at(3662)).await, Err(EndReason::Revoked));
    // It is revoked once, and no other session of the user is.
    fixture.browser = owner;
    assert_eq!(fixture.refresh(at(3663)).await, Err(EndReason::Revoked));
    assert_eq!(fixture.revocations(at(3663)).await, 1);
    other_session.refresh(at(3663)).await.unwrap();
    assert_eq!(fixture.provider.requests(), 1);
}

#[tokio::test]
async fn a_forged_sealed_session_ends_nothing() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    let old = fixture.browser.value(SEALED).unwrap().to_owned();
    fixture.refresh(at(3600)).await.unwrap();
    let refreshed = fixture.browser.clone();
    let (start, last) = old.split_at(old.len() - 1);
    let other = if last == "A" { "Q" } else { "A" };
    fixture.browser = Browser::default();
    fixture.browser.add(SEALED, &format!("{start}{other}"));
    assert_eq!(fixture.refresh(at(3661)).await, Err(EndReason::NoCookie));
    assert_eq!(fixture.revocations(at(3661)).await, 0);
    fixture.browser = refreshed;
    fixture.refresh(at(3662)).await.unwrap();
}

#[tokio::test]
async fn a_session_that_its_provider_ends_is_revoked() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    fixture.provider = FakeProvider::new(|_, _| Err(RefreshFailure::Ended));
    let old = fixture.browser.clone();
    assert_eq!(
        fixture.refresh(at(3596)).await,
        Err(EndReason::RefreshRejected)
    );
    // The cookies are deleted, and copies of them are rejected.
    assert!(!fixture.browser.names().contains(&SEALED));
    fixture.browser = old;
    assert!(!fixture.is_accepted_by_filter(at(3597)).await);
    assert_eq!(fixture.read(at(3597)).await, Err(EndReason::Revoked));
    assert_eq!(fixture.refresh(at(3597)).await, Err(EndReason::Revoked));
    assert_eq!(fixture.provider.requests(), 1);
}

#[tokio::test]
async fn while_the_provider_is_unavailable_the_session_stays() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    fixture.provider = FakeProvider::new(|_, _| Err(RefreshFailure::Unavailable));
    let header = fixture.browser.header();
    let provider = Arc::clone(&fixture.provider);
    for now in [at(3600), at(3610)] {
        let refreshed = fixture
            .sessions()
            .refresh(&cookies(&header), now, &provider)
            .await;
        assert!(
            matches!(refreshed, Err(NoSession::Unavailable(_))),
            "{refreshed:?}"
        );
    }
    assert_eq!(fixture.provider.requests(), 2);
    fixture.provider = FakeProvider::rotating();
    fixture.refresh(at(3620)).await.unwrap();
}

#[tokio::test]
async fn r10_a_refresh_never_changes_the_subject() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    fixture.provider = FakeProvider::new(|session, time| {
        let mut refreshed = rotate(session, time)?;
        refreshed.user.sub = "bob".to_owned();
        Ok(refreshed)
    });
    assert_eq!(
        fixture.refresh(at(3600)).await,
        Err(EndReason::RefreshRejected)
    );
}

#[tokio::test]
async fn a_refresh_updates_the_claims() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    fixture.provider = FakeProvider::new(|session, time| {
        let mut refreshed = rotate(session, time)?;
        refreshed.user.groups = vec!["none".to_owned()];
        Ok(refreshed)
    });
    fixture.refresh(at(3600)).await.unwrap();
    let claims = fixture
        .keys
        .load()
        .verify_token(URL, fixture.browser.value(TOKEN).unwrap())
        .unwrap();
    assert_eq!(claims.groups, ["none"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_provider_times_out_and_its_tokens_are_not_lost() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    fixture.provider = FakeProvider::closed(rotate);
    let (header, provider) = (fixture.browser.header(), Arc::clone(&fixture.provider));
    let before = tokio::time::Instant::now();
    let refreshed = fixture
        .sessions()
        .refresh(&cookies(&header), at(3600), &provider)
        .await;
    assert!(
        matches!(refreshed, Err(NoSession::Unavailable(_))),
        "{refreshed:?}"
    );
    // Longer than the longest timeout of a provider, and shorter than the filter waits.
    let bounds = Duration::from_secs(15)..Duration::from_secs(20);
    assert!(bounds.contains(&before.elapsed()), "{:?}", before.elapsed());
    fixture.provider.gate.add_permits(1);
    let session = fixture.refresh(at(3602)).await.unwrap();
    assert_eq!(session.tokens.refresh_token.unwrap().expose(), "refresh-1");
    assert_eq!(fixture.provider.requests(), 1);
}

#[tokio::test]
async fn tokens_that_expire_at_once_are_not_redeemed_with_every_request() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    fixture.provider = FakeProvider::new(|session, time| {
        let now = Timestamp::from_secs(session.tokens.expires_at.max(at(3600).secs()) + 1);
        Ok(Authentication {
            claims: Json::Object(Vec::new()),
            user: session.user.clone(),
            tokens: tokens(Some(&format!("refresh-{time}")), now),
        })
    });
    for now in 3600..3630 {
        fixture.refresh(at(now)).await.unwrap();
    }
    assert_eq!(fixture.provider.requests(), 1);
    fixture.refresh(at(3630)).await.unwrap();
    assert_eq!(fixture.provider.requests(), 2);
}

#[tokio::test]
async fn r10_a_sign_out_during_a_redemption_takes_effect() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    fixture.provider = FakeProvider::closed(rotate);
    let (header, provider) = (fixture.browser.header(), Arc::clone(&fixture.provider));
    let sessions = Arc::clone(fixture.sessions());
    let request = tokio::spawn(async move {
        sessions
            .refresh(&cookies(&header), at(3600), &provider)
            .await
    });
    while fixture.provider.requests() == 0 {
        tokio::task::yield_now().await;
    }
    fixture.sign_out(at(3600)).await;
    fixture.provider.gate.add_permits(1);
    let refreshed = request.await.unwrap();
    assert_eq!(reason(&refreshed.unwrap_err()), EndReason::Revoked);
}

#[tokio::test]
async fn two_sessions_with_one_refresh_token_stay_two() {
    let mut fixture = Fixture::new();
    let first = fixture.start(at(0)).await;
    let first_browser = fixture.browser.clone();
    fixture.browser = Browser::default();
    let second = fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    assert_eq!(fixture.refresh(at(3600)).await.unwrap().sid, second.sid);
    fixture.browser = first_browser;
    // Its session token is from the start, so its idle time counts from then.
    assert_eq!(fixture.refresh(at(3599)).await.unwrap().sid, first.sid);
    assert_eq!(fixture.provider.requests(), 1);
}

#[tokio::test]
async fn c04_the_token_of_another_session_redeems_nothing() {
    for mut fixture in [Fixture::new(), Fixture::with_file()] {
        let mut other = other_browser(&fixture);
        other.start(at(0)).await;
        fixture.start(at(0)).await;
        fixture.refresh(at(3000)).await.unwrap();
        let own = fixture.browser.clone();
        // An expired token counts too: the filter sends one, and refuses the cookies of another session.
        fixture.browser.forget(TOKEN);
        let token = other.browser.value(TOKEN).unwrap();
        fixture.browser.add(TOKEN, token);
        let header = fixture.browser.header();
        let (cookies, now) = (cookies(&header), at(3600));
        let (sessions, provider) = (fixture.sessions(), &fixture.provider);
        let ended = [
            sessions.read(&cookies, now).await.unwrap_err(),
            sessions.refresh(&cookies, now, provider).await.unwrap_err(),
            sessions
                .refresh_if_due(&cookies, now, provider)
                .await
                .unwrap_err(),
            sessions
                .refresh_token_cookie(&cookies, now, provider)
                .await
                .unwrap_err(),
        ];
        for error in ended {
            assert_eq!(reason(&error), EndReason::Ambiguous);
        }
        assert_eq!(provider.requests(), 0);
        // The session itself has not ended.
        fixture.browser = own;
        fixture.refresh(now).await.unwrap();
        assert_eq!(fixture.provider.redeemed(), ["refresh-0"]);
    }
}

#[tokio::test]
async fn during_a_shutdown_no_redemption_begins_and_no_session_ends() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    fixture.sessions().background().stop();
    // A session that needs none is refreshed.
    fixture.refresh(at(3100)).await.unwrap();
    let header = fixture.browser.header();
    let provider = Arc::clone(&fixture.provider);
    let refreshed = fixture
        .sessions()
        .refresh(&cookies(&header), at(3600), &provider)
        .await;
    assert!(matches!(refreshed, Err(NoSession::Unavailable(_))));
    assert_eq!(provider.requests(), 0);
    fixture.restart(at(3601));
    fixture.refresh(at(3601)).await.unwrap();
    assert_eq!(provider.redeemed(), ["refresh-0"]);
}
