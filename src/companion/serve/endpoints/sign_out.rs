//! `GET, POST /oauth2/sign_out`: ends the session here and at the provider (OpenID Connect
//! RP-Initiated Logout 1.0). It is also where the provider sends people back to.

use axum::extract::{FromRequest as _, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{ORIGIN, REFERER};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tracing::{info, warn};
use url::Url;

use crate::provider::{Attempt, EndSession, Secret};
use crate::serve::answer::Problem;
use crate::serve::clock::now;
use crate::serve::extract::{Form, Query};
use crate::serve::pages;
use crate::serve::people::{cookies, set_cookies};
use crate::serve::return_to::{ReturnRules, ReturnTo};
use crate::serve::state::Shared;
use crate::session::{Login, Session};

use portcullis_core::endpoints;

use super::embedded::is_embedded;

const SIGN_OUT: &str = endpoints::SIGN_OUT.path;

/// What may be asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// Where to go when it is over.
    rd: Option<String>,
    /// There when the provider sends somebody back.
    state: Option<Secret>,
}

pub(super) async fn by_get(
    State(state): State<Shared>,
    headers: HeaderMap,
    query: Result<Query<Asked>, Problem>,
) -> Response {
    let Query(asked) = query.unwrap_or(Query(Asked::default()));
    if let Some(left) = &asked.state
        && let Some(answer) = came_back(&state, &headers, left).await
    {
        return answer;
    }
    let returns = &state.judgement.load().returns;
    let to = to(returns, asked.rd.as_deref());
    if is_foreign(&headers, returns) {
        return ask_first(&state, to.as_ref());
    }
    leave(&state, &headers, to.as_ref()).await
}

pub(super) async fn by_post(State(state): State<Shared>, request: Request) -> Response {
    let headers = request.headers().clone();
    let form = Form::<Asked>::from_request(request, &state).await;
    let Form(asked) = form.unwrap_or(Form(Asked::default()));
    let returns = &state.judgement.load().returns;
    let to = to(returns, asked.rd.as_deref());
    if is_foreign(&headers, returns) {
        return ask_first(&state, to.as_ref());
    }
    leave(&state, &headers, to.as_ref()).await
}

/// Where it leads. Whoever wants to leave is not kept for a bad address: they just land here.
fn to(returns: &ReturnRules, rd: Option<&str>) -> Option<ReturnTo> {
    rd.and_then(|rd| returns.judge(rd).ok())
}

/// Whether another site, or something within a page, may have sent the browser here without being
/// asked to (L01).
fn is_foreign(headers: &HeaderMap, returns: &ReturnRules) -> bool {
    let site = headers.get("sec-fetch-site");
    let cross = site.is_some_and(|site| site == "cross-site");
    // A neighbour that does not say who it is may be anybody's.
    let says = [ORIGIN, REFERER]
        .iter()
        .any(|name| headers.contains_key(name));
    let nameless = site.is_some_and(|site| site == "same-site") && !says;
    let foreign = [ORIGIN, REFERER].iter().any(|name| {
        headers.get_all(name).iter().any(|value| {
            let url = value.to_str().ok().and_then(|text| Url::parse(text).ok());
            !url.is_some_and(|url| returns.has_host_of(&url))
        })
    });
    cross || nameless || foreign || is_embedded(headers)
}

fn ask_first(state: &Shared, to: Option<&ReturnTo>) -> Response {
    let origins: Vec<String> = state
        .people
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

async fn leave(state: &Shared, headers: &HeaderMap, to: Option<&ReturnTo>) -> Response {
    let (people, now) = (&state.people, now());
    let cookies = cookies(headers);
    let out = match people.sessions.sign_out(&cookies, now).await {
        Ok(out) => out,
        Err(fault) => {
            warn!(%fault, "a session can't be ended");
            return Problem::unavailable("You can't be signed out just now. Please try again.")
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
            let rd = to.map_or("", ReturnTo::as_str);
            // Without room for it people land on our page, which is no reason to stay signed in.
            let kept = people.sessions.begin_login(&cookies, (&id, rd), &(), now);
            lines.extend(kept.unwrap_or_default());
            let fields: Vec<(&str, &str)> = form
                .fields
                .iter()
                .map(|(name, value)| (*name, value.expose()))
                .collect();
            pages::leave(form.action.as_str(), &fields)
        }
    };
    set_cookies(answer.headers_mut(), &lines);
    answer
}

/// How the session ends at its provider too, and the name under which it is remembered where the
/// person wanted to go.
fn end_session(state: &Shared, session: &Session) -> Option<(String, EndSession)> {
    let people = &state.people;
    let provider = people.providers.named(&session.idp)?;
    let back = Url::parse(&format!("{}{SIGN_OUT}", state.config.site.as_str())).ok()?;
    let left = Attempt::random_state();
    let form = provider.end_session(&session.tokens, &back, left.expose())?;
    Some((Attempt::id_of(left.expose()), form))
}

/// The provider sends somebody back. A `state` that is not theirs leads nowhere else, and is no
/// fault (L02). Nor does it end anything: whoever still shows a session is answered as if there were
/// no `state`, for "signed out" would not be true.
async fn came_back(state: &Shared, headers: &HeaderMap, left: &Secret) -> Option<Response> {
    let (sessions, cookies) = (&state.people.sessions, cookies(headers));
    let id = Attempt::id_of(left.expose());
    let kept: Result<Login<()>, _> = sessions.finish_login(&cookies, &id, now()).await;
    if kept.is_err() && sessions.has_session_cookie(&cookies) {
        return None;
    }
    let returns = &state.judgement.load().returns;
    let to = kept.ok().and_then(|kept| to(returns, Some(&kept.rd)));
    let mut answer = pages::signed_out(to.as_ref());
    set_cookies(answer.headers_mut(), &[sessions.forget_login(&id)]);
    Some(answer)
}
