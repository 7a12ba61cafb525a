//! Session tokens for forward auth, which sets one cookie.

use super::*;

#[tokio::test]
async fn forward_auth_sets_one_cookie_and_redeems_nothing() {
    let mut fixture = Fixture::new();
    fixture.start(at(0)).await;
    let (header, provider) = (fixture.browser.header(), Arc::clone(&fixture.provider));
    let sessions = Arc::clone(fixture.sessions());
    let cookie = |now| {
        let (sessions, header, provider) = (&sessions, &header, &provider);
        async move {
            sessions
                .refresh_token_cookie(&cookies(header), now, provider)
                .await
        }
    };
    let active = cookie(at(3000)).await.unwrap();
    assert_eq!(active.set_cookies.len(), 1);
    assert!(
        active.set_cookies[0]
            .header()
            .starts_with("__Secure-portcullis=")
    );
    let error = cookie(at(3599)).await.unwrap_err();
    assert!(
        matches!(&error, NoSession::Ended { reason: EndReason::ProviderTokenExpired, set_cookies } if set_cookies.is_empty()),
        "{error:?}"
    );
    assert_eq!(fixture.provider.requests(), 0);
    // A sign-in, or a refresh by the filter, works.
    fixture.browser.store(&active.set_cookies);
    fixture.refresh(at(3600)).await.unwrap();
}

#[tokio::test]
async fn forward_auth_sets_no_chunked_token() {
    let mut fixture = Fixture::new();
    let mut ada = ada();
    ada.user.groups = (0..400)
        .map(|number| format!("group-{number:04}"))
        .collect();
    fixture.start_for(ada, at(0)).await;
    assert!(fixture.browser.names().contains(&"__Secure-portcullis.1"));
    let (header, provider) = (fixture.browser.header(), Arc::clone(&fixture.provider));
    let (sessions, shown) = (fixture.sessions(), cookies(&header));
    let active = sessions.refresh_token_cookie(&shown, at(300), &provider);
    assert_eq!(active.await.unwrap().set_cookies, []);
}
