//! `GET, POST /oauth2/sign_out`: ends the session here and at the provider (OpenID Connect
//! RP-Initiated Logout 1.0). The provider redirects back here.

use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::{ORIGIN, REFERER};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use portcullis_core::endpoints;
use serde::Deserialize;
use tracing::{info, warn};
use url::Url;

use crate::clock::now;
use crate::commands::serve::extract::{Form, Query};
use crate::commands::serve::identity::{cookies, set_cookies};
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SharedSignInState;
use crate::pages;
use crate::provider::{Attempt, EndSession, Secret};
use crate::redirect_target::{RedirectRules, RedirectTarget};
use crate::session::{
    EventClient, Initiator, Session, SessionEvent, SessionEventKind, SignInAttempt,
};

use super::fetch_metadata::{Occurrence, SITE, is_embedded, is_speculative, only};

#[cfg(test)]
mod tests;

const SIGN_OUT: &str = endpoints::SIGN_OUT.path;

/// The query or the form.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Params {
    /// The redirect target.
    rd: Option<String>,
    /// Present when the provider redirects back.
    state: Option<Secret>,
}

pub(super) async fn by_get(
    State(state): State<SharedSignInState>,
    client: EventClient,
    headers: HeaderMap,
    query: Result<Query<Params>, Problem>,
) -> Response {
    let Query(params) = query.unwrap_or(Query(Params::default()));
    if let Some(logout_state) = &params.state
        && let Some(response) = returned(&state, &headers, logout_state).await
    {
        return response;
    }
    let redirects = &state.redirects();
    let target = allowed_target(redirects, params.rd.as_deref());
    if must_confirm(&headers, redirects) {
        // A provider that is signed out at by a GET redirects back here without `state`.
        if !state
            .identity
            .sessions
            .has_session_cookie(&cookies(&headers))
        {
            return pages::signed_out(target.as_ref());
        }
        return confirm(&state, target.as_ref());
    }
    end(&state, &client, &headers, target.as_ref()).await
}

pub(super) async fn by_post(
    State(state): State<SharedSignInState>,
    client: EventClient,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let form = Form::<Params>::from_request(request, &state).await;
    let Form(params) = form.unwrap_or(Form(Params::default()));
    let redirects = &state.redirects();
    let target = allowed_target(redirects, params.rd.as_deref());
    if must_confirm(&headers, redirects) {
        return confirm(&state, target.as_ref());
    }
    end(&state, &client, &headers, target.as_ref()).await
}

/// The redirect target. An invalid one is ignored, because it must not prevent the sign-out.
fn allowed_target(redirects: &RedirectRules, rd: Option<&str>) -> Option<RedirectTarget> {
    rd.and_then(|rd| redirects.check(rd).ok())
}

/// Whether the user must confirm the sign-out, because another site or an element of a page may have
/// sent this request (L01), or the browser before the user entered the address.
///
/// So the request must show where it comes from: by `Sec-Fetch-Site`, or by an `Origin` or `Referer` of ours or
/// of an app. A browser without Fetch Metadata sends none of them if another site hides its referrer.
fn must_confirm(headers: &HeaderMap, redirects: &RedirectRules) -> bool {
    let is_own = |value: &HeaderValue| {
        let url = value.to_str().ok().and_then(|text| Url::parse(text).ok());
        url.is_some_and(|url| redirects.has_origin_of(&url))
    };
    let senders = [ORIGIN, REFERER].map(|name| only(headers, name.as_str()));
    let names_sender = senders.iter().any(|sender| *sender != Occurrence::Absent);
    let is_foreign = senders.iter().any(|sender| match sender {
        Occurrence::Absent => false,
        Occurrence::Once(value) => !is_own(value),
        Occurrence::Repeated => true,
    });
    let is_known = match only(headers, SITE) {
        Occurrence::Once(site) if site == "same-origin" || site == "none" => true,
        Occurrence::Once(site) if site == "same-site" => names_sender,
        Occurrence::Once(_) | Occurrence::Repeated => false,
        Occurrence::Absent => names_sender,
    };
    !is_known || is_foreign || is_embedded(headers) || is_speculative(headers)
}

/// The page on which the user confirms the sign-out.
fn confirm(state: &SharedSignInState, target: Option<&RedirectTarget>) -> Response {
    let origins: Vec<String> = state
        .identity
        .providers
        .all()
        .iter()
        .filter_map(|provider| provider.end_session_origin())
        .collect();
    let mut origins: Vec<&str> = origins.iter().map(String::as_str).collect();
    let own = target.map(|target| format!("https://{}", target.authority()));
    origins.extend(own.as_deref());
    pages::sign_out(target, &origins)
}

/// Ends the session here, and then at its provider.
async fn end(
    state: &SharedSignInState,
    client: &EventClient,
    headers: &HeaderMap,
    target: Option<&RedirectTarget>,
) -> Response {
    let (identity, now) = (&state.identity, now());
    let cookies = cookies(headers);
    let signed_out = match identity.sessions.sign_out(&cookies, now).await {
        Ok(signed_out) => signed_out,
        Err(error) => {
            warn!(%error, "sign-out failed");
            return Problem::unavailable("We can't sign you out right now, so you are still signed in. Try again in a moment.")
                .with_link(SIGN_OUT, "Try again")
                .into_response();
        }
    };
    for ended in &signed_out.ended {
        SessionEvent {
            kind: SessionEventKind::SignedOut,
            provider: Some(&ended.provider),
            subject: Some(&ended.subject),
            sid: Some(ended.sid),
            reason: None,
        }
        .log(client);
    }
    let mut lines = signed_out.set_cookies;
    let at_provider = signed_out
        .session
        .as_ref()
        .inspect(|session| info!(provider = session.provider, sid = %session.sid, "signed out"))
        .and_then(|session| end_session(state, session));
    let mut response = match at_provider {
        None => pages::signed_out(target),
        Some((_, EndSession::Visit(url))) => pages::provider_sign_out_by_get(&url),
        Some((id, EndSession::Form(form))) => {
            let rd = target.map_or("", RedirectTarget::as_str);
            let stored =
                identity
                    .sessions
                    .begin_attempt(&cookies, (&id, rd), &(), Initiator::User, now);
            lines.extend(stored);
            let fields: Vec<(&str, &str)> = form
                .fields
                .iter()
                .map(|(name, value)| (*name, value.expose()))
                .collect();
            pages::provider_sign_out(form.action.as_str(), &fields)
        }
    };
    set_cookies(response.headers_mut(), &lines);
    response
}

/// The sign-out request to the session's provider, and the id of the attempt that stores the redirect
/// target until the provider redirects back.
fn end_session(state: &SharedSignInState, session: &Session) -> Option<(String, EndSession)> {
    let identity = &state.identity;
    let provider = identity.providers.named(&session.provider)?;
    let back = Url::parse(&format!("{}{SIGN_OUT}", state.public_url.as_str())).ok()?;
    let logout_state = Attempt::random_state();
    let end = provider.end_session(&session.tokens, &back, logout_state.expose())?;
    Some((Attempt::id_of(logout_state.expose()), end))
}

/// The response to the redirect back from the provider. An unknown `state` is not an error and has no
/// redirect target (L02). `None` if the `state` is unknown and the request still has a session: then
/// "You are signed out" would be wrong, and the request is handled as if it had no `state`.
async fn returned(
    state: &SharedSignInState,
    headers: &HeaderMap,
    logout_state: &Secret,
) -> Option<Response> {
    let (sessions, cookies) = (&state.identity.sessions, cookies(headers));
    let id = Attempt::id_of(logout_state.expose());
    let stored: Result<SignInAttempt<()>, _> = sessions.finish_attempt(&cookies, &id, now()).await;
    if stored.is_err() && sessions.has_session_cookie(&cookies) {
        return None;
    }
    let redirects = &state.redirects();
    let target = stored
        .ok()
        .and_then(|stored| allowed_target(redirects, Some(&stored.rd)));
    let mut response = pages::signed_out(target.as_ref());
    set_cookies(
        response.headers_mut(),
        &sessions.delete_attempt(&cookies, &id),
    );
    Some(response)
}
