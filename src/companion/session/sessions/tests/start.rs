//! `/oauth2/start` with a session that its provider only has to confirm.

use super::*;
use crate::session::record::RefreshFailure;

impl Fixture {
    /// Whether `/oauth2/start` needs no sign-in.
    async fn refresh_if_due(&mut self, now: Timestamp) -> Result<bool, EndReason> {
        let (header, provider) = (self.browser.header(), Arc::clone(&self.provider));
        let sessions = Arc::clone(self.sessions());
        let shown = cookies(&header);
        match sessions.refresh_if_due(&shown, now, &provider).await {
            Ok(active) => {
                let lines = active.iter().flat_map(|active| &active.set_cookies);
                self.browser.store(&lines.cloned().collect::<Vec<_>>());
                Ok(active.is_some())
            }
            Err(error) => Err(reason(&error)),
        }
    }
}

#[tokio::test]
async fn a_session_that_forward_auth_cannot_refresh_is_refreshed_without_a_sign_in() {
    let mut fixture = Fixture::new();
    let session = fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    let (header, provider) = (fixture.browser.header(), Arc::clone(&fixture.provider));
    let sessions = Arc::clone(fixture.sessions());
    let shown = cookies(&header);
    let refused = sessions
        .refresh_token_cookie(&shown, at(3600), &provider)
        .await;
    assert_eq!(
        reason(&refused.unwrap_err()),
        EndReason::ProviderTokenExpired
    );
    assert_eq!(fixture.refresh_if_due(at(3601)).await, Ok(true));
    assert_eq!(fixture.provider.redeemed(), ["refresh-0"]);
    assert_eq!(fixture.read(at(3602)).await.unwrap().sid, session.sid);
    assert!(fixture.is_accepted_by_filter(at(3602)).await);
}

#[tokio::test]
async fn an_active_session_does_not_keep_a_user_from_signing_in_again() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    for now in [1, 59, 3000] {
        assert_eq!(fixture.refresh_if_due(at(now)).await, Ok(false), "{now}");
        fixture.refresh(at(now)).await.unwrap();
    }
    assert_eq!(fixture.provider.requests(), 0);
}

#[tokio::test]
async fn tabs_that_come_after_the_refresh_need_no_sign_in_either() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    let old = fixture.browser.clone();
    assert_eq!(fixture.refresh_if_due(at(3600)).await, Ok(true));
    // With the new cookies, and with the old ones.
    assert_eq!(fixture.refresh_if_due(at(3601)).await, Ok(true));
    fixture.browser = old;
    assert_eq!(fixture.refresh_if_due(at(3602)).await, Ok(true));
    assert_eq!(fixture.provider.requests(), 1);
    assert_eq!(fixture.refresh_if_due(at(3661)).await, Ok(false));
}

#[tokio::test]
async fn a_session_that_has_ended_needs_a_sign_in() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    let old = fixture.browser.clone();
    fixture.provider = FakeProvider::new(|_, _| Err(RefreshFailure::Ended));
    let refused = fixture.refresh_if_due(at(3600)).await;
    assert_eq!(refused, Err(EndReason::RefreshRejected));
    fixture.browser = old.clone();
    assert_eq!(
        fixture.refresh_if_due(at(3601)).await,
        Err(EndReason::Revoked)
    );
    fixture.browser = old;
    assert_eq!(
        fixture.refresh_if_due(at(6600)).await,
        Err(EndReason::IdleTimeout)
    );

    let mut fixture = Fixture::new();
    let mut without_refresh_token = ada();
    without_refresh_token.tokens.refresh_token = None;
    fixture.start_for(without_refresh_token, at(0)).await;
    fixture.refresh(at(3000)).await.unwrap();
    let refused = fixture.refresh_if_due(at(3600)).await;
    assert_eq!(refused, Err(EndReason::ProviderTokenExpired));
    fixture.sign_out(at(3601)).await;
    assert_eq!(
        fixture.refresh_if_due(at(3602)).await,
        Err(EndReason::NoCookie)
    );
}
