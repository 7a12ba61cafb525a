//! A provider: whether users could sign in there.

use portcullis_core::timestamp::Timestamp;
use std::time::Duration;
use url::Url;

use super::check::{CheckId, Checks};
use super::clock;
use super::network::{Server, Tls};
use super::trust::roots;
use crate::provider::{
    self, ClientResponse, DiscoveryError, FetchError, KeySetError, MetadataError, Provider,
    ProviderError, ProviderSettings, RedirectResponse,
};

/// The checks that need the provider's metadata.
const NEED_METADATA: [CheckId; 3] = [
    CheckId::Clock,
    CheckId::RedirectUri,
    CheckId::ClientAuthentication,
];

/// The tolerated difference of clocks.
const LEEWAY: Duration = provider::LEEWAY;

/// Checks a provider. `url` is the companion's public URL.
pub(super) async fn check(checks: Checks, settings: ProviderSettings, url: String, is_only: bool) {
    let provider = match Provider::new(&settings) {
        Ok(provider) => provider,
        Err(error) => {
            let help = "correct the setting in `providers`, or the file that it names";
            checks.error(CheckId::Discovery, &error.to_string(), help);
            let why = "the configuration of the provider can't be used";
            checks.skipped(&[CheckId::KeySet], why);
            return checks.skipped(&NEED_METADATA, why);
        }
    };
    let is_reachable = match server(&checks, &settings, &provider) {
        Reach::Server(server) => server.check(&checks).await,
        Reach::Proxy => {
            let why = "requests go through the provider's proxy";
            checks.skipped(&[CheckId::Dns, CheckId::Connection, CheckId::Tls], why);
            true
        }
        Reach::Nothing => false,
    };
    if !is_reachable {
        checks.skipped(
            &[CheckId::Discovery, CheckId::KeySet],
            "the provider can't be reached",
        );
        return checks.skipped(&NEED_METADATA, "the provider can't be reached");
    }
    if !documents(&checks, &provider).await {
        return checks.skipped(
            &NEED_METADATA,
            "the provider's metadata and keys are needed",
        );
    }
    let date: Option<(Timestamp, Timestamp)> = provider.probe_date().await;
    clock::check(&checks, date, LEEWAY);
    let path = provider::callback_path(provider.name(), is_only);
    if let Ok(redirect_uri) = Url::parse(&format!("{url}{path}")) {
        redirect(&checks, &provider, &redirect_uri).await;
    }
    client(&checks, &provider).await;
}

/// How a provider is reached.
enum Reach {
    /// Through a proxy.
    Proxy,
    /// Directly.
    Server(Server),
    /// Not at all: its CA file can't be used, which was reported.
    Nothing,
}

fn server(checks: &Checks, settings: &ProviderSettings, provider: &Provider) -> Reach {
    if settings.proxy.is_some() {
        return Reach::Proxy;
    }
    let setting = "providers[].ca_file";
    let roots = match roots(settings.ca_file.as_deref(), setting) {
        Ok(roots) => roots,
        Err((problem, help)) => {
            checks.error(CheckId::Tls, &problem, &help);
            return Reach::Nothing;
        }
    };
    let Some(url) = provider.metadata_url() else {
        return Reach::Nothing;
    };
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_matches(['[', ']']).to_owned();
    Reach::Server(Server {
        port: url.port_or_known_default().unwrap_or(443),
        setting: "`providers[].issuer`".to_owned(),
        tls: Some(Tls {
            name: host.clone(),
            roots,
            ca_setting: setting.to_owned(),
        }),
        host,
    })
}

/// Checks the metadata and the key set.
async fn documents(checks: &Checks, provider: &Provider) -> bool {
    let url = provider
        .metadata_url()
        .map(String::from)
        .unwrap_or_default();
    let error = match provider.probe_documents().await {
        Ok(keys) => {
            checks.ok(
                CheckId::Discovery,
                &format!("{url} is the provider's metadata"),
            );
            let keys = match keys {
                1 => "1 usable key".to_owned(),
                keys => format!("{keys} usable keys"),
            };
            checks.ok(CheckId::KeySet, &keys);
            return true;
        }
        Err(error) => error,
    };
    match &error {
        ProviderError::KeySet(of_keys) => {
            checks.ok(
                CheckId::Discovery,
                &format!("{url} is the provider's metadata"),
            );
            checks.error(CheckId::KeySet, &error.to_string(), key_set_help(of_keys));
        }
        ProviderError::Discovery(of_metadata) => {
            checks.error(
                CheckId::Discovery,
                &format!("{url}: {error}"),
                metadata_help(of_metadata),
            );
            checks.skipped(&[CheckId::KeySet], "its URL is in the metadata");
        }
        _ => checks.error(
            CheckId::Discovery,
            &error.to_string(),
            "see the provider's log",
        ),
    }
    false
}

const fn metadata_help(error: &DiscoveryError) -> &'static str {
    match error {
        DiscoveryError::Document(MetadataError::Issuer) => {
            "set `providers[].issuer` to the `issuer` of the document, byte for byte"
        }
        DiscoveryError::Document(MetadataError::Algorithms) => {
            "configure the provider to sign ID tokens with RS256 or ES256, or set `providers[].algorithms`"
        }
        DiscoveryError::Document(MetadataError::AuthMethods) => {
            "allow client_secret_basic or client_secret_post at the provider, or use `client_assertion_file`"
        }
        DiscoveryError::Document(MetadataError::Member(_)) => {
            "see whether this URL is that of the provider's metadata, and correct `providers[].issuer` or `discovery`"
        }
        DiscoveryError::Fetch(error) => fetch_help(error),
        DiscoveryError::NotFetched => "see why the provider does not respond",
    }
}

const fn key_set_help(error: &KeySetError) -> &'static str {
    match error {
        KeySetError::Fetch(error) => fetch_help(error),
        KeySetError::Set(_) => {
            "publish a key for one of the algorithms of the metadata at the provider, or set `providers[].algorithms`"
        }
        KeySetError::NotFetchedAgain | KeySetError::Stale => {
            "see why the provider does not respond"
        }
    }
}

const fn fetch_help(error: &FetchError) -> &'static str {
    match error {
        FetchError::Connect(_) => {
            "see whether the server or the proxy is reachable from here, and whether `providers[].ca_file` has the CA"
        }
        FetchError::ContentType | FetchError::Json(_) | FetchError::TooLong => {
            "see what is at this URL: a login page or an error page of a proxy, or another document"
        }
        FetchError::Compressed => "configure the server not to compress this response",
        FetchError::Status(404) => {
            "correct `providers[].issuer`, or write the URL of the metadata as `providers[].discovery`"
        }
        FetchError::Status(_) | FetchError::Interrupted(_) | FetchError::InvalidRequest => {
            "see the provider's log"
        }
        FetchError::Timeout => {
            "see why the provider does not respond; `providers[].timeout` is at most 15 s"
        }
    }
}

/// Checks whether the redirect URI is registered.
async fn redirect(checks: &Checks, provider: &Provider, redirect_uri: &Url) {
    let id = CheckId::RedirectUri;
    let register =
        format!("register the redirect URI {redirect_uri} for this client at the provider");
    match provider.probe_redirect(redirect_uri).await {
        Ok(RedirectResponse::Accepted) => {
            checks.ok(id, &format!("the provider accepts {redirect_uri}"));
        }
        Ok(RedirectResponse::Error(code)) => {
            let detail = format!("the provider refuses the authorization request: `{code}`");
            let help = match code.as_str() {
                "invalid_scope" => "request scopes that the provider knows in `providers[].scopes`",
                "unauthorized_client" | "unsupported_response_type" => {
                    "allow the authorization code flow for this client at the provider"
                }
                "server_error" | "temporarily_unavailable" => "see the provider's log",
                _ => "see the provider's log for what is wrong with the request",
            };
            checks.error(id, &detail, help);
        }
        Ok(RedirectResponse::Refused(status)) => {
            let detail = format!(
                "the provider refuses an authorization request with {redirect_uri} (status {status})"
            );
            let help = format!("{register}, and see whether `providers[].client_id` is its ID");
            checks.error(id, &detail, &help);
        }
        Ok(RedirectResponse::Unknown(status)) => {
            let detail = format!(
                "the provider responds to {redirect_uri} as to a URI that is not registered (status {status})"
            );
            checks.warning(id, &detail, &register);
        }
        Err(error) => checks.error(id, &error.to_string(), "see the provider's log"),
    }
}

/// Checks whether the provider accepts the client's secret or assertion.
async fn client(checks: &Checks, provider: &Provider) {
    let id = CheckId::ClientAuthentication;
    match provider.probe_client().await {
        Ok(None) => checks.ok(id, "a public client, without a secret"),
        Ok(Some(ClientResponse::Authenticated)) => {
            checks.ok(id, "the provider accepts the client's authentication");
        }
        Ok(Some(ClientResponse::Rejected(code))) => {
            let detail =
                format!("the provider does not accept the client's authentication: `{code}`");
            let help = "write the client's current secret to the file of `providers[].client_secret_file`, and see \
                        whether `client_id` is its ID";
            checks.error(id, &detail, help);
        }
        Ok(Some(ClientResponse::MayNotRefresh(code))) => {
            let detail = format!("this client may not use refresh tokens: `{code}`");
            let help = "allow the grant `refresh_token` for this client at the provider; otherwise users sign in again \
                        when the provider's token expires";
            checks.warning(id, &detail, help);
        }
        Err(error) => checks.error(id, &error.to_string(), "see the provider's log"),
    }
}
