//! `GET, POST /oauth2/sign_out`: ends the session here and at the provider (OpenID Connect
//! RP-Initiated Logout 1.0). The provider redirects back here.

use axum::extract::{FromRequest as _, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{ORIGIN, REFERER};
use axum::response::{IntoResponse as _, Response};
use portcullis_core::endpoints;
use serde::Deserialize;
use tracing::{info, warn};
use url::Url;

use crate::clock::now;
use crate::commands::serve::extract::{Form, Query};
use crate::commands::serve::identity::{cookies, set_cookies};
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SignIn;
use crate::pages;
use crate::provider::{Attempt, EndSession, Secret};
use crate::redirect_target::{RedirectRules, RedirectTarget};
use crate::session::{Initiator, Login, Session};

use super::embedded::is_embedded;

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
    State(state): State<SignIn>,
    headers: HeaderMap,
    query: Result<Query<Params>, Problem>,
) -> Response {
    let Query(params) = query.unwrap_or(Query(Params::default()));
    if let Some(left) = &params.state
        && let Some(answer) = returned(&state, &headers, left).await
    {
        return answer;
    }
    let redirects = &state.redirects();
    let to = to(redirects, params.rd.as_deref());
    if is_foreign(&headers, redirects) {
        return confirm(&state, to.as_ref());
    }
    end(&state, &headers, to.as_ref()).await
}

pub(super) async fn by_post(State(state): State<SignIn>, request: Request) -> Response {
    let headers = request.headers().clone();
    let form = Form::<Params>::from_request(request, &state).await;
    let Form(params) = form.unwrap_or(Form(Params::default()));
    let redirects = &state.redirects();
    let to = to(redirects, params.rd.as_deref());
    if is_foreign(&headers, redirects) {
        return confirm(&state, to.as_ref());
    }
    end(&state, &headers, to.as_ref()).await
}

/// The redirect target. An invalid one is ignored, so that it prevents no sign-out.
fn to(redirects: &RedirectRules, rd: Option<&str>) -> Option<RedirectTarget> {
    rd.and_then(|rd| redirects.check(rd).ok())
}

/// Whether another site or an embedded element may have caused this request, and not the user (L01).
fn is_foreign(headers: &HeaderMap, redirects: &RedirectRules) -> bool {
    let site = headers.get("sec-fetch-site");
    let cross = site.is_some_and(|site| {
        ["same-origin", "same-site", "none"]
            .iter()
            .all(|own| site != own)
    });
    // A same-site request without Origin and Referer may come from any neighbouring host.
    let identified = [ORIGIN, REFERER]
        .iter()
        .any(|name| headers.contains_key(name));
    let anonymous = site.is_some_and(|site| site == "same-site") && !identified;
    let foreign = [ORIGIN, REFERER].iter().any(|name| {
        headers.get_all(name).iter().any(|value| {
            let url = value.to_str().ok().and_then(|text| Url::parse(text).ok());
            !url.is_some_and(|url| redirects.has_host_of(&url))
        })
    });
    cross || anonymous || foreign || is_embedded(headers)
}

fn confirm(state: &SignIn, to: Option<&RedirectTarget>) -> Response {
    let origins: Vec<String> = state
        .identity
        .providers
        .all()
        .iter()
        .filter_map(|provider| provider.end_session_origin())
        .collect();
    let mut origins: Vec<&str> = origins.iter().map(String::as_str).collect();
    let own = to.map(|to| format!("https://{}", to.authority()));
    origins.extend(own.as_deref());
    pages::sign_out(to, &origins)
}

async fn end(state: &SignIn, headers: &HeaderMap, to: Option<&RedirectTarget>) -> Response {
    let (identity, now) = (&state.identity, now());
    let cookies = cookies(headers);
    let out = match identity.sessions.sign_out(&cookies, now).await {
        Ok(out) => out,
        Err(fault) => {
            warn!(%fault, "session could not be ended");
            return Problem::unavailable("We can't sign you out right now, so you are still signed in. Try again in a moment.")
                .with_link(SIGN_OUT, "Try again")
                .into_response();
        }
    };
    let mut lines = out.set_cookies;
    let at_provider = out
        .session
        .as_ref()
        .inspect(|session| info!(provider = session.idp, sid = %session.sid, "signed out"))
        .and_then(|session| end_session(state, session));
    let mut answer = match at_provider {
        None => pages::signed_out(to),
        Some((id, form)) => {
            let rd = to.map_or("", RedirectTarget::as_str);
            // Without room for the redirect target the user ends on our page.
            let kept =
                identity
                    .sessions
                    .begin_login(&cookies, (&id, rd), &(), Initiator::User, now);
            lines.extend(kept.unwrap_or_default());
            let fields: Vec<(&str, &str)> = form
                .fields
                .iter()
                .map(|(name, value)| (*name, value.expose()))
                .collect();
            pages::provider_sign_out(form.action.as_str(), &fields)
        }
    };
    set_cookies(answer.headers_mut(), &lines);
    answer
}

/// The sign-out request to the session's provider, and the attempt id under which the redirect target is
/// stored.
fn end_session(state: &SignIn, session: &Session) -> Option<(String, EndSession)> {
    let identity = &state.identity;
    let provider = identity.providers.named(&session.idp)?;
    let back = Url::parse(&format!("{}{SIGN_OUT}", state.site.as_str())).ok()?;
    let left = Attempt::random_state();
    let form = provider.end_session(&session.tokens, &back, left.expose())?;
    Some((Attempt::id_of(left.expose()), form))
}

/// The redirect back from the provider. An unknown `state` is not an error, and redirects nowhere else
/// (L02). It ends nothing either: a request that still has a session is handled as if it had no `state`,
/// because "signed out" would be false.
async fn returned(state: &SignIn, headers: &HeaderMap, left: &Secret) -> Option<Response> {
    let (sessions, cookies) = (&state.identity.sessions, cookies(headers));
    let id = Attempt::id_of(left.expose());
    let kept: Result<Login<()>, _> = sessions.finish_login(&cookies, &id, now()).await;
    if kept.is_err() && sessions.has_session_cookie(&cookies) {
        return None;
    }
    let redirects = &state.redirects();
    let to = kept.ok().and_then(|kept| to(redirects, Some(&kept.rd)));
    let mut answer = pages::signed_out(to.as_ref());
    set_cookies(answer.headers_mut(), &[sessions.forget_login(&id)]);
    Some(answer)
}
