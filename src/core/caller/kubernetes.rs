//! The service account of a Kubernetes token.

use super::Subject;
use crate::json::Json;

/// The service account of a token, if its subject and its bound claims say the same (Kubernetes
/// writes both, so that a contradiction is a forgery or a foreign token). The parts are DNS names,
/// as the API server has them.
pub(super) fn service_account(subject: &str, claims: &Json) -> Option<Subject> {
    let parts = subject.strip_prefix("system:serviceaccount:")?;
    let (namespace, name) = parts.split_once(':')?;
    let bound = claims.member("kubernetes.io")?;
    let text = |value: Option<&Json>| value.and_then(Json::as_str).map(str::to_owned);
    let bound_namespace = text(bound.member("namespace"))?;
    let bound_name = text(bound.member("serviceaccount")?.member("name"))?;
    let agree = bound_namespace == namespace && bound_name == name;
    (agree && is_dns_name(namespace) && is_dns_name(name)).then_some(Subject::ServiceAccount {
        namespace: bound_namespace,
        name: bound_name,
    })
}

/// Whether a text is a name as Kubernetes gives them (RFC 1123, lower case).
fn is_dns_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=253).contains(&text.len())
        && text
            .bytes()
            .all(|byte| inner(byte) || matches!(byte, b'-' | b'.'))
        && text.bytes().next().is_some_and(inner)
        && text.bytes().last().is_some_and(inner)
}
