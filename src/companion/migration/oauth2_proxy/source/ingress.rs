//! Ingress objects with annotations of ingress-nginx: the hosts that oauth2-proxy protects, and who may see them.

use std::path::Path;

use url::Url;

use crate::document::{self, Document, Node, Report};
use crate::migration::oauth2_proxy::outcome::Outcome;

/// The prefix of ingress-nginx's annotations.
const PREFIX: &str = "nginx.ingress.kubernetes.io/";

/// A host and the paths of it that an Ingress routes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::migration::oauth2_proxy) struct Location {
    /// `NAMESPACE/NAME` of the Ingress.
    pub(in crate::migration::oauth2_proxy) ingress: String,
    /// The host, in lower case; empty if the rule is for all hosts.
    pub(in crate::migration::oauth2_proxy) host: String,
    pub(in crate::migration::oauth2_proxy) paths: Vec<PathRule>,
    /// What the query of `auth-url` requires; `None` if the Ingress has no `auth-url`.
    pub(in crate::migration::oauth2_proxy) restrictions: Option<Restrictions>,
}

/// A path of an Ingress, and its backend as access logs of ingress-nginx name it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::migration::oauth2_proxy) struct PathRule {
    pub(in crate::migration::oauth2_proxy) path: String,
    pub(in crate::migration::oauth2_proxy) is_exact: bool,
    pub(in crate::migration::oauth2_proxy) is_regex: bool,
    /// `NAMESPACE-SERVICE-PORT`
    pub(in crate::migration::oauth2_proxy) upstream: String,
    /// The name of the service.
    pub(in crate::migration::oauth2_proxy) service: String,
}

/// What the query of `auth-url` requires: an item of each list that is not empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::migration::oauth2_proxy) struct Restrictions {
    pub(in crate::migration::oauth2_proxy) groups: Vec<String>,
    pub(in crate::migration::oauth2_proxy) emails: Vec<String>,
    pub(in crate::migration::oauth2_proxy) email_domains: Vec<String>,
    /// Parameters that oauth2-proxy ignores.
    pub(in crate::migration::oauth2_proxy) ignored: Vec<String>,
}

/// An annotation that is about authentication.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::migration::oauth2_proxy) struct Annotation {
    /// `Ingress NAMESPACE/NAME: NAME`
    pub(in crate::migration::oauth2_proxy) name: String,
    pub(in crate::migration::oauth2_proxy) value: String,
    pub(in crate::migration::oauth2_proxy) outcome: Outcome,
    pub(in crate::migration::oauth2_proxy) why: String,
}

/// What Ingress objects say.
#[derive(Debug, Default)]
pub(in crate::migration::oauth2_proxy) struct Ingresses {
    pub(in crate::migration::oauth2_proxy) locations: Vec<Location>,
    pub(in crate::migration::oauth2_proxy) annotations: Vec<Annotation>,
}

/// Reads the Ingress objects of a file, or of standard input.
pub(in crate::migration::oauth2_proxy) fn read(path: &Path) -> Result<Ingresses, Vec<Report>> {
    let name = document::name_of(path);
    let bytes = Document::read(path, &name).map_err(|report| vec![report])?;
    let (documents, error) = Document::parse_all(&name, bytes);
    let mut errors: Vec<Report> = error.into_iter().collect();
    errors.extend(documents.iter().flat_map(Document::errors));
    let mut found = Ingresses::default();
    for document in &documents {
        add(document.root(), &mut found);
    }
    if errors.is_empty() && found.locations.is_empty() {
        let help = "write the file of Ingress objects: `kubectl get ingress -A -o yaml`";
        errors.push(Report::of(&name, "has no Ingress with rules", help));
    }
    if errors.is_empty() {
        Ok(found)
    } else {
        Err(super::without_sources(errors))
    }
}

fn add(object: &Node, found: &mut Ingresses) {
    let kind = object.member("kind").and_then(Node::as_text);
    match kind {
        Some("Ingress") => ingress(object, found),
        Some("List" | "IngressList") => {
            let items = object.member("items").and_then(Node::as_list);
            items
                .unwrap_or_default()
                .iter()
                .for_each(|item| add(item, found));
        }
        _ => {}
    }
}

fn ingress(object: &Node, found: &mut Ingresses) {
    let text = |path: &str| object.at(path).and_then(Node::as_text);
    let namespace = text("metadata.namespace").unwrap_or("default");
    let name = [namespace, "/", text("metadata.name").unwrap_or_default()].concat();
    let annotations = object.at("metadata.annotations").and_then(Node::as_map);
    let mut restrictions = None;
    let mut is_regex = false;
    for (annotation, value) in annotations.unwrap_or_default() {
        let Some(short) = annotation.text.strip_prefix(PREFIX) else {
            continue;
        };
        let value = value.as_text().unwrap_or_default();
        match short {
            "auth-url" => restrictions = Some(Restrictions::of(value)),
            "use-regex" => is_regex = value == "true",
            _ => {}
        }
        if let Some((outcome, why)) = meaning(short, value) {
            found.annotations.push(Annotation {
                name: format!("Ingress {name}: {short}"),
                value: value.to_owned(),
                outcome,
                why,
            });
        }
    }
    let rules = object.at("spec.rules").and_then(Node::as_list);
    for rule in rules.unwrap_or_default() {
        let host = rule.member("host").and_then(Node::as_text);
        let paths = rule.at("http.paths").and_then(Node::as_list);
        let paths = paths.unwrap_or_default().iter();
        found.locations.push(Location {
            ingress: name.clone(),
            host: host.unwrap_or_default().to_ascii_lowercase(),
            paths: paths
                .map(|path| path_rule(path, namespace, is_regex))
                .collect(),
            restrictions: restrictions.clone(),
        });
    }
}

fn path_rule(node: &Node, namespace: &str, is_regex: bool) -> PathRule {
    let text = |path: &str| node.at(path).and_then(Node::as_text);
    let service = text("backend.service.name").unwrap_or_default();
    let port = node
        .at("backend.service.port.number")
        .or_else(|| node.at("backend.service.port.name"))
        .map(ToString::to_string)
        .unwrap_or_default();
    PathRule {
        path: text("path").unwrap_or("/").to_owned(),
        is_exact: text("pathType") == Some("Exact"),
        is_regex,
        upstream: format!("{namespace}-{service}-{}", port.trim_matches('"')),
        service: service.to_owned(),
    }
}

/// What becomes of an annotation; `None` if it is not about authentication.
fn meaning(name: &str, value: &str) -> Option<(Outcome, String)> {
    let (outcome, why) = match name {
        "auth-url" => (
            Outcome::Changed,
            "the app is in the policy; behind ingress-nginx, the URL is that of the companion, with the path \
             `/oauth2/auth?host=HOST`: see tests/proxies/ingress-nginx.yaml"
                .to_owned(),
        ),
        "auth-signin" => (
            Outcome::Changed,
            "the same path at `sso.url`: `/oauth2/start?rd=…`".to_owned(),
        ),
        "auth-signin-redirect-param" if value == "rd" => {
            (Outcome::Kept, "the parameter is `rd`".to_owned())
        }
        "auth-signin-redirect-param" => {
            (Outcome::Changed, "the parameter is always `rd`".to_owned())
        }
        "auth-response-headers" => response_headers(value),
        "auth-cache-key" | "auth-cache-duration" => (
            Outcome::Dropped,
            "decisions must not be cached: a session may have ended".to_owned(),
        ),
        "auth-method" => (
            Outcome::Dropped,
            "the method of the request is in X-Original-Method".to_owned(),
        ),
        "auth-always-set-cookie"
        | "auth-keepalive"
        | "auth-keepalive-requests"
        | "auth-keepalive-timeout"
        | "auth-keepalive-share-vars" => (Outcome::Kept, "it belongs to ingress-nginx".to_owned()),
        "satisfy"
        | "auth-snippet"
        | "auth-proxy-set-headers"
        | "configuration-snippet"
        | "server-snippet"
        | "enable-global-auth"
        | "whitelist-source-range" => (
            Outcome::NeedsYou,
            "it may change who is admitted: compare it with the policy".to_owned(),
        ),
        name if name.starts_with("auth-") => (
            Outcome::NeedsYou,
            "it is another way to authenticate, which the policy does not replace".to_owned(),
        ),
        _ => return None,
    };
    Some((outcome, why))
}

fn response_headers(value: &str) -> (Outcome, String) {
    let unknown: Vec<&str> = value
        .split(',')
        .map(str::trim)
        .filter(|header| {
            let lower = header.to_ascii_lowercase();
            !matches!(
                &*lower,
                "" | "x-auth-request-user"
                    | "x-auth-request-email"
                    | "x-auth-request-groups"
                    | "x-auth-request-preferred-username"
            )
        })
        .collect();
    if unknown.is_empty() {
        return (Outcome::Kept, "the same header names".to_owned());
    }
    let why = format!(
        "Portcullis sends X-Auth-Request-User, -Email, -Groups and -Preferred-Username, not {}",
        unknown.join(", ")
    );
    (Outcome::NeedsYou, why)
}

// === impl Restrictions ===

impl Restrictions {
    /// Those in the query of a URL.
    fn of(url: &str) -> Self {
        let mut restrictions = Self::default();
        let Ok(url) = Url::parse(url) else {
            return restrictions;
        };
        for (name, value) in url.query_pairs() {
            let list = match &*name {
                "allowed_groups" => &mut restrictions.groups,
                "allowed_emails" => &mut restrictions.emails,
                "allowed_email_domains" => &mut restrictions.email_domains,
                _ => {
                    restrictions.ignored.push(name.into_owned());
                    continue;
                }
            };
            let items = value.split(',').filter(|item| !item.is_empty());
            list.extend(items.map(str::to_owned));
        }
        restrictions
    }

    /// Whether nothing is required.
    pub(in crate::migration::oauth2_proxy) const fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.emails.is_empty() && self.email_domains.is_empty()
    }
}
