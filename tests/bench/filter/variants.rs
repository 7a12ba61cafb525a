//! The measured variants: an Envoy and the requests to it.

use std::net::SocketAddr;

use portcullis_tests::lab::{Call, tools};

use super::Tokens;
use super::configurations::{
    PATH, dynamic_module, jwt_authn, large_policy, native, policy, portcullis,
};
use super::envoy::Envoy;
use crate::load::{CONNECTIONS, ExpectedResponse, Load};
use crate::machine::Machine;
use crate::rounds::Variant;
use crate::sign_in_stack::{self, APP as HOST};

/// The body of Envoy's response to allowed requests.
pub(super) const BODY: &str = "allowed";

/// The response to an allowed request.
pub(crate) const ALLOWED: ExpectedResponse = ExpectedResponse {
    begins: b"HTTP/1.1 200 ",
    ends: BODY.as_bytes(),
};

/// One Envoy for each configuration.
#[derive(Debug)]
pub(super) struct Envoys {
    open: Envoy,
    jwt_authn: Envoy,
    jwt_authn_cached: Envoy,
    native: Envoy,
    native_cached: Envoy,
    module: Envoy,
    portcullis: Envoy,
    portcullis_audited: Envoy,
    portcullis_large: Envoy,
    portcullis_sessions: Envoy,
}

impl Envoys {
    /// Starts all of them.
    pub(super) async fn start(machine: &Machine, tokens: &Tokens, companion: SocketAddr) -> Self {
        let keys = &tokens.keys;
        let start = async |filters, level| {
            let clusters = [("portcullis", companion)];
            Envoy::start(machine, filters, level, &clusters).await
        };
        let portcullis_filters = |audit| vec![portcullis(tools::filter(), &policy(keys, audit))];
        let large = vec![portcullis(tools::filter(), &large_policy(keys))];
        let sessions = vec![portcullis(tools::filter(), &sign_in_stack::policy())];
        Self {
            open: start(vec![], "error").await,
            jwt_authn: start(vec![jwt_authn(keys, false)], "error").await,
            jwt_authn_cached: start(vec![jwt_authn(keys, true)], "error").await,
            native: start(native(keys, false), "error").await,
            native_cached: start(native(keys, true), "error").await,
            module: start(vec![dynamic_module(&policy(keys, "off"))], "error").await,
            portcullis: start(portcullis_filters("off"), "error").await,
            portcullis_audited: start(portcullis_filters("info"), "info").await,
            portcullis_large: start(large, "error").await,
            portcullis_sessions: start(sessions, "error").await,
        }
    }

    /// Checks that each filter refuses requests, because one that allows everything would be fast.
    pub(super) async fn check(&self) -> Result<(), String> {
        let forged = Tokens::forged();
        for envoy in [
            &self.jwt_authn,
            &self.jwt_authn_cached,
            &self.native,
            &self.native_cached,
            &self.module,
            &self.portcullis,
            &self.portcullis_audited,
            &self.portcullis_large,
            &self.portcullis_sessions,
        ] {
            for call in [Call::get(HOST, PATH), Call::get(HOST, PATH).bearer(&forged)] {
                let status = call.send(envoy.address()).await.status;
                if status != 401 {
                    return Err(format!(
                        "{status} for an unauthenticated request: expected 401"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The lines of the first table: maximum throughput.
    pub(super) fn throughput(
        &self,
        tokens: &Tokens,
        session: &str,
    ) -> Result<Vec<Variant>, String> {
        const WARM: &str = "Portcullis, one token repeated";
        const NATIVE_RS256: &str = "jwt_authn without its cache, RS256";
        const NATIVE_ES256: &str = "jwt_authn without its cache, ES256";
        const NATIVE_FILTERS: &str = "jwt_authn, rbac, headers, filter state, RS256";
        const NATIVE_CACHED: &str = "jwt_authn with its cache, one token";
        const NATIVE_WARM: &str =
            "jwt_authn with its cache, rbac, headers, filter state, one token";
        let rs256 = || bearers(&tokens.rs256);
        let es256 = || bearers(&tokens.es256);
        let one = || bearers(&tokens.rs256[..1]);
        let session = || vec![request(&format!("cookie: {session}"))];
        [
            ("no filter", &[][..], &self.open, rs256()),
            (NATIVE_RS256, &[], &self.jwt_authn, rs256()),
            (NATIVE_ES256, &[], &self.jwt_authn, es256()),
            (NATIVE_CACHED, &[], &self.jwt_authn_cached, one()),
            (NATIVE_FILTERS, &[], &self.native, rs256()),
            (NATIVE_WARM, &[], &self.native_cached, one()),
            (
                "Portcullis, every token new, RS256",
                &[NATIVE_RS256, NATIVE_FILTERS][..],
                &self.portcullis,
                rs256(),
            ),
            (
                "Portcullis, every token new, ES256",
                &[NATIVE_ES256],
                &self.portcullis,
                es256(),
            ),
            (WARM, &[NATIVE_CACHED, NATIVE_WARM], &self.portcullis, one()),
            (
                "Portcullis, one token repeated, 1,000 apps",
                &[WARM],
                &self.portcullis_large,
                one(),
            ),
            (
                "Portcullis, one token repeated, audit on",
                &[NATIVE_CACHED],
                &self.portcullis_audited,
                one(),
            ),
            (
                "Portcullis, a user's session",
                &[WARM],
                &self.portcullis_sessions,
                session(),
            ),
            (
                "module, every token new, RS256",
                &[NATIVE_RS256],
                &self.module,
                rs256(),
            ),
            (
                "module, every token new, ES256",
                &[NATIVE_ES256],
                &self.module,
                es256(),
            ),
            (
                "module, one token repeated",
                &[NATIVE_CACHED, NATIVE_WARM],
                &self.module,
                one(),
            ),
        ]
        .into_iter()
        .map(|(name, baselines, envoy, requests)| {
            variant(name, baselines, envoy, CONNECTIONS, requests)
        })
        .collect()
    }

    /// The lines of the second table: one request at a time.
    pub(super) fn latency(&self, session: &str) -> Result<Vec<Variant>, String> {
        let request = || vec![request(&format!("cookie: {session}"))];
        Ok(vec![
            variant("no filter", &[][..], &self.open, 1, request())?,
            variant(
                "Portcullis, a user's session",
                &["no filter"],
                &self.portcullis_sessions,
                1,
                request(),
            )?,
        ])
    }
}

/// Requests to this Envoy, each of which must be allowed.
pub(crate) fn variant(
    name: &'static str,
    baselines: &'static [&'static str],
    envoy: &Envoy,
    connections: usize,
    requests: Vec<String>,
) -> Result<Variant, String> {
    let load = Load::open(envoy.address(), connections, requests, ALLOWED);
    Ok(Variant {
        name,
        baselines,
        processes: vec![envoy.id()],
        load: load.map_err(|error| format!("{name}: {error}"))?,
    })
}

/// A request with each of these tokens.
pub(crate) fn bearers(tokens: &[String]) -> Vec<String> {
    let headers = tokens
        .iter()
        .map(|token| format!("authorization: Bearer {token}"));
    headers.map(|header| request(&header)).collect()
}

/// A request with this header.
pub(crate) fn request(header: &str) -> String {
    format!(
        "GET {PATH} HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: bench\r\naccept: application/json\r\n\
         {header}\r\n\r\n"
    )
}
