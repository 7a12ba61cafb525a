//! `GET /oauth2/sign_in`: the page to choose a provider; with one alone, on to `start`.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::serve::answer::Problem;
use crate::serve::extract::Query;
use crate::serve::pages::{self, Choice};
use crate::serve::state::Shared;

use portcullis_core::endpoints;

use super::start::{go, path, return_to};

/// Where people want to go in the end.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    rd: Option<String>,
}

pub(super) async fn sign_in(
    State(state): State<Shared>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let to = return_to(&state, asked.rd.as_deref())?;
    let to = to.as_ref();
    let providers = &state.people.providers;
    if providers.only().is_some() {
        return Ok(go(&path(endpoints::START.path, to, None, false)));
    }
    let choice = |provider: &str| Choice {
        provider: provider.to_owned(),
        href: path(endpoints::START.path, to, Some(provider), false),
    };
    let choices: Vec<Choice> = providers
        .all()
        .iter()
        .map(|provider| choice(provider.name()))
        .collect();
    Ok(pages::sign_in(to, &choices))
}
