//! The filter and the module compared with what they replace: Envoy's ext_authz, which asks oauth2-proxy about each
//! request. All of a variant's processes have the same core.

use std::net::SocketAddr;

use portcullis_tests::lab::{Call, Issuer, SigningKey, Token, tools};
use serde_json::{Value, json};

use crate::filter::{AUDIENCE, Envoy, dynamic_module, portcullis, request, variant};
use crate::load::CONNECTIONS;
use crate::machine::Machine;
use crate::oauth2_proxy::{self, OAuth2Proxy};
use crate::report::{self, Results, chart};
use crate::rounds::{self, Variant};
use crate::settings::Settings;
use crate::sign_in_stack::{self, APP, SignInStack};

/// The names of the lines that others are compared with.
const OPEN: &str = "no filter, a user's session";
const OTHER_SESSION: &str = "ext_authz, oauth2-proxy, session";
const OTHER_TOKEN: &str = "ext_authz, oauth2-proxy, one token";

/// What sends requests in the table of throughput and in that of latency.
struct Compared {
    open: Envoy,
    other: Envoy,
    filter: Envoy,
    module: Envoy,
    oauth2_proxy: OAuth2Proxy,
    /// The header of a user, for ours and for oauth2-proxy.
    session: String,
    other_session: String,
    /// The header of a workload.
    token: String,
}

/// Measures and reports.
pub(crate) async fn measure(
    machine: &Machine,
    settings: &Settings,
    stack: &SignInStack,
    results: &mut Results,
) -> Result<(), String> {
    println!(
        "\nInstead of ext_authz with {}, which has the same core as its Envoy.\n",
        oauth2_proxy::version()
    );
    let key = SigningKey::rsa("bench");
    let issuer = Issuer::on_loopback(&stack.authority, &[&key]).await;
    let compared = Compared::start(machine, stack, &issuer, &key).await?;
    compared.check().await?;
    let series = rounds::run(&mut compared.throughput()?, settings)?;
    report::throughput(results, "instead of ext_authz", &series);
    println!("\nAs a picture: {}", chart::write(&series)?.display());
    println!("\nOne request at a time:\n");
    let series = rounds::run(&mut compared.latency()?, settings)?;
    report::latency(results, "instead of ext_authz, latency", &series);
    Ok(())
}

impl Compared {
    async fn start(
        machine: &Machine,
        stack: &SignInStack,
        issuer: &Issuer,
        key: &SigningKey,
    ) -> Result<Self, String> {
        let authz = stack.other;
        let bearer = [
            ("skip-jwt-bearer-tokens", "true".to_owned()),
            ("extra-jwt-issuers", format!("{}={AUDIENCE}", issuer.name())),
        ];
        let oauth2_proxy = OAuth2Proxy::start(stack, authz, "static://200", &bearer).await;
        machine.pin_to_server_core(oauth2_proxy.id())?;
        let companion = stack.companion.address();
        let start = async |filters| {
            let clusters = [("portcullis", companion), ("oauth2-proxy", authz)];
            Envoy::start(machine, filters, "error", &clusters).await
        };
        let policy = policy(issuer.name(), key);
        let alice = stack.sign_in(sign_in_stack::SIGN_IN).await;
        let session = sign_in_stack::cookies(&alice, sign_in_stack::COOKIES);
        let alice = stack.sign_in(sign_in_stack::OTHER_SIGN_IN).await;
        let other_session = sign_in_stack::cookies(&alice, sign_in_stack::OTHER_COOKIES);
        let karma = Token::service_account(issuer.name(), AUDIENCE, "monitoring", "karma");
        // oauth2-proxy has no other name for its users.
        let karma = karma.claim("email", "karma@example.com").sign(key);
        Ok(Self {
            open: start(vec![]).await,
            other: start(vec![ext_authz(authz)]).await,
            filter: start(vec![portcullis(tools::filter(), &policy)]).await,
            module: start(vec![dynamic_module(&policy)]).await,
            oauth2_proxy,
            session: format!("cookie: {session}"),
            other_session: format!("cookie: {other_session}"),
            token: format!("authorization: Bearer {karma}"),
        })
    }

    /// Checks that all of them refuse requests without credentials.
    async fn check(&self) -> Result<(), String> {
        for envoy in [&self.other, &self.filter, &self.module] {
            let call = Call::get(APP, "/api/v2/alerts").header("accept", "application/json");
            let status = call.send(envoy.address()).await.status;
            if ![401, 403].contains(&status) {
                return Err(format!("{status} without credentials: expected 401 or 403"));
            }
        }
        Ok(())
    }

    fn throughput(&self) -> Result<Vec<Variant>, String> {
        self.lines(CONNECTIONS)
    }

    fn latency(&self) -> Result<Vec<Variant>, String> {
        let mut lines = self.lines(1)?;
        for line in &mut lines[1..] {
            line.baselines = &[OPEN];
        }
        Ok(lines)
    }

    fn lines(&self, connections: usize) -> Result<Vec<Variant>, String> {
        let mut lines = [
            (OPEN, &[][..], &self.open, &self.session),
            (OTHER_SESSION, &[], &self.other, &self.other_session),
            (
                "filter, a user's session",
                &[OTHER_SESSION],
                &self.filter,
                &self.session,
            ),
            (
                "module, a user's session",
                &[OTHER_SESSION],
                &self.module,
                &self.session,
            ),
            (OTHER_TOKEN, &[], &self.other, &self.token),
            (
                "filter, one token repeated",
                &[OTHER_TOKEN],
                &self.filter,
                &self.token,
            ),
            (
                "module, one token repeated",
                &[OTHER_TOKEN],
                &self.module,
                &self.token,
            ),
        ]
        .into_iter()
        .map(|(name, baselines, envoy, header)| {
            variant(name, baselines, envoy, connections, vec![request(header)])
        })
        .collect::<Result<Vec<_>, _>>()?;
        let asks = |line: &&mut Variant| [OTHER_SESSION, OTHER_TOKEN].contains(&line.name);
        for line in lines.iter_mut().filter(asks) {
            line.processes.push(self.oauth2_proxy.id());
        }
        Ok(lines)
    }
}

/// The policy of the sign-in, which a workload may use too.
fn policy(issuer: &str, key: &SigningKey) -> Value {
    let mut policy = sign_in_stack::policy();
    policy["trust"] = json!([{
        "name": "staging",
        "kind": "kubernetes",
        "issuer": issuer,
        "audiences": [AUDIENCE],
        "keys": {"inline": {"keys": [key.jwk()]}},
    }]);
    let allow = policy["apps"][0]["rules"][0]["allow"].as_array_mut();
    let karma = json!({"service_account": "staging/monitoring/karma"});
    allow.expect("a list").push(karma);
    policy
}

/// The filter that asks oauth2-proxy, with what it needs of the request.
fn ext_authz(address: SocketAddr) -> Value {
    let named = |name: &str| json!({"exact": name, "ignore_case": true});
    json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "allowed_headers": {"patterns": [named("cookie"), named("accept")]},
            "http_service": {
                "server_uri": {
                    "uri": format!("http://{address}"), "cluster": "oauth2-proxy", "timeout": "5s",
                },
                "authorization_response": {"allowed_upstream_headers": {"patterns": [
                    named("x-auth-request-user"),
                    named("x-auth-request-email"),
                    named("x-auth-request-groups"),
                ]}},
            },
        },
    })
}
