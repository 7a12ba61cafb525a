//! What is compared: which Envoy, asked with which tokens.

use portcullis_tests::lab::{Call, tools};

use crate::envoy::Envoy;
use crate::filters::{HOST, PATH, jwt_authn, portcullis};
use crate::load::Load;
use crate::machine::Machine;
use crate::tokens::Tokens;

/// One Envoy for each configuration.
#[derive(Debug)]
pub(crate) struct Gates {
    open: Envoy,
    native: Envoy,
    native_cached: Envoy,
    portcullis: Envoy,
    portcullis_audited: Envoy,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Variant<'a> {
    /// What it is called there.
    pub(crate) name: &'static str,
    /// The variant that it should be judged by, if there is one.
    pub(crate) rival: Option<&'static str>,
    /// Who answers.
    pub(crate) envoy: &'a Envoy,
    /// What asks.
    pub(crate) load: Load,
}

impl Gates {
    /// Starts them all.
    pub(crate) async fn start(machine: &Machine, tokens: &Tokens) -> Self {
        let keys = &tokens.keys;
        let gate = |audit| Some(portcullis(tools::module(), keys, audit));
        Self {
            open: Envoy::start(machine, None, "error").await,
            native: Envoy::start(machine, Some(jwt_authn(keys, false)), "error").await,
            native_cached: Envoy::start(machine, Some(jwt_authn(keys, true)), "error").await,
            portcullis: Envoy::start(machine, gate("off"), "error").await,
            portcullis_audited: Envoy::start(machine, gate("info"), "info").await,
        }
    }

    /// Makes sure that each filter is really there: what lets everybody in is fast.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let forged = Tokens::forged();
        for envoy in [
            &self.native,
            &self.native_cached,
            &self.portcullis,
            &self.portcullis_audited,
        ] {
            for call in [Call::get(HOST, PATH), Call::get(HOST, PATH).bearer(&forged)] {
                let status = call.send(envoy.address()).await.status;
                if status != 401 {
                    return Err(format!(
                        "a gate answers {status} to a caller without a right"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The lines of the table.
    pub(crate) fn variants(&self, tokens: &Tokens) -> Result<Vec<Variant<'_>>, String> {
        const NATIVE_RS256: &str = "jwt_authn without its cache, RS256";
        const NATIVE_ES256: &str = "jwt_authn without its cache, ES256";
        const NATIVE_CACHED: &str = "jwt_authn with its cache, one token";
        let one = &tokens.rs256[..1];
        [
            ("no filter", None, &self.open, &tokens.rs256[..]),
            (NATIVE_RS256, None, &self.native, &tokens.rs256),
            (NATIVE_ES256, None, &self.native, &tokens.es256),
            (NATIVE_CACHED, None, &self.native_cached, one),
            (
                "Portcullis, every token new, RS256",
                Some(NATIVE_RS256),
                &self.portcullis,
                &tokens.rs256,
            ),
            (
                "Portcullis, every token new, ES256",
                Some(NATIVE_ES256),
                &self.portcullis,
                &tokens.es256,
            ),
            (
                "Portcullis, one token",
                Some(NATIVE_CACHED),
                &self.portcullis,
                one,
            ),
            (
                "Portcullis, one token, audit on",
                Some(NATIVE_CACHED),
                &self.portcullis_audited,
                one,
            ),
        ]
        .into_iter()
        .map(|(name, rival, envoy, tokens)| {
            let load = Load::open(envoy.address(), tokens);
            Ok(Variant {
                name,
                rival,
                envoy,
                load: load.map_err(|error| format!("{name}: {error}"))?,
            })
        })
        .collect()
    }

    /// Ends them all.
    pub(crate) fn end(self) {
        for envoy in [
            self.open,
            self.native,
            self.native_cached,
            self.portcullis,
            self.portcullis_audited,
        ] {
            envoy.end();
        }
    }
}
