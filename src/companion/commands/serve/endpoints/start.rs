//! `GET /oauth2/start?rd=&provider=`: starts a sign-in.
//!
//! A navigation first gets a page that adds the fragment of its URL to `rd` and continues: fragments
//! never reach a server, and Alertmanager's links are in the fragment.
//!
//! Another site may have begun it. So the browser's session is deleted only if the user began it, and
//! stays until the callback replaces it otherwise. A session that the provider must confirm is refreshed
//! instead.

use std::sync::Arc;

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
use crate::commands::serve::problem::Problem;
use crate::commands::serve::request_id::RequestId;
use crate::commands::serve::state::SignIn;
use crate::pages;
use crate::provider::Provider;
use crate::redirect_target::RedirectTarget;
use crate::session::{Cookies, Initiator, NoSession, Unavailable};

use super::embedded::{initiator, is_embedded};
use super::errors;

/// The value of `on` by which a session stays until the callback replaces it.
const KEEP: &str = "keep";

/// The query.
#[derive(Debug, Deserialize)]
pub(super) struct Params {
    /// The redirect target.
    rd: Option<String>,
    /// The provider; optional where there is only one.
    provider: Option<String>,
    /// Present once the page has added the fragment: [`KEEP`] if another site began the sign-in.
    on: Option<String>,
}

pub(super) async fn start(
    State(state): State<SignIn>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let to = redirect_target(&state, params.rd.as_deref())?;
    if is_embedded(&headers) {
        // Providers refuse to be framed.
        let text = "Sign-in can't run inside an iframe. Open it in its own tab.";
        return Err(Problem::bad_request(text).with_link(
            path(endpoints::SIGN_IN.path, to.as_ref(), None, None),
            "Sign in",
        ));
    }
    let cookies = cookies(&headers);
    let identity = &state.identity;
    let now = now();
    if let Some(to) = &to
        && identity
            .sessions
            .is_loop(&cookies, page_of(to.as_str()), now)
    {
        let next = path(
            endpoints::START.path,
            Some(to),
            params.provider.as_deref(),
            None,
        );
        return Ok(pages::sign_in_loop(to, &next, id.as_str()));
    }
    let provider = match params.provider.as_deref() {
        Some(name) => Some(identity.providers.named(name).ok_or_else(|| {
            Problem::bad_request("There is no identity provider with this name.").with_link(
                path(endpoints::SIGN_IN.path, to.as_ref(), None, None),
                "Choose another provider",
            )
        })?),
        None => identity.providers.only(),
    };
    // The page continues from our own origin, and passes on who began.
    let mut initiator = match params.on.as_deref() {
        Some(KEEP) => Initiator::OtherSite,
        _ => initiator(&headers),
    };
    let navigates = headers
        .get("sec-fetch-mode")
        .is_some_and(|mode| mode == "navigate");
    if navigates && params.on.is_none() {
        let name = provider.map(|provider| provider.name());
        let next = path(endpoints::START.path, to.as_ref(), name, Some(initiator));
        return Ok(pages::start(&next));
    }
    if identity.sessions.has_session_cookie(&cookies) {
        match refreshed(&state, &cookies, provider, to.as_ref()).await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => {}
            // The session may be active.
            Err(unavailable) => {
                warn!(%unavailable, "session refresh unavailable");
                initiator = Initiator::OtherSite;
            }
        }
    }
    let Some(provider) = provider else {
        return Ok(redirect(&path(
            endpoints::SIGN_IN.path,
            to.as_ref(),
            None,
            None,
        )));
    };
    let redirect_uri = identity
        .redirect_uri(provider)
        .ok_or_else(Problem::internal)?;
    let (url, attempt) = provider
        .begin(&redirect_uri, now)
        .await
        .map_err(|error| errors::with_provider(&state, provider, &error, to.as_ref()))?;
    let rd = to.as_ref().map_or("", RedirectTarget::as_str);
    let lines = identity
        .sessions
        .begin_login(&cookies, (&attempt.id(), rd), &attempt, initiator, now)
        .map_err(|_| {
            let text = "The address of the page that you want to open is too long to return to. Sign in, \
                        and then open it again.";
            Problem::bad_request(text).with_link(endpoints::SIGN_IN.path, "Sign in")
        })?;
    info!(provider = provider.name(), "sign-in started");
    let mut answer = redirect(url.as_str());
    set_cookies(answer.headers_mut(), &lines);
    Ok(answer)
}

/// The response if the browser's session only had to be refreshed at its provider: on to the redirect
/// target. If the user has chosen another provider than the session's, a sign-in begins all the same.
async fn refreshed(
    state: &SignIn,
    cookies: &Cookies<'_>,
    provider: Option<&Arc<Provider>>,
    to: Option<&RedirectTarget>,
) -> Result<Option<Response>, Unavailable> {
    let (identity, now) = (&state.identity, now());
    let sessions = &identity.sessions;
    let live = match sessions
        .refresh_if_due(cookies, now, &identity.providers)
        .await
    {
        Ok(Some(live)) => live,
        Ok(None) => return Ok(None),
        Err(NoSession::Ended { .. }) => return Ok(None),
        Err(NoSession::Unavailable(unavailable)) => return Err(unavailable),
    };
    if provider.is_some_and(|provider| provider.name() != live.session.idp) {
        return Ok(None);
    }
    state.metrics.session_refreshed("refreshed");
    let mut answer = match to {
        Some(to) => redirect(to.as_str()),
        None => pages::signed_in(live.session.person.name()),
    };
    let rd = to.map_or("", |to| page_of(to.as_str()));
    let completed = sessions.completed_login(cookies, rd, now);
    set_cookies(answer.headers_mut(), &live.set_cookies);
    set_cookies(answer.headers_mut(), &[completed]);
    Ok(Some(answer))
}

/// Checks `rd`. Without one, and with an empty one, there is no redirect target.
pub(super) fn redirect_target(
    state: &SignIn,
    rd: Option<&str>,
) -> Result<Option<RedirectTarget>, Problem> {
    let Some(rd) = rd.filter(|rd| !rd.is_empty()) else {
        return Ok(None);
    };
    state.redirects().check(rd).map(Some).map_err(|error| {
        info!(%error, "redirect target (`rd`) rejected");
        let text = format!(
            "The address that you came from can't be used as a redirect target: {error}. Open the app \
             that you want to use again."
        );
        Problem::bad_request(text).with_link(endpoints::SIGN_IN.path, "Sign in")
    })
}

/// A URL without its fragment, which the two steps of a sign-in have in common.
pub(super) fn page_of(url: &str) -> &str {
    url.split_once('#').map_or(url, |(page, _)| page)
}

/// A path of ours with the redirect target in `rd`. `on` continues a sign-in that this one began.
pub(super) fn path(
    path: &str,
    to: Option<&RedirectTarget>,
    provider: Option<&str>,
    on: Option<Initiator>,
) -> String {
    let mut query = Serializer::new(String::new());
    if let Some(to) = to {
        query.append_pair("rd", to.as_str());
    }
    if let Some(provider) = provider {
        query.append_pair("provider", provider);
    }
    match on {
        Some(Initiator::User) => {
            query.append_pair("on", "1");
        }
        Some(Initiator::OtherSite) => {
            query.append_pair("on", KEEP);
        }
        None => {}
    }
    let query = query.finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// A redirect, followed by GET.
pub(super) fn redirect(url: &str) -> Response {
    match HeaderValue::from_str(url) {
        Ok(url) => (StatusCode::FOUND, [(LOCATION, url)]).into_response(),
        Err(_) => Problem::internal().into_response(),
    }
}
