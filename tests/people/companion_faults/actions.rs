//! Actions of users, and the cookies of their browsers.

use portcullis_tests::lab::user_agent::{Form, Page};
use portcullis_tests::lab::{Call, Reply, UserAgent, wait};

use crate::companion_faults::deployment::{APP, AUTH, HOST, Replica, URL};

/// The names of the cookies.
pub(crate) const TOKEN: &str = "__Secure-portcullis";
pub(crate) const SEALED: &str = "__Secure-portcullis-session";

/// Opens this page of the app without a session, signs in, and checks that the browser returns to
/// the page.
pub(crate) async fn sign_in(person: &mut UserAgent, login: &str, page: &str) {
    person.visit(&format!("{APP}{page}")).await;
    let shown = at_provider(person, login).await;
    assert_eq!(
        shown.url.as_str(),
        format!("{APP}{page}"),
        "{}",
        shown.text()
    );
    assert_eq!(shown.reply.status, 200, "{}", shown.text());
}

/// Answers the provider's prompts; it already knows some users.
pub(crate) async fn at_provider<'p>(person: &'p mut UserAgent, login: &str) -> &'p Page {
    let asks = |what| move |form: &Form| form.has("prompt", what);
    let mut forms = person.page().forms().into_iter();
    if forms.any(|form| asks("login")(&form)) {
        return person.sign_in_as(login).await;
    }
    let consent = person.page().forms().into_iter().find(asks("consent"));
    match consent {
        Some(consent) => person.submit(consent).await,
        None => person.page(),
    }
}

/// Signs out, here and at the provider.
pub(crate) async fn sign_out(person: &mut UserAgent) {
    person.visit(&format!("{URL}/oauth2/sign_out")).await;
    // A script would submit the form.
    let form = person.page().forms().into_iter().next();
    person.submit(form.expect("a form for the provider")).await;
    let page = person.confirm_sign_out().await;
    assert!(page.text().contains("signed out"), "{}", page.text());
}

/// A script's request to its own app.
pub(crate) async fn alerts(person: &mut UserAgent) -> Reply {
    let url = format!("{APP}/api/v2/alerts");
    person.fetch(&url, Call::get("", "")).await
}

/// The companion's userinfo response.
pub(crate) async fn userinfo(person: &mut UserAgent) -> Reply {
    let url = format!("{URL}/oauth2/userinfo");
    person.fetch(&url, Call::get("", "")).await
}

/// Refreshes the session as the filter does: with the session's cookies alone, and not through the
/// gateway, which refuses it.
pub(crate) async fn refresh(person: &mut UserAgent, replica: &Replica) -> Reply {
    let call = Call::post(AUTH, "/oauth2/refresh").header("cookie", cookie_header(person));
    let reply = replica.companion.call(call).await;
    person.cookies_mut().receive(&reply.all("set-cookie"), URL);
    reply
}

/// The session's cookies as a `Cookie` header.
pub(crate) fn cookie_header(person: &UserAgent) -> String {
    let session_cookies = person.cookies().iter();
    let session_cookies =
        session_cookies.filter(|c| c.name.starts_with(TOKEN) && !c.name.contains("-login-"));
    let pairs: Vec<String> = session_cookies
        .map(|c| format!("{}={}", c.name, c.value))
        .collect();
    pairs.join("; ")
}

/// The value of the one cookie with this name.
pub(crate) fn cookie(person: &UserAgent, name: &str) -> String {
    let cookie = person.cookies().get(name);
    cookie
        .unwrap_or_else(|| panic!("no {name} among {:?}", person.cookies().names()))
        .value
        .clone()
}

/// Waits until a session that could not be refreshed is refreshed. The user is not signed out or
/// redirected meanwhile.
pub(crate) async fn wait_until_refreshed(person: &mut UserAgent) {
    let begin = person.history().len();
    wait::until_true("the session", wait::LONG, async || {
        let reply = alerts(person).await;
        assert!(matches!(reply.status, 200 | 503), "{}", reply.verdict());
        reply.status == 200
    })
    .await;
    let since = &person.history()[begin..];
    assert!(since.iter().all(|step| step.url.host_str() == Some(HOST)));
}
