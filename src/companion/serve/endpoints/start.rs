//! `GET /oauth2/start?rd=&provider=`: begins a sign-in.
//!
//! A browser that comes here by itself is first shown a page, which adds the fragment of its
//! address to `rd` and goes on: fragments never reach a server, and Alertmanager's links live there.

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, http::HeaderValue};
use serde::Deserialize;
use tracing::info;
use url::form_urlencoded::Serializer;

use crate::serve::answer::Problem;
use crate::serve::clock::now;
use crate::serve::extract::Query;
use crate::serve::pages;
use crate::serve::people::{cookies, set_cookies};
use crate::serve::request_id::RequestId;
use crate::serve::return_to::ReturnTo;
use crate::serve::state::Shared;

use portcullis_core::endpoints;

use super::embedded::is_embedded;
use super::trouble;

/// What a browser asks to begin.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Where it wants to go in the end.
    rd: Option<String>,
    /// Who should sign it in; may be left out where there is only one.
    provider: Option<String>,
    /// There once the page has taken the fragment along.
    on: Option<String>,
}

pub(super) async fn start(
    State(state): State<Shared>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let to = return_to(&state, asked.rd.as_deref())?;
    if is_embedded(&headers) {
        // It would end the session that the browser has, and nobody can sign in within a page.
        return Err(
            Problem::bad_request("Nobody signs in within another page.").with_link(
                path(endpoints::SIGN_IN.path, to.as_ref(), None, false),
                "Sign in",
            ),
        );
    }
    let cookies = cookies(&headers);
    let people = &state.people;
    let now = now();
    if let Some(to) = &to
        && people.sessions.is_loop(&cookies, page_of(to.as_str()), now)
    {
        let next = path(
            endpoints::START.path,
            Some(to),
            asked.provider.as_deref(),
            false,
        );
        return Ok(pages::looping(to, &next, id.as_str()));
    }
    let provider = match asked.provider.as_deref() {
        Some(name) => Some(people.providers.named(name).ok_or_else(|| {
            Problem::bad_request("Nobody of this name signs people in here.").with_link(
                path(endpoints::SIGN_IN.path, to.as_ref(), None, false),
                "Choose another way",
            )
        })?),
        None => people.providers.only(),
    };
    let navigates = headers
        .get("sec-fetch-mode")
        .is_some_and(|mode| mode == "navigate");
    if navigates && asked.on.is_none() {
        let name = provider.map(|provider| provider.name());
        let next = path(endpoints::START.path, to.as_ref(), name, true);
        return Ok(pages::start(&next));
    }
    let Some(provider) = provider else {
        return Ok(go(&path(endpoints::SIGN_IN.path, to.as_ref(), None, false)));
    };
    let redirect_uri = people
        .redirect_uri(provider)
        .ok_or_else(Problem::internal)?;
    let (place, attempt) = provider
        .begin(&redirect_uri, now)
        .await
        .map_err(|error| trouble::with_provider(&state, provider, &error, to.as_ref()))?;
    let rd = to.as_ref().map_or("", ReturnTo::as_str);
    let lines = people
        .sessions
        .begin_login(&cookies, (&attempt.id(), rd), &attempt, now)
        .map_err(|_| {
            Problem::bad_request("The address that you want to go to is too long to be kept.")
        })?;
    info!(provider = provider.name(), "a sign-in begins");
    let mut answer = go(place.as_str());
    set_cookies(answer.headers_mut(), &lines);
    Ok(answer)
}

/// Judges an `rd`; nothing, and an empty one, lead nowhere in particular.
pub(super) fn return_to(state: &Shared, rd: Option<&str>) -> Result<Option<ReturnTo>, Problem> {
    let judgement = state.judgement.load();
    let Some(rd) = rd.filter(|rd| !rd.is_empty()) else {
        return Ok(None);
    };
    judgement.returns.judge(rd).map(Some).map_err(|refused| {
        info!(%refused, "nobody is sent there");
        Problem::bad_request(format!(
            "The address that you want to go to is not one that people are sent to: {refused}."
        ))
    })
}

/// A URL without its fragment: what the two steps of a sign-in agree on.
pub(super) fn page_of(url: &str) -> &str {
    url.split_once('#').map_or(url, |(page, _)| page)
}

/// A path of ours that leads on to `to`.
pub(super) fn path(path: &str, to: Option<&ReturnTo>, provider: Option<&str>, on: bool) -> String {
    let mut query = Serializer::new(String::new());
    if let Some(to) = to {
        query.append_pair("rd", to.as_str());
    }
    if let Some(provider) = provider {
        query.append_pair("provider", provider);
    }
    if on {
        query.append_pair("on", "1");
    }
    let query = query.finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// Sends the browser there, by GET.
pub(super) fn go(place: &str) -> Response {
    match HeaderValue::from_str(place) {
        Ok(place) => (StatusCode::FOUND, [(LOCATION, place)]).into_response(),
        Err(_) => Problem::internal().into_response(),
    }
}
