//! Actions of users, and the cookies of their browsers.

use portcullis_tests::lab::user_agent::{Form, Page};
use portcullis_tests::lab::{Call, Response, UserAgent, wait};

use crate::companion_faults::deployment::{APP, AUTH, HOST, Replica, URL};

/// The names of the cookies.
pub(crate) const TOKEN: &str = "__Secure-portcullis";
pub(crate) const SEALED: &str = "__Secure-portcullis-session";

/// Opens this page of the app without a session, signs in, and checks that the browser returns to
/// the page.
pub(crate) async fn sign_in(user: &mut UserAgent, login: &str, page: &str) {
    user.visit(&format!("{APP}{page}")).await;
    let shown = at_provider(user, login).await;
    assert_eq!(
        shown.url.as_str(),
        format!("{APP}{page}"),
        "{}",
        shown.text()
    );
    assert_eq!(shown.response.status, 200, "{}", shown.text());
}

/// Completes the provider's prompts. It does not show the login form to a user that it already knows.
pub(crate) async fn at_provider<'p>(user: &'p mut UserAgent, login: &str) -> &'p Page {
    let asks = |what| move |form: &Form| form.has("prompt", what);
    let mut forms = user.page().forms().into_iter();
    if forms.any(|form| asks("login")(&form)) {
        return user.sign_in_as(login).await;
    }
    let consent = user.page().forms().into_iter().find(asks("consent"));
    match consent {
        Some(consent) => user.submit(consent).await,
        None => user.page(),
    }
}

/// Signs out, here and at the provider.
pub(crate) async fn sign_out(user: &mut UserAgent) {
    user.visit(&format!("{URL}/oauth2/sign_out")).await;
    // In a browser, a script submits the form.
    let form = user.page().forms().into_iter().next();
    user.submit(form.expect("a form for the provider")).await;
    let page = user.confirm_sign_out().await;
    assert!(page.text().contains("signed out"), "{}", page.text());
}

/// A script's request to its own app.
pub(crate) async fn alerts(user: &mut UserAgent) -> Response {
    let url = format!("{APP}/api/v2/alerts");
    user.fetch(&url, Call::get("", "")).await
}

/// The companion's userinfo response.
pub(crate) async fn userinfo(user: &mut UserAgent) -> Response {
    let url = format!("{URL}/oauth2/userinfo");
    user.fetch(&url, Call::get("", "")).await
}

/// Refreshes the session as the filter does: with the session's cookies alone, and not through the
/// gateway, which refuses it.
pub(crate) async fn refresh(user: &mut UserAgent, replica: &Replica) -> Response {
    let call = Call::post(AUTH, "/oauth2/refresh").header("cookie", cookie_header(user));
    let response = replica.companion.call(call).await;
    user.cookies_mut().receive(&response.all("set-cookie"), URL);
    response
}

/// The session's cookies as a `Cookie` header.
pub(crate) fn cookie_header(user: &UserAgent) -> String {
    let session_cookies = user.cookies().iter();
    let session_cookies =
        session_cookies.filter(|c| c.name.starts_with(TOKEN) && !c.name.contains("-login-"));
    let pairs: Vec<String> = session_cookies
        .map(|c| format!("{}={}", c.name, c.value))
        .collect();
    pairs.join("; ")
}

/// The value of the one cookie with this name.
pub(crate) fn cookie(user: &UserAgent, name: &str) -> String {
    let cookie = user.cookies().get(name);
    cookie
        .unwrap_or_else(|| panic!("no {name} among {:?}", user.cookies().names()))
        .value
        .clone()
}

/// Waits until a session that could not be refreshed is refreshed. The user is not signed out or
/// redirected meanwhile.
pub(crate) async fn wait_until_refreshed(user: &mut UserAgent) {
    let begin = user.history().len();
    wait::until_true("the session", wait::LONG, async || {
        let response = alerts(user).await;
        assert!(
            matches!(response.status, 200 | 503),
            "{}",
            response.verdict()
        );
        response.status == 200
    })
    .await;
    let since = &user.history()[begin..];
    assert!(since.iter().all(|step| step.url.host_str() == Some(HOST)));
}
