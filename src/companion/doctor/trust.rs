//! A trust entry: whether its issuer's keys can be fetched, by the companion and by the filter.

mod problem;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_core::keys::{KeyRecord, KeySet, KeyWarning};
use portcullis_core::trust::{KeyEndpoint, Kind, Trust, Url};

use super::check::{CheckId, Checks};
use super::network::{Server, Tls};
use super::{audience, clock};
use crate::files;
use crate::http_client;
use crate::issuers::{self, IssuerConnection, KeyProbe, ProbedRequest};
use problem::{fix, is_refused};

/// Lets clients without credentials read the cluster's keys.
pub(super) const MANIFEST: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: portcullis-issuer-discovery
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: system:service-account-issuer-discovery
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: Group
  name: system:unauthenticated";

/// The keys that were fetched, to compare them with those of other entries.
#[derive(Clone, Debug, Default)]
pub(super) struct FetchedKeys(Arc<Mutex<Option<KeySet>>>);

impl FetchedKeys {
    /// The keys, if they were fetched.
    pub(super) fn take(&self) -> Option<KeySet> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, keys: Option<KeySet>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

/// Checks a trust entry.
pub(super) async fn check(
    checks: Checks,
    trust: Trust,
    connection: IssuerConnection,
    fetched: FetchedKeys,
) {
    audience::check(&checks, &trust, connection.token_file.as_deref());
    let Some(first) = issuers::first_url(&trust) else {
        fetched.set(trust.keys.inline.clone());
        let detail = "the keys are in the policy, and none are fetched";
        return checks.ok(CheckId::KeySet, detail);
    };
    if let Some(problem) = connection.problem(&trust) {
        let setting = format!("trust.{}.connect", trust.name);
        let (problem, help) = problem.split_once(": ").unwrap_or((problem, "remove it"));
        checks.error(CheckId::Connection, &format!("{setting}: {problem}"), help);
        return skip(&checks, &trust);
    }
    if let Some(server) = server(&checks, &trust, &connection, &first)
        && server.check(&checks).await
    {
        let probe = issuers::probe(
            &trust,
            &connection,
            KeyRecord::default(),
            crate::clock::now(),
        )
        .await;
        report(&checks, &trust, &connection, &probe);
        if trust.kind == Kind::Kubernetes {
            anonymous_access(&checks, &trust, &connection, &probe).await;
        }
        fetched.set(probe.record.set().cloned());
        return;
    }
    skip(&checks, &trust);
}

/// Lists the checks that need the issuer's responses.
fn skip(checks: &Checks, trust: &Trust) {
    let why = "the issuer can't be reached";
    checks.skipped(&[CheckId::Discovery, CheckId::KeySet, CheckId::Clock], why);
    if trust.kind == Kind::Kubernetes {
        checks.skipped(&[CheckId::AnonymousAccess], why);
    }
}

/// The server of the first request; `None` where its CA file can't be used, which is an error.
fn server(
    checks: &Checks,
    trust: &Trust,
    connection: &IssuerConnection,
    first: &Url,
) -> Option<Server> {
    let setting = |field: &str| format!("trust.{}.{field}", trust.name);
    let roots = match roots(connection.ca_file.as_deref(), &setting("ca_file")) {
        Ok(roots) => roots,
        Err((problem, help)) => {
            checks.error(CheckId::Tls, &problem, &help);
            return None;
        }
    };
    let url = url::Url::parse(&first.to_string()).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default()?;
    let tls = Some(Tls {
        name: host.clone(),
        roots,
        ca_setting: setting("ca_file"),
    });
    Some(match &connection.connect {
        Some(connect) => Server {
            host: connect.host.clone(),
            port: connect.port,
            setting: format!("`{}`", setting("connect")),
            tls,
        },
        None => Server {
            host,
            port,
            setting: format!(
                "the issuer's URL in the policy, or set `{}` to the issuer's address",
                setting("connect")
            ),
            tls,
        },
    })
}

/// The CAs of a file or, without one, the system's; else the problem and how to fix it.
pub(super) fn roots(
    ca_file: Option<&Path>,
    setting: &str,
) -> Result<rustls::RootCertStore, (String, String)> {
    let Some(file) = ca_file else {
        let roots = http_client::roots(None);
        let help = format!("set `{setting}` to a PEM file with the CA, or install ca-certificates");
        return roots.map_err(|error| (error.to_string(), help));
    };
    let name = files::named(setting, file);
    let pem = files::read(file).map_err(|error| {
        let help = format!("set `{setting}` to a PEM file that this user can read");
        (format!("{name} can't be read: {error}"), help)
    })?;
    http_client::roots(Some(&pem)).map_err(|error| {
        let help = format!("write the CA's certificate, as PEM, to the file of `{setting}`");
        (format!("{name}: {error}"), help)
    })
}

/// Reports the requests of a fetch.
fn report(checks: &Checks, trust: &Trust, connection: &IssuerConnection, probe: &KeyProbe) {
    let mut is_read = false;
    for request in &probe.requests {
        let id = id(request);
        is_read |= id == CheckId::KeySet;
        match &request.error {
            Some(error) => {
                let detail = format!("{}: {error}", request.url);
                checks.error(id, &detail, &fix(error, trust, connection, request));
            }
            None if request.is_discovery => {
                checks.ok(id, &format!("{} names the issuer", request.url));
            }
            None => keys(checks, trust, request, probe.record.set()),
        }
    }
    if !is_read {
        checks.skipped(&[CheckId::KeySet], "its URL is in the discovery document");
    }
    let date = probe.requests.iter().find_map(|request| request.date);
    clock::check(checks, date, trust.leeway);
}

/// Reports a key set that can be used.
fn keys(checks: &Checks, trust: &Trust, request: &ProbedRequest, keys: Option<&KeySet>) {
    let mut warnings = KeyWarning::of_skipped(&trust.name, keys, None).peekable();
    if warnings.peek().is_some() {
        let warnings: Vec<String> = warnings.map(|warning| warning.to_string()).collect();
        let help =
            "tokens that are signed with these keys are refused; the others are not affected";
        return checks.warning(CheckId::KeySet, &warnings.join("; "), help);
    }
    let detail = match keys.map_or(0, |keys| keys.keys().len()) {
        1 => format!("{} has 1 key", request.url),
        count => format!("{} has {count} keys", request.url),
    };
    checks.ok(CheckId::KeySet, &detail);
}

/// Whether the filter can read the keys: it has no token.
async fn anonymous_access(
    checks: &Checks,
    trust: &Trust,
    connection: &IssuerConnection,
    probe: &KeyProbe,
) {
    let id = [CheckId::AnonymousAccess];
    let is_mirror =
        (trust.keys.remote.as_ref()).is_some_and(|remote| remote.endpoint == KeyEndpoint::Mirror);
    let without_token = IssuerConnection {
        token_file: None,
        ..connection.clone()
    };
    let (refused, may_read) = if connection.token_file.is_none() {
        (refusal(probe), probe.record.set().is_some())
    } else if is_mirror {
        let detail = "not needed: the companion has a token, and filters read its mirror";
        return checks.ok(CheckId::AnonymousAccess, detail);
    } else {
        let probe = issuers::probe(
            trust,
            &without_token,
            KeyRecord::default(),
            crate::clock::now(),
        )
        .await;
        (refusal(&probe), probe.record.set().is_some())
    };
    let Some(status) = refused else {
        if may_read {
            let detail = "the keys can be read without credentials";
            return checks.ok(CheckId::AnonymousAccess, detail);
        }
        return checks.skipped(&id, "the keys can't be read for another reason");
    };
    let detail = format!("the API server refuses requests without credentials ({status})");
    if connection.token_file.is_none() {
        let help = format!(
            "allow anonymous reads of the public keys in this cluster with `kubectl apply`, or set `trust.{}.token_file` \
             to a token and `keys.mirror: true`:\n{MANIFEST}",
            trust.name
        );
        return checks.error(CheckId::AnonymousAccess, &detail, &help);
    }
    let help = format!(
        "the filter has no token: set `keys.mirror: true`, or add one with Envoy's credential_injector, or allow \
         anonymous reads of the public keys in this cluster:\n{MANIFEST}"
    );
    checks.warning(CheckId::AnonymousAccess, &detail, &help);
}

/// The status of a request that was refused for want of credentials.
fn refusal(probe: &KeyProbe) -> Option<u16> {
    let errors = probe.requests.iter();
    errors
        .filter_map(|request| is_refused(request.error.as_ref()?))
        .next()
}

const fn id(request: &ProbedRequest) -> CheckId {
    if request.is_discovery {
        CheckId::Discovery
    } else {
        CheckId::KeySet
    }
}
