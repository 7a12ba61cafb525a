//! `GET /oauth2/sign_in`: the page to choose a provider; if there is only one, a redirect to `/oauth2/start`.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::commands::serve::extract::Query;
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SharedSignInState;
use crate::pages::{self, ProviderChoice};

use super::start::{redirect, redirect_target, start_path};

/// The query.
#[derive(Debug, Deserialize)]
pub(super) struct Params {
    rd: Option<String>,
}

pub(super) async fn sign_in(
    State(state): State<SharedSignInState>,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let target = redirect_target(&state, params.rd.as_deref())?;
    let target = target.as_ref();
    let providers = &state.identity.providers;
    if providers.only().is_some() {
        return Ok(redirect(&start_path(target, None)));
    }
    let choice = |provider: &str| ProviderChoice {
        provider: provider.to_owned(),
        href: start_path(target, Some(provider)),
    };
    let choices: Vec<ProviderChoice> = providers
        .all()
        .iter()
        .map(|provider| choice(provider.name()))
        .collect();
    Ok(pages::sign_in(target, &choices))
}
