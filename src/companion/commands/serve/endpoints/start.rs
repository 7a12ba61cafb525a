//! `GET /oauth2/start?rd=&provider=`: starts a sign-in.
//!
//! A navigation first gets a page that adds the fragment of its URL to `rd` and continues: a fragment
//! never reaches a server, and Alertmanager's links are in the fragment.
//!
//! Another site may have started the sign-in. So the session of the browser is deleted only if the user
//! started it; otherwise the callback replaces the session. If the provider only has to confirm the
//! session, it is refreshed, and no sign-in starts, unless the request names a provider: then the user wants
//! to sign in, perhaps as somebody else.

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, http::HeaderValue};
use portcullis_core::endpoints;
use serde::Deserialize;
use tracing::{info, warn};
use url::form_urlencoded::Serializer;

use crate::clock::now;
use crate::commands::serve::extract::Query;
use crate::commands::serve::identity::{cookies, set_cookies};
use crate::commands::serve::problem::{Problem, sign_in_path};
use crate::commands::serve::request_id::RequestId;
use crate::commands::serve::state::SharedSignInState;
use crate::pages;
use crate::provider::Secret;
use crate::redirect_target::{RedirectError, RedirectTarget};
use crate::session::{Cookies, Initiator, NoSession, ReturnTo, Unavailable};

use super::errors;
use super::fetch_metadata::{initiator, is_embedded};

/// The values of `initiator`. The callback is also another site's navigation: that of the provider.
const CALLBACK: &str = "callback";
const OTHER_SITE: &str = "other-site";
const USER: &str = "user";

/// The query.
#[derive(Debug, Deserialize)]
pub(super) struct Params {
    /// The redirect target.
    rd: Option<String>,
    /// The provider; optional if there is only one.
    provider: Option<String>,
    /// Who started the sign-in: [`USER`] or [`OTHER_SITE`], which the page that adds the fragment sets, or
    /// [`CALLBACK`].
    initiator: Option<String>,
}

pub(super) async fn start(
    State(state): State<SharedSignInState>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let target = redirect_target(&state, params.rd.as_deref())?;
    if is_embedded(&headers) {
        // Providers do not allow their pages in iframes.
        let text = "Sign-in can't run inside an iframe. Open it in its own tab.";
        return Err(Problem::bad_request(text).with_link(sign_in_for(target.as_ref()), "Sign in"));
    }
    let cookies = cookies(&headers);
    let identity = &state.identity;
    let now = now();
    if let Some(target) = &target
        && identity
            .sessions
            .is_loop(&cookies, page_of(target.as_str()), now)
    {
        // To the provider, and not to another refresh.
        let name = params.provider.as_deref();
        let next = match name.or_else(|| Some(identity.providers.only()?.name())) {
            Some(name) => start_path(Some(target), Some(name)),
            None => sign_in_for(Some(target)),
        };
        return Ok(pages::sign_in_loop(target, &next, id.as_str()));
    }
    let provider = match params.provider.as_deref() {
        Some(name) => Some(identity.providers.named(name).ok_or_else(|| {
            Problem::bad_request("This site has no identity provider with this name.")
                .with_link(sign_in_for(target.as_ref()), "Choose another provider")
        })?),
        None => identity.providers.only(),
    };
    // The page continues from our own origin, so it passes on who started the sign-in.
    let mut initiator = match params.initiator.as_deref() {
        Some(CALLBACK | OTHER_SITE) => Initiator::OtherSite,
        _ => initiator(&headers),
    };
    let navigates = headers
        .get("sec-fetch-mode")
        .is_some_and(|mode| mode == "navigate");
    if navigates && params.initiator.is_none() {
        let name = params.provider.as_deref();
        let started_by = match initiator {
            Initiator::User => USER,
            Initiator::OtherSite => OTHER_SITE,
        };
        let next = start_path_by(target.as_ref(), name, Some(started_by));
        return Ok(pages::start(&next));
    }
    if params.provider.is_none() && identity.sessions.has_session_cookie(&cookies) {
        match refreshed(&state, &cookies, target.as_ref()).await {
            Ok(Some(response)) => return Ok(response),
            Ok(None) => {}
            // The session may be active, so it is not deleted.
            Err(error) => {
                warn!(%error, "session refresh unavailable");
                initiator = Initiator::OtherSite;
            }
        }
    }
    let Some(provider) = provider else {
        return Ok(redirect(&sign_in_for(target.as_ref())));
    };
    let redirect_uri = identity
        .redirect_uri(provider)
        .ok_or_else(Problem::internal)?;
    let is_repeated = params.initiator.as_deref() == Some(CALLBACK);
    let return_to = return_to(target.as_ref(), is_repeated);
    let oauth_state = Secret::new(identity.sessions.new_state(&return_to, now));
    let (url, attempt) = provider
        .begin(&redirect_uri, &oauth_state, now)
        .await
        .map_err(|error| errors::provider_error(&state, provider, &error, target.as_ref()))?;
    let rd = target.as_ref().map_or("", RedirectTarget::as_str);
    let attempt_with_id = (&*attempt.id(), rd);
    let lines =
        identity
            .sessions
            .begin_attempt(&cookies, attempt_with_id, &attempt, initiator, now);
    info!(provider = provider.name(), "sign-in started");
    let mut response = redirect(url.as_str());
    set_cookies(response.headers_mut(), &lines);
    Ok(response)
}

/// The redirect to the target if the session of the browser only had to be refreshed at its provider.
/// `None` if a sign-in must start. A session that can't be refreshed gets no cookies here: the sign-in
/// replaces it.
async fn refreshed(
    state: &SharedSignInState,
    cookies: &Cookies<'_>,
    target: Option<&RedirectTarget>,
) -> Result<Option<Response>, Unavailable> {
    let (identity, now) = (&state.identity, now());
    let sessions = &identity.sessions;
    let refreshed = sessions
        .refresh_if_due(cookies, now, &identity.providers)
        .await
        .transpose();
    let Some(refreshed) = refreshed else {
        return Ok(None);
    };
    identity.providers.count_refresh(refreshed.as_ref());
    let active = match refreshed {
        Ok(active) => active,
        Err(NoSession::Ended { .. }) => return Ok(None),
        Err(NoSession::Unavailable(unavailable)) => return Err(unavailable),
    };
    let mut response = match target {
        Some(target) => redirect(target.as_str()),
        None => {
            let user = &active.session.user;
            pages::signed_in(user.name(), user.unverified_email())
        }
    };
    let rd = target.map_or("", |target| page_of(target.as_str()));
    let completed = sessions.completed_cookie(cookies, rd, now);
    set_cookies(response.headers_mut(), &active.set_cookies);
    set_cookies(response.headers_mut(), &[completed]);
    Ok(Some(response))
}

/// What the `state` contains: the target or, if that is too long, the root of its host.
fn return_to(target: Option<&RedirectTarget>, is_repeated: bool) -> ReturnTo {
    let rd = target.map(|target| match target.as_str() {
        url if url.len() <= ReturnTo::MAX_RD => url.to_owned(),
        _ => target.root(),
    });
    ReturnTo {
        rd: rd.unwrap_or_default(),
        is_repeated,
    }
}

/// Checks `rd`. If it is missing or empty, or too long, there is no redirect target. A long one of an app is
/// the root of the app.
pub(super) fn redirect_target(
    state: &SharedSignInState,
    rd: Option<&str>,
) -> Result<Option<RedirectTarget>, Problem> {
    let Some(rd) = rd.filter(|rd| !rd.is_empty()) else {
        return Ok(None);
    };
    let checked = state.redirects().check(rd);
    let is_shortened = checked.as_ref().is_ok_and(RedirectTarget::is_shortened);
    if is_shortened || checked == Err(RedirectError::Long) {
        info!("redirect target (`rd`) too long; the user is redirected to the root of its host");
    }
    if checked == Err(RedirectError::Long) {
        return Ok(None);
    }
    checked.map(Some).map_err(|error| {
        info!(%error, "redirect target (`rd`) rejected");
        let text = format!(
            "We can't send you back to the address that you came from: {error}. Open the app that you \
             want to use again."
        );
        Problem::bad_request(text).with_link(endpoints::SIGN_IN.path, "Sign in")
    })
}

/// A URL without its fragment: loop detection compares the first request, which has none, with the redirect
/// target.
pub(super) fn page_of(url: &str) -> &str {
    url.split_once('#').map_or(url, |(page, _)| page)
}

/// The path of a sign-in that continues at this target.
pub(super) fn sign_in_for(target: Option<&RedirectTarget>) -> String {
    sign_in_path(target.map(RedirectTarget::as_str))
}

/// The path of this endpoint with these parameters in its query.
pub(super) fn start_path(target: Option<&RedirectTarget>, provider: Option<&str>) -> String {
    start_path_by(target, provider, None)
}

/// The path of this endpoint for a callback without its sign-in attempt. It is the user's second sign-in for
/// this target, and there is no third one without the user: the browser may not accept our cookies.
pub(super) fn start_path_again(target: Option<&RedirectTarget>, provider: &str) -> String {
    start_path_by(target, Some(provider), Some(CALLBACK))
}

fn start_path_by(
    target: Option<&RedirectTarget>,
    provider: Option<&str>,
    initiator: Option<&str>,
) -> String {
    let mut query = Serializer::new(String::new());
    if let Some(target) = target {
        query.append_pair("rd", target.as_str());
    }
    if let Some(provider) = provider {
        query.append_pair("provider", provider);
    }
    if let Some(initiator) = initiator {
        query.append_pair("initiator", initiator);
    }
    let (path, query) = (endpoints::START.path, query.finish());
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// A redirect, which browsers follow by GET.
pub(super) fn redirect(url: &str) -> Response {
    match HeaderValue::from_str(url) {
        Ok(url) => (StatusCode::FOUND, [(LOCATION, url)]).into_response(),
        Err(_) => Problem::internal().into_response(),
    }
}
