//! Headers of the client that are forwarded although they are removed by default.

use axum::http::HeaderName;
use axum::http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};

use crate::attach::is_hop_by_hop;
use crate::config::source::Located;
use crate::document::Report;

/// What can be kept.
const KEEPABLE: [HeaderName; 2] = [COOKIE, PROXY_AUTHORIZATION];

/// The names of headers to keep.
pub(super) fn parse(names: Vec<Located<'_>>) -> Result<Vec<HeaderName>, Report> {
    names.into_iter().map(|name| one(&name)).collect()
}

fn one(found: &Located<'_>) -> Result<HeaderName, Report> {
    let Ok(name) = HeaderName::from_bytes(found.value.as_bytes()) else {
        return Err(found.error("is not the name of a header", "write `Cookie`"));
    };
    let remove = "remove it";
    match name {
        name if KEEPABLE.contains(&name) => Ok(name),
        AUTHORIZATION => Err(found.error("always has the token of the token file", remove)),
        name if is_hop_by_hop(&name) => {
            Err(found.error("is a hop-by-hop header, which no proxy forwards", remove))
        }
        _ => Err(found.error("is forwarded anyway", remove)),
    }
}
