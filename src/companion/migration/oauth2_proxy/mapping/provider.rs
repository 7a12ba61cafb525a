//! The OpenID provider.

use super::companion::Block;
use super::{Mapping, PROVIDER, UNKNOWN_HOST};
use crate::migration::oauth2_proxy::outcome::Outcome;
use crate::migration::oauth2_proxy::tree::{Tree, text, texts};

/// What the provider is, for rules and trust entries.
#[derive(Debug)]
pub(super) struct Provider {
    /// Its type there, such as `gitlab`.
    pub(super) kind: String,
    /// Its issuer, if it is known.
    pub(super) issuer: Option<String>,
    pub(super) client_id: Option<String>,
}

/// Whether a type of provider is an OpenID provider, and its issuer if all have the same.
enum Openid {
    /// The option `oidc-issuer-url` has it.
    Configured,
    Known(&'static str),
    /// It is none.
    No(&'static str),
}

/// Maps the provider.
pub(super) fn map(mapping: &mut Mapping<'_>) -> Provider {
    let kind = mapping.text("provider").unwrap_or("google").to_owned();
    let issuer = issuer(mapping, &kind);
    let is_known = issuer.is_some();
    let written = issuer
        .clone()
        .unwrap_or_else(|| ["https://", UNKNOWN_HOST].concat());
    let comment = if is_known && mapping.set("oidc-issuer-url").is_some() {
        format!("The provider: from {}.", mapping.name("oidc-issuer-url"))
    } else if is_known {
        format!(
            "The provider: {kind}, from {} or its default.",
            mapping.name("provider")
        )
    } else {
        "Change this: the issuer of the OpenID provider.".to_owned()
    };
    let flag = Some("oidc-issuer-url");
    mapping.companion.put(
        Block::Provider,
        "issuer",
        flag,
        text(written).because(comment),
    );
    let client_id = client(mapping);
    ca(mapping);
    requests(mapping, &kind);
    tokens(mapping);
    Provider {
        kind,
        issuer,
        client_id,
    }
}

/// The issuer, if it is known.
fn issuer(mapping: &mut Mapping<'_>, kind: &str) -> Option<String> {
    let openid = match kind {
        "oidc" | "gitlab" | "keycloak-oidc" | "adfs" | "cidaas" => Openid::Configured,
        "entra-id" | "azure" => return entra(mapping),
        "google" => Openid::Known("https://accounts.google.com"),
        "linkedin" => Openid::Known("https://www.linkedin.com/oauth"),
        "login.gov" => Openid::Known("https://secure.login.gov/"),
        "keycloak" => {
            Openid::No("Keycloak is an OpenID provider: its issuer is `https://HOST/realms/REALM`")
        }
        "nextcloud" => {
            Openid::No("Nextcloud is an OpenID provider with its app `oidc`: write its issuer")
        }
        "bitbucket" | "digitalocean" | "facebook" | "github" | "sourcehut" => Openid::No(
            "it is no OpenID provider: put one such as Dex in front, and write its issuer",
        ),
        _ => Openid::No(
            "oauth2-proxy 7.15 has no such provider: write the issuer of an OpenID provider",
        ),
    };
    let configured = mapping.text("oidc-issuer-url");
    match (openid, configured) {
        (Openid::No(why), _) => {
            mapping.needs_you("provider", "providers[0].issuer", why);
            mapping.say(
                "oidc-issuer-url",
                Outcome::Dropped,
                "",
                "this type of provider does not use it",
            );
            if mapping.set("provider").is_none() {
                mapping
                    .lines
                    .missing("provider", "providers[0].issuer", why);
            }
            None
        }
        (_, Some(issuer)) => Some(issuer.to_owned()),
        (Openid::Known(issuer), None) => {
            let why = format!("it is named by its issuer, {issuer}");
            mapping.say("provider", Outcome::Changed, "providers[0].issuer", &why);
            Some(issuer.to_owned())
        }
        (Openid::Configured, None) if kind == "gitlab" => {
            let why = "without --oidc-issuer-url it is https://gitlab.com";
            mapping.say("provider", Outcome::Changed, "providers[0].issuer", why);
            Some("https://gitlab.com".to_owned())
        }
        (Openid::Configured, None) => {
            let why = "write the issuer of the provider";
            mapping
                .lines
                .missing("oidc-issuer-url", "providers[0].issuer", why);
            None
        }
    }
}

/// The issuer of Entra ID: of one tenant, or the template for several.
fn entra(mapping: &mut Mapping<'_>) -> Option<String> {
    let tenants = mapping.list("entra-id-allowed-tenant");
    let configured = mapping.text("oidc-issuer-url").map(str::to_owned);
    if !tenants.is_empty() {
        mapping.companion.put(
            Block::Provider,
            "discovery",
            Some("entra-id-allowed-tenant"),
            text("https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration"),
        );
        let flag = "entra-id-allowed-tenant";
        mapping
            .companion
            .put(Block::Provider, "tenants", Some(flag), texts(tenants));
        let why = "the template for several tenants";
        mapping.say(
            "oidc-issuer-url",
            Outcome::Changed,
            "providers[0].issuer",
            why,
        );
        return Some("https://login.microsoftonline.com/{tenantid}/v2.0".to_owned());
    }
    let is_shared = |issuer: &str| {
        ["/common/", "/organizations/", "/consumers/"]
            .iter()
            .any(|part| issuer.contains(part))
    };
    if let Some(issuer) = configured {
        if is_shared(&issuer) {
            let why = "it is for all tenants: list those that you accept in `tenants`, with `issuer` as the template \
                       https://login.microsoftonline.com/{tenantid}/v2.0";
            mapping.needs_you("oidc-issuer-url", "providers[0].issuer", why);
            return None;
        }
        return Some(issuer);
    }
    let to = "providers[0].issuer";
    match mapping.text("azure-tenant") {
        Some(tenant) if !matches!(tenant, "common" | "organizations" | "consumers") => {
            let why =
                "version 2 of the endpoints: the app registration must issue version 2 tokens";
            mapping.say("azure-tenant", Outcome::Changed, to, why);
            Some(format!("https://login.microsoftonline.com/{tenant}/v2.0"))
        }
        _ => {
            let why =
                "write the issuer of your tenant, https://login.microsoftonline.com/TENANT/v2.0";
            mapping.needs_you("azure-tenant", to, why);
            mapping.lines.missing("oidc-issuer-url", to, why);
            None
        }
    }
}

/// The client, and how it authenticates.
fn client(mapping: &mut Mapping<'_>) -> Option<String> {
    let id = mapping.text("client-id").map(str::to_owned);
    let written = text(id.as_deref().unwrap_or(UNKNOWN_HOST));
    let written = match &id {
        Some(_) => written.into(),
        None => {
            let why = "write the OAuth client ID";
            mapping
                .lines
                .missing("client-id", "providers[0].client_id", why);
            written.because("Change this: the OAuth client ID.")
        }
    };
    mapping
        .companion
        .put(Block::Provider, "client_id", Some("client-id"), written);
    let to = "providers[0].client_secret_file";
    if mapping.is_on("entra-id-federated-token-auth") {
        let path = "/var/run/secrets/azure/tokens/azure-identity-token";
        let flag = Some("entra-id-federated-token-auth");
        mapping
            .companion
            .put(Block::Provider, "client_assertion_file", flag, text(path));
        return id;
    }
    // As oauth2-proxy does, which uses the secret itself if it has both.
    if let (None, Some(path)) = (
        mapping.set("client-secret"),
        mapping.text("client-secret-file"),
    ) {
        let flag = Some("client-secret-file");
        mapping
            .companion
            .put(Block::Provider, "client_secret_file", flag, text(path));
    } else if mapping.text("provider") != Some("login.gov") {
        let why = "write the secret to the file `client-secret` beside companion.yaml, mode 0600, without a line \
                   break: `install -m 600 /dev/null client-secret`, then `printf %s \"$SECRET\" > client-secret`";
        if mapping.set("client-secret").is_some() {
            mapping.needs_you("client-secret", to, why);
            let why = "oauth2-proxy uses `client-secret` instead";
            mapping.say("client-secret-file", Outcome::Dropped, "", why);
        } else {
            mapping.lines.missing("client-secret", to, why);
        }
        let file = text("client-secret")
            .because("Make this file: the secret of the client, and nothing else.");
        mapping
            .companion
            .put(Block::Provider, "client_secret_file", None, file);
    }
    id
}

/// The CAs of the provider.
fn ca(mapping: &mut Mapping<'_>) {
    let flag = "provider-ca-file";
    let files = mapping.list(flag);
    let Some(first) = files.first() else {
        mapping.say(
            "use-system-trust-store",
            Outcome::Kept,
            "",
            "the system's CAs are the default",
        );
        return;
    };
    let comment = format!("From {}.", mapping.name(flag));
    mapping.companion.put(
        Block::Provider,
        "ca_file",
        Some(flag),
        text(*first).because(comment),
    );
    if files.len() > 1 {
        let why = "`ca_file` is one file: write all certificates into it";
        mapping.needs_you(flag, "providers[0].ca_file", why);
    }
    if mapping.is_on("use-system-trust-store") {
        let why =
            "`ca_file` replaces the system's CAs: if they are needed too, add them to this file";
        mapping.say(
            "use-system-trust-store",
            Outcome::Changed,
            "providers[0].ca_file",
            why,
        );
    } else {
        mapping.say(
            "use-system-trust-store",
            Outcome::Kept,
            "",
            "off, as it is here",
        );
    }
}

/// What is requested at the provider.
fn requests(mapping: &mut Mapping<'_>, kind: &str) {
    if let Some(scope) = mapping.text("scope") {
        let mut scopes: Vec<&str> = scope.split_whitespace().collect();
        if !scopes.contains(&"openid") {
            scopes.insert(0, "openid");
            let why = "with `openid`, which OpenID Connect requires";
            mapping.say("scope", Outcome::Changed, "providers[0].scopes", why);
        }
        mapping
            .companion
            .put(Block::Provider, "scopes", Some("scope"), texts(scopes));
    }
    let mut parameters = Tree::Map(Vec::new());
    if kind == "google" {
        let comment = "So that Google issues a refresh token, as oauth2-proxy requests it.";
        parameters.put("access_type", text("offline").because(comment));
    }
    for (flag, name) in [("prompt", "prompt"), ("acr-values", "acr_values")] {
        let Some(value) = mapping.text(flag) else {
            continue;
        };
        if flag == "prompt"
            && value
                .split_whitespace()
                .any(|one| one.eq_ignore_ascii_case("none"))
        {
            let why = "`none` makes each sign-in fail for users whom the provider must ask";
            mapping.needs_you(flag, "providers[0].authorize_params", why);
        } else {
            parameters.put(name, text(value));
        }
    }
    if !parameters.is_empty() {
        mapping.companion.put(
            Block::Provider,
            "authorize_params",
            Some("prompt"),
            parameters,
        );
    }
    if let Some(url) = mapping.text("backend-logout-url")
        && !url.contains("{id_token}")
    {
        let why = "if the provider's metadata has no `end_session_endpoint`, write this URL to `end_session`: the \
                   browser visits it";
        mapping.say(
            "backend-logout-url",
            Outcome::Changed,
            "providers[0].end_session",
            why,
        );
    }
}

/// How its tokens are read.
fn tokens(mapping: &mut Mapping<'_>) {
    if let Some(claim) = mapping.text("oidc-groups-claim")
        && claim != "groups"
    {
        let flag = Some("oidc-groups-claim");
        mapping
            .companion
            .put(Block::Provider, "groups_claim", flag, path(claim));
    }
    let audiences = mapping.list("oidc-extra-audience");
    if !audiences.is_empty() {
        let flag = Some("oidc-extra-audience");
        mapping
            .companion
            .put(Block::Provider, "audiences", flag, texts(audiences));
    }
    let algorithms = mapping.list("oidc-enabled-signing-alg");
    if !algorithms.is_empty() {
        let flag = Some("oidc-enabled-signing-alg");
        mapping
            .companion
            .put(Block::Provider, "algorithms", flag, texts(algorithms));
    }
    if mapping.is_on("insecure-oidc-allow-unverified-email") {
        let flag = Some("insecure-oidc-allow-unverified-email");
        mapping.companion.put(
            Block::Provider,
            "trust_unverified_email",
            flag,
            Tree::Flag(true),
        );
    } else {
        mapping.say(
            "insecure-oidc-allow-unverified-email",
            Outcome::Kept,
            "",
            "off, as it is here",
        );
    }
    match mapping.text("oidc-email-claim") {
        None | Some("email") => {
            mapping.say("oidc-email-claim", Outcome::Kept, "", "always `email`")
        }
        Some(_) => {
            let why =
                "at sign-in the claim is always `email`: match another one by `claim` in the rules";
            mapping.needs_you("oidc-email-claim", "apps[].rules[].allow[]", why);
        }
    }
    match mapping.list("oidc-audience-claim").as_slice() {
        [] | ["aud"] => mapping.say("oidc-audience-claim", Outcome::Kept, "", "always `aud`"),
        _ => {
            let why = "the audience is always `aud`: match another claim by `claim` in the rules";
            mapping.needs_you("oidc-audience-claim", "apps[].rules[].allow[]", why);
        }
    }
    if let Some("plain") = mapping.text("code-challenge-method") {
        let why = "PKCE is always used, with S256";
        mapping.say("code-challenge-method", Outcome::Changed, "", why);
    }
    let display = format!(
        "the provider is `{PROVIDER}` in rules, and with one provider no page shows its name"
    );
    mapping.say("provider-display-name", Outcome::Dropped, "", &display);
}

/// A claim, whose name may be a path there.
pub(super) fn path(claim: &str) -> Tree {
    if claim.contains("://") || !claim.contains('.') {
        text(claim)
    } else {
        texts(claim.split('.'))
    }
}
