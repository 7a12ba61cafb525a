//! Every setting, once: its place in the file, from which its flag and its variable follow.

/// One setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its place in the file. `providers[]` stands for each provider, `*` for any name.
    pub(super) path: &'static str,
    pub(super) shape: Shape,
    /// What a value looks like.
    pub(super) value: &'static str,
    /// What it is for, and its default.
    pub(super) help: &'static str,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// A list of texts; commas part it on a command line.
    List,
    /// A text for each name: `NAME=VALUE` on a command line, commas between them.
    Named,
    /// A whole number.
    Number,
    /// A text.
    Text,
}

use Shape::{List, Named, Number, Text};

/// All of them, in the order in which the help and the documentation tell them.
#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    setting("url", Text, "URL", "Where a browser meets the companion: `https` and a host, the policy's `sso.url`"),
    setting("listen", Text, "ADDRESS", "Where it listens: an address and a port, or `unix:` and a path [default: 127.0.0.1:4180]"),
    setting("listen_mode", Text, "MODE", "Who may use the unix socket, as `chmod` takes it [default: 0660]"),
    setting("metrics", Text, "ADDRESS", "Where `/metrics` listens, with `/ping` and `/ready` beside it [default: nowhere]"),
    setting("policy", Text, "FILE", "The policy, the same document that the filter has; watched"),
    setting("providers[].name", Text, "NAME", "What rules call the provider in `from` [default: sso]"),
    setting("providers[].issuer", Text, "URL", "The provider's issuer, as its tokens have it in `iss`"),
    setting("providers[].client_id", Text, "ID", "What the provider calls the companion"),
    setting("providers[].client_secret_file", Text, "FILE", "The client's secret; read whenever it is needed [default: a public client]"),
    setting("providers[].scopes", List, "SCOPES", "What is asked for [default: openid,email,profile]"),
    setting("providers[].groups_claim", List, "NAMES", "The claim that lists a person's groups: a name, or the names that lead to it [default: groups]"),
    setting("providers[].ca_file", Text, "FILE", "Whom to trust instead of the system's CAs, as PEM"),
    setting("session.keys_file", Text, "FILE", "The keys that seal and sign, made by `portcullis session-keys`; watched"),
    setting("session.state_file", Text, "FILE", "SessionHandles of ended sessions [default: the keys file's name and `.state`]"),
    setting("session.lifetime", Text, "DURATION", "How long a session lasts at most [default: 12h]"),
    setting("session.idle", Text, "DURATION", "How long a session lasts unused [default: 1h]"),
    setting("session.token", Text, "DURATION", "How long a filter takes a session token before it has it refreshed [default: 5m]"),
    setting("session.store", Text, "URL", "`cookie`, or `redis://`, `redis-sentinel://` or `redis-cluster://` and where; `rediss…` is TLS [default: cookie]"),
    setting("session.redis.username", Text, "NAME", "Who the companion is to Redis [default: Redis's own default user]"),
    setting("session.redis.password_file", Text, "FILE", "Its password; read for each new connection"),
    setting("session.redis.ca_file", Text, "FILE", "Whom to trust instead of the system's CAs, as PEM"),
    setting("session.cookie.domain", Text, "DOMAIN", "The domain that holds the companion and every app that admits people"),
    setting("session.cookie.same_site", Text, "KIND", "`lax`, or `none` for apps in frames of other sites [default: lax]"),
    setting("trust.*.connect", Named, "NAME=ADDRESS", "Where the companion reaches the issuer of a trust entry [default: its own URL]"),
    setting("trust.*.ca_file", Named, "NAME=FILE", "Whom to trust there instead of the system's CAs, as PEM"),
    setting("trust.*.token_file", Named, "NAME=FILE", "A bearer token to show there; read for each request"),
    setting("redirect_hosts", List, "HOSTS", "Where people may be sent back: `app.example.com`, `*.example.com` for one label, `.example.com` for any [default: the policy's hosts]"),
    setting("trusted_proxies", List, "NETWORKS", "Whose `X-Original-*` and `X-Forwarded-*` count: addresses, networks, `unix` [default: nobody's]"),
    setting("tls.cert", Text, "FILE", "The certificate and its chain, as PEM; watched"),
    setting("tls.key", Text, "FILE", "Its private key, as PEM; watched"),
    setting("log.format", Text, "FORMAT", "`json` or `text` [default: json]"),
    setting("log.level", Text, "LEVEL", "`error`, `warn`, `info` or `debug` [default: info]"),
    setting("limits.connections", Number, "COUNT", "Connections at a time, and as many requests [default: 4096]"),
    setting("limits.header_bytes", Number, "BYTES", "The longest header of a request [default: 65536]"),
    setting("limits.body_bytes", Number, "BYTES", "The longest body of a request [default: 65536]"),
    setting("limits.handshake", Text, "DURATION", "How long a TLS handshake may take [default: 10s]"),
    setting("limits.header", Text, "DURATION", "How long a client may take to send a request's header [default: 10s]"),
    setting("limits.request", Text, "DURATION", "How long a request may take, its body included [default: 30s]"),
    setting("limits.idle", Text, "DURATION", "How long a connection may wait for its next request [default: 75s]"),
    setting("limits.shutdown", Text, "DURATION", "How long requests may go on when the companion is to stop [default: 20s]"),
];

const fn setting(
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
    /// Its flag, without the dashes in front: `session-cookie-domain`. The flags speak of one
    /// provider.
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
