//! The table of the settings in the file.

use crate::config::settings::Shape::{Boolean, List, Number, Text};
use crate::config::settings::{Setting, SettingsTable, setting};

/// The settings of `attach`.
pub(super) const ATTACH: SettingsTable = SettingsTable {
    command: "attach",
    settings: SETTINGS,
    has_flags: false,
    empty: "write a configuration; `portcullis attach --help` shows one",
};

/// All settings, in the order of the documentation.
#[rustfmt::skip]
const SETTINGS: &[Setting] = &[
    setting("forwards[].listen", Text, "ADDRESS", "The listen address: an address and a port, or `unix:` and a path"),
    setting("forwards[].to", Text, "URL", "The target: `https`, or `http` with an address of loopback; its path is put in front of each request's"),
    setting("forwards[].connect", Text, "ADDRESS", "The host and the port of every connection, instead of the target's; its certificate is still for the target's host [default: that of the target]"),
    setting("forwards[].token_file", Text, "FILE", "The file of the token [default: `token_file`]"),
    setting("forwards[].ca_file", Text, "FILE", "The CAs to trust instead of the system's, as PEM [default: `ca_file`]"),
    setting("forwards[].keep_headers", List, "NAMES", "Credentials of the client to forward: `Cookie`, `Proxy-Authorization` [default: `keep_headers`]"),
    setting("token_file", Text, "FILE", "The file of the token for all forwards without one; read again when it changes"),
    setting("ca_file", Text, "FILE", "The CAs for all forwards without their own; reloaded when it changes [default: the system's]"),
    setting("keep_headers", List, "NAMES", "Credentials of the client to forward, for all forwards without a list [default: none]"),
    setting("allow_remote", Boolean, "BOOLEAN", "`true`: listen addresses may be reachable from other machines [default: false]"),
    setting("listen_mode", Text, "MODE", "The octal file mode of unix sockets [default: 0660]"),
    setting("metrics", Text, "ADDRESS", "The listen address of `/metrics`, `/ping` and `/ready` [default: none]"),
    setting("log.format", Text, "FORMAT", "`json` or `text` [default: json]"),
    setting("log.level", Text, "LEVEL", "`error`, `warn`, `info` or `debug` [default: info]"),
    setting("limits.connections", Number, "COUNT", "The maximum number of connections of each forward, and of its concurrent requests [default: 256]"),
    setting("limits.header_bytes", Number, "BYTES", "The maximum size of the header of a request or a response [default: 65536]"),
    setting("limits.connect", Text, "DURATION", "The timeout for connecting to the target, including TLS [default: 10s]"),
    setting("limits.header", Text, "DURATION", "The timeout for receiving a request's header [default: 10s]"),
    setting("limits.request", Text, "DURATION", "The time in which the target must begin its response, and the client send and receive what is next of a body [default: 120s]"),
    setting("limits.idle", Text, "DURATION", "The timeout of an idle connection, also to the target [default: 75s]"),
    setting("limits.shutdown", Text, "DURATION", "The time for requests in flight to finish at shutdown [default: 20s]"),
];
