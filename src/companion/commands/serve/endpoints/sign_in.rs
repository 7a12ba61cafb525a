//! `GET /oauth2/sign_in`: the page to choose a provider; with only one, a redirect to `start`.

use axum::extract::State;
use axum::response::Response;
use portcullis_core::endpoints;
use serde::Deserialize;

use crate::commands::serve::extract::Query;
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SignIn;
use crate::pages::{self, Choice};

use super::start::{path, redirect, redirect_target};

/// The query.
#[derive(Debug, Deserialize)]
pub(super) struct Params {
    rd: Option<String>,
}

pub(super) async fn sign_in(
    State(state): State<SignIn>,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let to = redirect_target(&state, params.rd.as_deref())?;
    let to = to.as_ref();
    let providers = &state.identity.providers;
    if providers.only().is_some() {
        return Ok(redirect(&path(endpoints::START.path, to, None, None)));
    }
    let choice = |provider: &str| Choice {
        provider: provider.to_owned(),
        href: path(endpoints::START.path, to, Some(provider), None),
    };
    let choices: Vec<Choice> = providers
        .all()
        .iter()
        .map(|provider| choice(provider.name()))
        .collect();
    Ok(pages::sign_in(to, &choices))
}
