//! The table of all settings: the path in the file, from which the flag and the variable are derived.

/// The settings of a command.
#[derive(Debug)]
pub(super) struct SettingsTable {
    /// The command.
    pub(super) command: &'static str,
    pub(super) settings: &'static [Setting],
    /// Whether each setting has a flag.
    pub(super) has_flags: bool,
    /// The help for an empty file.
    pub(super) empty: &'static str,
}

/// One setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its path in the file. `providers[]` means each provider, `*` any name.
    pub(super) path: &'static str,
    pub(super) shape: Shape,
    /// The placeholder of a value in `--help`.
    pub(super) value: &'static str,
    /// The description, with the default.
    pub(super) help: &'static str,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// `true` or `false`.
    Boolean,
    /// A list of strings, comma-separated on the command line.
    List,
    /// A mapping of any names to strings: `NAME=VALUE`, comma-separated on the command line.
    Map,
    /// A string for each name: `NAME=VALUE`, comma-separated on the command line.
    Named,
    /// An integer.
    Number,
    /// A string.
    Text,
}

use Shape::{Boolean, List, Map, Named, Number, Text};

/// The settings of `serve`.
pub(super) const SERVE: SettingsTable = SettingsTable {
    command: "serve",
    settings: SETTINGS,
    has_flags: true,
    empty: "write a configuration; `portcullis serve --help` shows one",
};

/// All settings of `serve`, in the order of `--help` and of the documentation.
#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    setting("url", Text, "URL", "The public URL of the companion, `https` and a host; the policy's `sso.url`"),
    setting("listen", Text, "ADDRESS", "The listen address: an address and a port, or `unix:` and a path [default: 127.0.0.1:4180]"),
    setting("listen_mode", Text, "MODE", "The octal file mode of the unix socket [default: 0660]"),
    setting("metrics", Text, "ADDRESS", "The listen address of `/metrics`, `/ping` and `/ready` [default: none]"),
    setting("policy", Text, "FILE", "The policy file or folder, the same policy that the filter has; reloaded when it changes"),
    setting("providers[].name", Text, "NAME", "The provider's name, which rules use in `from` [default: sso]"),
    setting("providers[].issuer", Text, "URL", "The provider's issuer URL, as in `iss` of its tokens"),
    setting("providers[].client_id", Text, "ID", "The OAuth client ID"),
    setting("providers[].client_secret_file", Text, "FILE", "A file with the OAuth client secret; read for each use [default: a public client]"),
    setting("providers[].client_assertion_file", Text, "FILE", "A file with a JWT that authenticates the client instead of a secret (RFC 7523), such as a projected service account token; read for each use"),
    setting("providers[].audiences", List, "AUDIENCES", "Further audiences of ID tokens that are trusted, besides the client ID [default: none]"),
    setting("providers[].scopes", List, "SCOPES", "The OAuth scopes to request [default: openid,email,profile]"),
    setting("providers[].groups_claim", List, "NAMES", "The groups claim: its name, or the path of names that leads to it [default: groups]"),
    setting("providers[].trust_unverified_email", Boolean, "BOOLEAN", "`true`: email addresses count whatever `email_verified` says [default: false]"),
    setting("providers[].ca_file", Text, "FILE", "The CAs to trust instead of the system's, as PEM"),
    setting("providers[].discovery", Text, "URL", "The URL of the provider's metadata [default: the issuer and `/.well-known/openid-configuration`]"),
    setting("providers[].algorithms", List, "ALGORITHMS", "The accepted signature algorithms of ID tokens [default: those of the provider's metadata]"),
    setting("providers[].tenants", List, "IDS", "For Entra ID: the accepted tenants, whose IDs replace `{tenantid}` in `issuer` [default: none]"),
    setting("providers[].authorize_params", Map, "NAME=VALUE", "Parameters to add to the authorization request [default: none]"),
    setting("providers[].end_session", Text, "BOOLEAN|URL", "`false`: users are not signed out at the provider; a URL: where they are, by a GET [default: true]"),
    setting("providers[].timeout", Text, "DURATION", "The timeout of a request to the provider, and of a whole refresh [default: 10s]"),
    setting("providers[].proxy", Text, "URL", "The HTTP proxy for requests to the provider [default: HTTPS_PROXY and NO_PROXY]"),
    setting("session.keys_file", Text, "FILE", "The file of sealing and signing keys, created by `portcullis session-keys`; reloaded when it changes"),
    setting("session.state_file", Text, "FILE", "The file of revoked sessions [default: the keys file's name and `.state`]"),
    setting("session.lifetime", Text, "DURATION", "The maximum lifetime of a session [default: 12h]"),
    setting("session.idle", Text, "DURATION", "The maximum time between requests [default: 1h]"),
    setting("session.token", Text, "DURATION", "The lifetime of a session token; the filter refreshes it afterwards [default: 5m]"),
    setting("session.groups", Text, "KIND", "`all`, or `policy` to keep only groups that rules name; what is too large for cookies is always cut to these [default: all]"),
    setting("session.store", Text, "URL", "`cookie`, `file:` and the path of a database for one replica, or a `redis://`, `redis-sentinel://` or `redis-cluster://` URL; `rediss…` is TLS [default: cookie]"),
    setting("session.redis.username", Text, "NAME", "The Redis user [default: Redis's default user]"),
    setting("session.redis.password_file", Text, "FILE", "A file with the Redis password; read for each new connection"),
    setting("session.redis.ca_file", Text, "FILE", "The CAs to trust instead of the system's, as PEM"),
    setting("session.redis.sentinel_username", Text, "NAME", "The user at the sentinels [default: Redis's default user]"),
    setting("session.redis.sentinel_password_file", Text, "FILE", "A file with the password of the sentinels; read for each new connection"),
    setting("session.cookie.domain", Text, "DOMAIN", "The cookie domain, which covers the companion and every app with sign-in"),
    setting("session.cookie.same_site", Text, "KIND", "`lax`, or `none` for apps in frames of other sites [default: lax]"),
    setting("trust.*.connect", Named, "NAME=ADDRESS", "The address of a trust entry's issuer [default: that of its URL]"),
    setting("trust.*.ca_file", Named, "NAME=FILE", "The CAs to trust there instead of the system's, as PEM"),
    setting("trust.*.token_file", Named, "NAME=FILE", "A file with a bearer token to send there; read for each request"),
    setting("redirect_hosts", List, "HOSTS", "The allowed hosts of `rd`: `app.example.com`, `*.example.com` for one more label, `.example.com` for all subdomains; with a port, targets may have it [default: the policy's hosts]"),
    setting("trusted_proxies", List, "NETWORKS", "The proxies whose `X-Original-*` and `X-Forwarded-*` are trusted: addresses, networks, `unix` [default: none]"),
    setting("tls.cert", Text, "FILE", "The certificate chain, as PEM; reloaded when it changes"),
    setting("tls.key", Text, "FILE", "The private key, as PEM; reloaded when it changes"),
    setting("log.format", Text, "FORMAT", "`json` or `text` [default: json]"),
    setting("log.level", Text, "LEVEL", "`error`, `warn`, `info` or `debug` [default: info]"),
    setting("limits.connections", Number, "COUNT", "The maximum number of connections, and of concurrent requests, until their responses are sent [default: 4096]"),
    setting("limits.header_bytes", Number, "BYTES", "The maximum size of a request's header [default: 65536]"),
    setting("limits.body_bytes", Number, "BYTES", "The maximum size of a request's body [default: 65536]"),
    setting("limits.handshake", Text, "DURATION", "The timeout of a TLS handshake [default: 10s]"),
    setting("limits.header", Text, "DURATION", "The timeout for receiving a request's header [default: 10s]"),
    setting("limits.request", Text, "DURATION", "The timeout of a request, including its body, and then of sending the response [default: 30s]"),
    setting("limits.idle", Text, "DURATION", "The timeout of an idle connection [default: 75s]"),
    setting("limits.shutdown", Text, "DURATION", "The time for requests in flight to finish at shutdown [default: 20s]"),
];

pub(super) const fn setting(
    path: &'static str,
    shape: Shape,
    value: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        path,
        shape,
        value,
        help,
    }
}

// === impl Setting ===

impl Setting {
    /// Its flag without the dashes: `session-cookie-domain`. The flags configure one provider.
    pub(super) fn flag(&self) -> String {
        let path = self.path.replace("providers[]", "provider");
        path.replace(".*", "").replace(['.', '_'], "-")
    }

    /// Its variable: `PORTCULLIS_SESSION_COOKIE_DOMAIN`.
    pub(super) fn variable(&self) -> String {
        let flag = self.flag().replace('-', "_");
        format!("PORTCULLIS_{}", flag.to_ascii_uppercase())
    }
}
