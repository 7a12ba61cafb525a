//! The filter compared with another build of it, such as one before a change.

use std::net::SocketAddr;
use std::path::Path;

use portcullis_tests::lab::tools;
use serde_json::Value;

use super::Tokens;
use super::configurations::{policy, portcullis};
use super::envoy::Envoy;
use super::variants::{bearers, request, variant};
use crate::load::CONNECTIONS;
use crate::machine::Machine;
use crate::rounds::Variant;
use crate::sign_in_stack;

/// The Envoys with one build of the filter.
#[derive(Debug)]
struct Build {
    tokens: Envoy,
    audited: Envoy,
    sessions: Envoy,
}

/// Both builds.
#[derive(Debug)]
pub(super) struct Builds {
    other: Build,
    current: Build,
}

impl Builds {
    /// Starts the Envoys with the filter at `other` and with the current one.
    pub(super) async fn start(
        machine: &Machine,
        tokens: &Tokens,
        companion: SocketAddr,
        other: &Path,
    ) -> Self {
        Self {
            other: Build::start(machine, tokens, companion, other).await,
            current: Build::start(machine, tokens, companion, &tools::filter()).await,
        }
    }

    /// The lines of the table: each case with both builds.
    pub(super) fn throughput(
        &self,
        tokens: &Tokens,
        session: &str,
    ) -> Result<Vec<Variant>, String> {
        const NEW: &str = "other build, every token new";
        const REPEATED: &str = "other build, one token repeated";
        const AUDITED: &str = "other build, one token repeated, audit on";
        const SESSION: &str = "other build, a user's session";
        let all = || bearers(&tokens.rs256);
        let one = || bearers(&tokens.rs256[..1]);
        let session = || vec![request(&format!("cookie: {session}"))];
        let (other, current) = (&self.other, &self.current);
        [
            (NEW, &[][..], &other.tokens, all()),
            ("every token new", &[NEW], &current.tokens, all()),
            (REPEATED, &[], &other.tokens, one()),
            ("one token repeated", &[REPEATED], &current.tokens, one()),
            (AUDITED, &[], &other.audited, one()),
            (
                "one token repeated, audit on",
                &[AUDITED],
                &current.audited,
                one(),
            ),
            (SESSION, &[], &other.sessions, session()),
            ("a user's session", &[SESSION], &current.sessions, session()),
        ]
        .into_iter()
        .map(|(name, baselines, envoy, requests)| {
            variant(name, baselines, envoy, CONNECTIONS, requests)
        })
        .collect()
    }
}

impl Build {
    async fn start(
        machine: &Machine,
        tokens: &Tokens,
        companion: SocketAddr,
        module: &Path,
    ) -> Self {
        let start = async |filter, level| {
            let clusters = [("portcullis", companion)];
            Envoy::start(machine, vec![filter], level, &clusters).await
        };
        let with = |policy: &Value| portcullis(module.to_owned(), policy);
        let bearer = |audit| with(&policy(&tokens.keys, audit));
        let with_sessions = with(&sign_in_stack::policy());
        Self {
            tokens: start(bearer("off"), "error").await,
            audited: start(bearer("info"), "info").await,
            sessions: start(with_sessions, "error").await,
        }
    }
}
