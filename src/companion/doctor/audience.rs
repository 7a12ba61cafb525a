//! Whether a token for the gate is a token for the API server too.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::json::Json;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::numeric_date;
use portcullis_core::trust::{Kind, Trust};

use super::check::{CheckId, Checks};
use crate::clock::now;
use crate::files;

/// Compares the audiences of a trust entry with those of a token that its API server accepts. The policy's
/// validation refuses those that are known to be an API server's.
pub(super) fn check(checks: &Checks, trust: &Trust, token_file: Option<&Path>) {
    let id = CheckId::Audience;
    let listed = trust.audiences.join(", ");
    if trust.kind == Kind::Oidc {
        return checks.ok(id, &format!("tokens need one of: {listed}"));
    }
    let Some(claims) = token_file.and_then(Claims::read) else {
        return checks.ok(
            id,
            &format!("{listed}: none is known as an API server's own"),
        );
    };
    let setting = format!("trust.{}.token_file", trust.name);
    if let Some(common) = (claims.audiences.iter()).find(|one| trust.audiences.contains(one)) {
        let detail = format!("`{common}` is also an audience of the token in `{setting}`");
        let help = "use another audience in `audiences` of the trust entry, and project tokens for it: an app could \
                    use the tokens that it receives at the API server";
        return checks.error(id, &detail, help);
    }
    if claims
        .expires_at
        .is_some_and(|expires_at| expires_at <= now())
    {
        let detail = format!("the token in `{setting}` has expired");
        let help = "project a token, which the kubelet replaces before it expires";
        return checks.error(id, &detail, help);
    }
    checks.ok(
        id,
        &format!("{listed}: none is an audience of the API server"),
    );
}

/// What a token claims, which is not verified.
struct Claims {
    audiences: Vec<String>,
    expires_at: Option<Timestamp>,
}

impl Claims {
    /// Those of the token in a file; `None` where it has none.
    fn read(file: &Path) -> Option<Self> {
        let token = files::read(file).ok()?;
        let payload = token.trim_ascii().split(|byte| *byte == b'.').nth(1)?;
        let claims = Json::parse(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let audiences = match claims.member("aud")? {
            Json::Array(all) => all.iter().filter_map(Json::as_str).collect(),
            one => Vec::from_iter(one.as_str()),
        };
        Some(Self {
            audiences: audiences.into_iter().map(str::to_owned).collect(),
            expires_at: claims.member("exp").and_then(numeric_date),
        })
    }
}
