//! Bearer tokens: the issuers that vouch for callers.

use url::Url;

use super::companion::Block;
use super::provider::{Provider, path};
use super::{Mapping, PROVIDER, commented, probe};
use crate::migration::oauth2_proxy::outcome::Outcome;
use crate::migration::oauth2_proxy::tree::{Commented, Tree, fields, text, texts};

/// A trust entry.
#[derive(Debug)]
pub(super) struct Trust {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) tree: Commented,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Its callers are service accounts.
    Kubernetes,
    Oidc,
    /// The provider's own ID tokens.
    Provider,
}

/// Maps the issuers of bearer tokens.
pub(super) fn map(mapping: &mut Mapping<'_>, provider: &Provider) -> Vec<Trust> {
    let flag = "extra-jwt-issuers";
    if !mapping.is_on("skip-jwt-bearer-tokens") {
        let why = "bearer tokens were not accepted: --skip-jwt-bearer-tokens is off";
        mapping.say(flag, Outcome::Dropped, "", why);
        mapping.say(
            "skip-jwt-bearer-tokens",
            Outcome::Kept,
            "",
            "no trust entry",
        );
        return Vec::new();
    }
    let mut trusts = extra(mapping);
    if let (Some(issuer), Some(client)) = (&provider.issuer, &provider.client_id) {
        let mut audiences = vec![client.as_str()];
        audiences.extend(mapping.list("oidc-extra-audience"));
        let name = unique("sso-tokens", &trusts);
        let comment = format!(
            "The provider's own ID tokens as bearer tokens, which {} accepts: remove this entry, and its name in \
             the rules, if no program uses them.",
            mapping.name("skip-jwt-bearer-tokens")
        );
        match entry(mapping, &name, Kind::Provider, issuer, &audiences) {
            Ok(tree) => trusts.push(Trust {
                name,
                kind: Kind::Provider,
                tree: commented(tree, vec![comment]),
            }),
            Err(problem) => {
                let why = format!(
                    "the provider's ID tokens are not accepted as bearer tokens: {problem}"
                );
                mapping.needs_you("skip-jwt-bearer-tokens", "trust[]", &why);
            }
        }
    }
    let why = "bearer tokens are accepted where a trust entry and a rule say so";
    mapping.say("skip-jwt-bearer-tokens", Outcome::Kept, "trust[]", why);
    trusts
}

/// The issuers of `--extra-jwt-issuers`.
fn extra(mapping: &mut Mapping<'_>) -> Vec<Trust> {
    let flag = "extra-jwt-issuers";
    let mut pairs: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut problems = Vec::new();
    for pair in mapping.list(flag) {
        match pair.split_once('=') {
            Some((issuer, audience)) if !issuer.is_empty() && !audience.is_empty() => {
                match pairs.iter_mut().find(|(own, _)| *own == issuer) {
                    Some((_, audiences)) => audiences.push(audience),
                    None => pairs.push((issuer, vec![audience])),
                }
            }
            _ => problems.push(format!("`{pair}` is not `ISSUER=AUDIENCE`")),
        }
    }
    let mut trusts: Vec<Trust> = Vec::new();
    let mut kinds = Vec::new();
    for (issuer, audiences) in pairs {
        let kind = kind(issuer);
        let name = unique(&name(issuer), &trusts);
        match entry(mapping, &name, kind, issuer, &audiences) {
            Ok(tree) => {
                let assumed = match kind {
                    Kind::Kubernetes => {
                        "`kind: kubernetes` because its name looks like a cluster's: callers are \
                                         service accounts. For anything else, write `oidc`."
                    }
                    Kind::Oidc | Kind::Provider => {
                        "`kind: oidc` because its name does not look like a cluster's. \
                                                    For a cluster, write `kubernetes`."
                    }
                };
                let comment = format!("From {}: {issuer}. {assumed}", mapping.name(flag));
                kinds.push(format!("{issuer} is taken for `{}`", kind.name()));
                trusts.push(Trust {
                    name: name.clone(),
                    kind,
                    tree: commented(tree, vec![comment]),
                });
                reach(mapping, &name);
            }
            Err(problem) => problems.push(format!("{issuer}: {problem}")),
        }
    }
    if !problems.is_empty() {
        mapping.needs_you(flag, "trust[]", &problems.join("; "));
    }
    if !kinds.is_empty() {
        mapping.say(flag, Outcome::Changed, "trust[]", &kinds.join("; "));
    }
    trusts
}

/// A trust entry. An error says why it would not be accepted.
fn entry(
    mapping: &Mapping<'_>,
    name: &str,
    kind: Kind,
    issuer: &str,
    audiences: &[&str],
) -> Result<Tree, String> {
    let mut unique: Vec<&str> = Vec::new();
    for audience in audiences {
        if !unique.contains(audience) {
            unique.push(audience);
        }
    }
    let mut entry = fields([
        ("name", text(name)),
        ("kind", text(kind.name())),
        ("issuer", text(issuer)),
        ("audiences", texts(unique)),
    ]);
    let mut keys = fields([("envoy_cluster", text(name))]);
    if kind == Kind::Provider
        && let Some(url) = mapping.text("oidc-jwks-url")
    {
        keys.put("jwks", text(url));
    }
    entry.put("keys", keys);
    if kind != Kind::Kubernetes {
        let mut claims = Tree::Map(Vec::new());
        for (flag, claim) in [
            ("oidc-groups-claim", "groups"),
            ("oidc-email-claim", "email"),
        ] {
            if let Some(value) = mapping.text(flag).filter(|value| *value != claim) {
                claims.put(claim, path(value));
            }
        }
        if !claims.is_empty() {
            entry.put("claims", claims);
        }
        if mapping.is_on("insecure-oidc-allow-unverified-email") && kind == Kind::Provider {
            entry.put("trust_unverified_email", Tree::Flag(true));
        }
    }
    match probe::trust(&entry) {
        None => Ok(entry),
        Some(problem) => Err(problem),
    }
}

/// How the companion reaches an issuer: oauth2-proxy has one set of CAs for all.
fn reach(mapping: &mut Mapping<'_>, name: &str) {
    let flag = "provider-ca-file";
    let Some(file) = mapping.list(flag).first().copied() else {
        return;
    };
    let comment = format!(
        "From {}, which is for all issuers there.",
        mapping.name(flag)
    );
    let entry = fields([("ca_file", text(file))]);
    mapping
        .companion
        .put(Block::Trust, name, Some(flag), entry.because(comment));
    mapping.say(
        flag,
        Outcome::Kept,
        "providers[0].ca_file, trust.*.ca_file",
        "",
    );
}

/// What kind of issuer it is: nothing in the options says so, only its name.
fn kind(issuer: &str) -> Kind {
    let host = Url::parse(issuer).ok();
    let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
    let is_known = (host.starts_with("oidc.eks.") && host.ends_with(".amazonaws.com"))
        || host == "container.googleapis.com"
        || host.ends_with(".oic.prod-aks.azure.com");
    let is_named = host.split('.').any(|label| {
        label.contains("kubernetes") || label.contains("k8s") || label.contains("kube-")
    });
    let is_in_path = issuer.contains("/id/") && host.contains("eks");
    if is_known || is_named || is_in_path {
        Kind::Kubernetes
    } else {
        Kind::Oidc
    }
}

/// A name for an issuer: the first label of its host.
fn name(issuer: &str) -> String {
    let host = Url::parse(issuer).ok();
    let host = host.as_ref().and_then(Url::host_str).unwrap_or("issuer");
    super::apps::name(host.split('.').next().unwrap_or(host))
}

/// The name, with a number if another entry or the provider has it.
fn unique(name: &str, trusts: &[Trust]) -> String {
    let is_free = |name: &str| name != PROVIDER && trusts.iter().all(|trust| trust.name != name);
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| is_free(name)).unwrap_or_default()
}

// === impl Kind ===

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Oidc | Self::Provider => "oidc",
        }
    }
}
