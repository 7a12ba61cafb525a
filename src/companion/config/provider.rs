//! Identity providers (OpenID Connect).

mod authorize_params;
mod endpoints;
mod proxy;
mod tenants;

use std::ops::RangeInclusive;
use std::time::Duration;

use portcullis_core::token::Algorithm;

use crate::document::Report;
use crate::provider::{ClientAuthentication, ProviderSettings};

use super::duration;
use super::source::{Located, Source};

/// The default name of the only provider, as in the policy.
const NAME: &str = "sso";

/// The bounds of `timeout`. The filter waits for 20 seconds.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(15);

pub(super) fn read(source: &Source) -> Result<Vec<ProviderSettings>, Report> {
    let listed = source.list_len("providers");
    let count = listed.max(usize::from(source.overrides("providers[]")));
    if count == 0 {
        let help = "list at least one with `issuer` and `client_id`, or use flags like \
                    `--provider-issuer`";
        return Err(source.missing_field("providers", help));
    }
    let mut providers: Vec<ProviderSettings> = Vec::with_capacity(count);
    for index in 0..count {
        let at = |field: &str| format!("providers[{index}].{field}");
        let name = name(source, &at("name"), count)?;
        let before = providers.iter().position(|other| other.name == name);
        if let Some(before) = before
            && let Some(found) = source.text(&at("name"))?
        {
            let problem = format!("is also the name of `providers[{before}]`");
            return Err(found.error(&problem, "give each provider a unique name"));
        }
        providers.push(provider(source, name, &at)?);
    }
    Ok(providers)
}

/// One provider; `at` is the path of a field.
fn provider(
    source: &Source,
    name: String,
    at: &dyn Fn(&str) -> String,
) -> Result<ProviderSettings, Report> {
    let issuer = endpoints::issuer(source, &at("issuer"))?;
    let help = "write the OAuth client ID";
    let client_id = plain(source.required(&at("client_id"), help)?)?;
    let settings = ProviderSettings {
        client_authentication: client_authentication(source, at)?,
        audiences: audiences(source, &at("audiences"))?,
        scopes: scopes(source, &at("scopes"))?,
        groups_claim: groups_claim(source, &at("groups_claim"))?,
        trust_unverified_email: source
            .boolean(&at("trust_unverified_email"))?
            .unwrap_or_default(),
        ca_file: source.path(&at("ca_file"))?.map(|found| found.value),
        discovery: endpoints::discovery(source, &at("discovery"))?,
        algorithms: algorithms(source, &at("algorithms"))?,
        tenants: tenants::read(source, &at("tenants"))?,
        authorize_params: authorize_params::read(source, &at("authorize_params"))?,
        end_session: endpoints::end_session(source, &at("end_session"))?,
        timeout: duration::read(source, &at("timeout"), ProviderSettings::TIMEOUT, TIMEOUT)?,
        proxy: proxy::read(source, &at("proxy"))?,
        ..ProviderSettings::new(&name, &issuer, &client_id)
    };
    tenants::check(source, at, &settings)?;
    Ok(settings)
}

fn name(source: &Source, path: &str, count: usize) -> Result<String, Report> {
    if count == 1 && source.text(path)?.is_none() {
        return Ok(NAME.to_owned());
    }
    let help = "write the name that rules use in `from`";
    let found = source.required(path, help)?;
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if found.value.len() > 63 || !found.value.bytes().all(plain) {
        let help = "write 1 to 63 lower-case letters, digits and `-`";
        return Err(found.error("is not a valid name", help));
    }
    Ok(found.value)
}

fn client_authentication(
    source: &Source,
    at: &dyn Fn(&str) -> String,
) -> Result<ClientAuthentication, Report> {
    let secret = source.path(&at("client_secret_file"))?;
    let assertion = source.path(&at("client_assertion_file"))?;
    match (secret, assertion) {
        (None, None) => Ok(ClientAuthentication::None),
        (Some(secret), None) => Ok(ClientAuthentication::Secret(secret.value)),
        (None, Some(assertion)) => Ok(ClientAuthentication::Assertion(assertion.value)),
        (Some(_), Some(assertion)) => Err(assertion.location.error(
            "can't be combined with `client_secret_file`",
            "remove one of them: the provider accepts either a secret or an assertion",
        )),
    }
}

fn audiences(source: &Source, path: &str) -> Result<Vec<String>, Report> {
    let list = source.list(path)?.unwrap_or_default();
    list.into_iter().map(plain).collect()
}

fn scopes(source: &Source, path: &str) -> Result<Vec<String>, Report> {
    let Some(list) = source.list(path)? else {
        return Ok(["openid", "email", "profile"].map(str::to_owned).to_vec());
    };
    for found in &list {
        // RFC 6749 section 3.3.
        let token = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if !found.value.bytes().all(token) {
            let help = "write one scope for each element, without spaces or quotes";
            return Err(found.error("is not a valid scope", help));
        }
    }
    let scopes: Vec<String> = list.into_iter().map(|found| found.value).collect();
    if scopes.iter().any(|scope| scope == "openid") {
        return Ok(scopes);
    }
    let problem = "`openid` is missing";
    Err(source.error(path, problem, "add `openid`, which OpenID Connect requires"))
}

fn groups_claim(source: &Source, path: &str) -> Result<Vec<String>, Report> {
    let Some(list) = source.one_or_list(path)? else {
        return Ok(vec!["groups".to_owned()]);
    };
    if list.is_empty() {
        let help = "write the name of a claim, or remove the field";
        return Err(source.error(path, "is an empty list", help));
    }
    Ok(list.into_iter().map(|found| found.value).collect())
}

/// The algorithms; `None` for those of the metadata.
fn algorithms(source: &Source, path: &str) -> Result<Option<Vec<Algorithm>>, Report> {
    let Some(list) = source.list(path)? else {
        return Ok(None);
    };
    let names = Algorithm::ALL.map(Algorithm::name).join(", ");
    let help = format!("write some of {names}");
    if list.is_empty() {
        return Err(source.error(path, "is an empty list", &help));
    }
    let algorithm = |found: Located<'_>| {
        let algorithm = Algorithm::from_name(&found.value);
        algorithm.ok_or_else(|| found.error("is not an accepted algorithm", &help))
    };
    list.into_iter()
        .map(algorithm)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// A value for headers and pages: visible ASCII.
fn plain(found: Located<'_>) -> Result<String, Report> {
    if found.value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(found.value);
    }
    Err(found.error(
        "has a space or a character that is not ASCII",
        "write it as the provider shows it",
    ))
}
