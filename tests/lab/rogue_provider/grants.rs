//! The codes and tokens that the provider has issued. Codes and refresh tokens are for single use.

use std::collections::HashMap;
use std::collections::HashSet;

use rand_core::{OsRng, RngCore as _};

use super::challenge_of;
use super::form::get;
use crate::lab::secrets;

/// The issued codes and tokens.
#[derive(Default)]
pub(super) struct Grants {
    codes: HashMap<String, Code>,
    refresh_tokens: HashMap<String, Option<String>>,
    access_tokens: HashSet<String>,
    count: usize,
}

struct Code {
    nonce: Option<String>,
    challenge: String,
    redirect_uri: String,
}

/// The tokens issued for a code or a refresh token.
pub(super) struct Issued {
    pub(super) nonce: Option<String>,
    pub(super) code: Option<String>,
    pub(super) access_token: String,
    pub(super) refresh_token: String,
}

impl Grants {
    /// Issues a code for an authorization request.
    pub(super) fn authorize(
        &mut self,
        request: &[(String, String)],
    ) -> Result<String, &'static str> {
        let has = |name, value: &str| get(request, name) == Some(value);
        if !has("response_type", "code") {
            return Err("response_type is not code");
        }
        if !has("client_id", super::RogueProvider::CLIENT_ID) {
            return Err("client_id is unknown");
        }
        if !has("code_challenge_method", "S256") {
            return Err("PKCE is required, with S256");
        }
        let scopes = get(request, "scope").unwrap_or_default();
        if !scopes.split(' ').any(|scope| scope == "openid") {
            return Err("scope lacks openid");
        }
        let code = Code {
            nonce: get(request, "nonce").map(str::to_owned),
            challenge: get(request, "code_challenge")
                .ok_or("no code_challenge")?
                .to_owned(),
            redirect_uri: get(request, "redirect_uri")
                .ok_or("no redirect_uri")?
                .to_owned(),
        };
        let value = self.new_value("code");
        self.codes.insert(value.clone(), code);
        Ok(value)
    }

    /// Processes a token request.
    pub(super) fn redeem(&mut self, form: &[(String, String)]) -> Result<Issued, &'static str> {
        let (nonce, code) = match get(form, "grant_type") {
            Some("authorization_code") => {
                let value = get(form, "code").ok_or("invalid_request")?;
                let code = self.codes.remove(value).ok_or("invalid_grant")?;
                let verifier = get(form, "code_verifier").ok_or("invalid_grant")?;
                let matches = challenge_of(verifier) == code.challenge
                    && get(form, "redirect_uri") == Some(&code.redirect_uri);
                if !matches {
                    return Err("invalid_grant");
                }
                (code.nonce, Some(value.to_owned()))
            }
            Some("refresh_token") => {
                let value = get(form, "refresh_token").ok_or("invalid_request")?;
                (
                    self.refresh_tokens.remove(value).ok_or("invalid_grant")?,
                    None,
                )
            }
            _ => return Err("unsupported_grant_type"),
        };
        let issued = Issued {
            access_token: self.new_value("access"),
            refresh_token: self.new_value("refresh"),
            nonce,
            code,
        };
        self.access_tokens.insert(issued.access_token.clone());
        self.refresh_tokens
            .insert(issued.refresh_token.clone(), issued.nonce.clone());
        Ok(issued)
    }

    /// Whether it issued this access token.
    pub(super) fn is_access_token(&self, token: &str) -> bool {
        self.access_tokens.contains(token)
    }

    /// A new code or token of this kind.
    fn new_value(&mut self, kind: &str) -> String {
        self.count += 1;
        let value = format!("{kind}-{}-{:016x}", self.count, OsRng.next_u64());
        secrets::register("a grant", &value);
        value
    }
}
