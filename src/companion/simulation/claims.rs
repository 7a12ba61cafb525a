//! The claims of callers that are described by their names.

use portcullis_core::json::Json;
use portcullis_core::trust::Trust;

use super::caller::{CallerError, NamedCaller};
use crate::caller_name;

/// What the subjects of service accounts begin with.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// The subject of a token of Kubernetes.
pub(super) fn service_account(named: &NamedCaller, subject: &str) -> Result<Json, CallerError> {
    let name = &named.name;
    let Some((namespace, account)) = subject.split_once('/') else {
        return Err(CallerError {
            problem: format!("`{name}` is not the name of a service account"),
            help: "write `TRUST/NAMESPACE/NAME`".to_owned(),
        });
    };
    if named.email.is_some() || !named.groups.is_empty() {
        return Err(CallerError {
            problem: format!("the service account `{name}` can't have groups or an e-mail address"),
            help: "remove the groups and the e-mail address".to_owned(),
        });
    }
    let sub = service_account_subject(namespace, account);
    Ok(object([("sub", Json::String(sub))]))
}

/// The `sub` of a service account, as Kubernetes has it in tokens.
pub(super) fn service_account_subject(namespace: &str, name: &str) -> String {
    format!("{SERVICE_ACCOUNT}{namespace}:{name}")
}

/// The namespace and the name of the service account with this `sub`.
pub(crate) fn service_account_of(subject: &str) -> Option<(&str, &str)> {
    subject.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')
}

/// The claim that a projected token of Kubernetes has besides its `sub`.
pub(super) fn kubernetes_claim(claims: &[(String, Json)]) -> Option<(&'static str, Json)> {
    let mut subject = claims.iter().filter(|(name, _)| name == "sub");
    let (namespace, name) = service_account_of(subject.next()?.1.as_str()?)?;
    let text = |text: &str| Json::String(text.to_owned());
    let claim = object([
        ("namespace", text(namespace)),
        ("serviceaccount", object([("name", text(name))])),
    ]);
    Some(("kubernetes.io", claim))
}

/// The claims of a user of an OpenID Connect issuer, where its trust entry expects them.
pub(super) fn user(trust: &Trust, named: &NamedCaller, subject: &str) -> Json {
    let mut claims = vec![("sub".to_owned(), Json::String(subject.to_owned()))];
    if let Some(email) = &named.email {
        insert_email(&mut claims, trust, email);
    }
    if !named.groups.is_empty() {
        let groups = named.groups.iter().cloned().map(Json::String);
        insert(
            &mut claims,
            &trust.claims.groups,
            Json::Array(groups.collect()),
        );
    }
    Json::Object(claims)
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let members = members.map(|(name, value)| (name.to_owned(), value));
    Json::Object(members.into())
}

/// Adds a verified e-mail address, where a trust entry expects it.
pub(super) fn insert_email(members: &mut Vec<(String, Json)>, trust: &Trust, address: &str) {
    let path = &trust.claims.email;
    insert(members, path, Json::String(address.to_owned()));
    let mut verified = path.clone();
    verified.pop();
    verified.push("email_verified".to_owned());
    insert(members, &verified, Json::Bool(true));
}

/// Adds a value at a path. What is there and has no members is replaced.
pub(super) fn insert(members: &mut Vec<(String, Json)>, path: &[String], value: Json) {
    let Some((name, rest)) = path.split_first() else {
        return;
    };
    let place = members.iter().position(|(own, _)| own == name);
    let mut member = match place {
        Some(place) => members.remove(place).1,
        None => Json::Null,
    };
    if rest.is_empty() {
        member = value;
    } else {
        let mut inner = match member {
            Json::Object(inner) => inner,
            _ => Vec::new(),
        };
        insert(&mut inner, rest, value);
        member = Json::Object(inner);
    }
    members.push((name.clone(), member));
}

/// A subject as it is in the token.
pub(super) fn decoded(subject: &str) -> Result<String, CallerError> {
    caller_name::decoded(subject).ok_or_else(|| CallerError {
        problem: format!("`{subject}` is not a percent-encoded subject"),
        help: "write the name as audit records have it: `%` is `%25`".to_owned(),
    })
}
