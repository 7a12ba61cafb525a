//! The schema of the policy.

use portcullis_core::policy::{Policy, Shape};
use portcullis_core::token::Algorithm;
use serde_json::{Map, Value, json};

use super::rule::{duration, each, filled, integer, name, one_of, pattern, text};
use super::{document, mapping, merge};
use crate::manifests::teams;

#[cfg(test)]
mod tests;

/// An issuer: `https`, a host, a path, and nothing else.
const ISSUER: &str = r"^https://[^\s/?#@]+(/[^\s?#]*)?$";

/// The URL of a document, which may have a query.
const URL: &str = r"^https://[^\s/?#@]+([/?][^\s#]*)?$";

/// The schema of the policy: a mapping, which a chart can embed.
pub(crate) fn policy() -> Value {
    let rules = rules();
    let mut root = schema("", Policy::SHAPE, &rules);
    let teams = schema("teams", teams::SHAPE, &rules);
    merge(&mut root, json!({"properties": {"teams": teams}}));
    document("Portcullis policy", root)
}

/// What is to be known about a field besides its type.
struct Rule {
    /// `apps[].rules[].name`: `[]` means each element.
    path: &'static str,
    /// What it means, for editors.
    about: &'static str,
    /// What its value must look like.
    rule: Value,
}

fn schema(path: &str, shape: Shape, rules: &[Rule]) -> Value {
    let text = json!({"type": "string"});
    let mut schema = match shape {
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Hosts => json!({"anyOf": [{"const": "any"}, {"type": "array", "items": text}]}),
        Shape::List(element) => {
            let items = schema(&format!("{path}[]"), *element, rules);
            json!({"type": "array", "items": items})
        }
        Shape::Number => json!({"type": "number"}),
        Shape::Object(fields) => {
            let fields = fields.iter().map(|(name, shape)| {
                let path = format!("{path}.{name}");
                let path = path.trim_start_matches('.');
                ((*name).to_owned(), schema(path, *shape, rules))
            });
            mapping(fields.collect::<Map<_, _>>())
        }
        Shape::String => text,
        // `Any`: its rule says what it may be.
        _ => json!({}),
    };
    // Shadow rules have the form of rules.
    let in_rule = path.replace("apps[].shadow_rules[]", "apps[].rules[]");
    for rule in rules.iter().filter(|rule| rule.path == in_rule) {
        if !rule.about.is_empty() {
            merge(&mut schema, json!({"description": rule.about}));
        }
        merge(&mut schema, rule.rule.clone());
    }
    schema
}

/// The rules of all fields.
fn rules() -> Vec<Rule> {
    let groups = [
        document_rules(),
        team_rules(),
        trust_rules(),
        key_rules(),
        app_rules(),
        entry_rules(),
    ];
    groups.into_iter().flatten().collect()
}

const fn field(path: &'static str, about: &'static str, rule: Value) -> Rule {
    Rule { path, about, rule }
}

/// A list of hosts, exact or with a wildcard for one label.
fn hosts() -> Value {
    let label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    let host = format!(r"^(\*\.)?{label}(\.{label})*$");
    let host = json!({"type": "string", "pattern": host, "maxLength": 255});
    json!({"type": "array", "minItems": 1, "uniqueItems": true, "items": host})
}

/// A text of at most this many visible characters, and not only spaces.
fn visible(most: usize) -> Value {
    let pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^ \x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
    json!({"pattern": pattern, "maxLength": most})
}

/// The fields at the top, `sso` and `audit`.
fn document_rules() -> Vec<Rule> {
    let level = || one_of(&["debug", "info", "warn", "error", "off"]);
    let url = r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$";
    let cookie = r"^__(Secure|Host)-[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
    vec![
        field(
            "",
            "Whose tokens are accepted, how users sign in, and which callers may send which requests to which app",
            // In a folder, apps are in files of their own.
            json!({
                "if": {"required": ["teams"]},
                "then": {"not": {"required": ["apps"]}},
                "else": {"required": ["apps"]},
            }),
        ),
        field(
            "trust",
            "The trust entries: the issuers whose tokens are accepted",
            json!({}),
        ),
        field(
            "sso",
            "How users sign in; without it, nobody does",
            json!({"required": ["url", "envoy_cluster"]}),
        ),
        field(
            "sso.url",
            "The companion's public URL: `https://`, a host and optionally a port",
            pattern(url),
        ),
        field(
            "sso.envoy_cluster",
            "The Envoy cluster of the companion",
            text(),
        ),
        field(
            "sso.cookie",
            "The name of the session cookie; starts with `__Secure-` or `__Host-` [default: __Secure-portcullis]",
            json!({"pattern": cookie, "maxLength": 64}),
        ),
        field(
            "sso.providers",
            "The names of the companion's providers, as `from` uses them [default: [sso]]",
            json!({"minItems": 1, "uniqueItems": true, "items": name()}),
        ),
        field(
            "apps",
            "The protected apps; requests for other hosts are refused",
            json!({"minItems": 1}),
        ),
        field(
            "ungated",
            "Other hosts of a shared gateway, whose requests are forwarded without a decision about access",
            hosts(),
        ),
        field(
            "refuse_callers",
            "Callers that are refused whatever the rules say, by name: `TRUST/NAMESPACE/NAME`, or the trust entry or provider, `/` and the subject",
            json!({
                "uniqueItems": true,
                "items": {"type": "string", "pattern": "^[a-z0-9-]{1,63}/([!-$&-.0-~]|%[0-9A-F]{2}|/)+$"},
            }),
        ),
        field(
            "revision",
            "What its author calls this version of the policy, for example a commit: in audit records, start logs and `/ready`",
            visible(128),
        ),
        field(
            "audit",
            "The audit records: their log levels, and what they contain",
            json!({}),
        ),
        field(
            "audit.allowed",
            "The log level of allowed requests [default: info]",
            level(),
        ),
        field(
            "audit.refused",
            "The log level of refused requests [default: warn]",
            level(),
        ),
        field(
            "audit.access_log",
            "Whether the record is in filter state too, for access logs [default: false]",
            json!({}),
        ),
        field(
            "audit.people",
            "Personal data of the caller that the record has in addition to the subject [default: none]",
            each(one_of(&["email", "preferred_username"])),
        ),
        field(
            "max_token",
            "The maximum size of a bearer token in bytes [default: 16384]",
            integer(1024, 65_536),
        ),
    ]
}

/// A trust entry.
fn trust_rules() -> Vec<Rule> {
    let algorithms = Algorithm::ALL.map(Algorithm::name);
    let names_keys = json!({"properties": {"keys": {"anyOf": [{"required": ["jwks"]}, {"required": ["inline"]}]}}});
    let is_url = json!({"properties": {"issuer": {"pattern": ISSUER}, "former_issuers": {"items": {"pattern": ISSUER}}}});
    let is_cluster = json!({"properties": {"kind": {"const": "kubernetes"}}});
    let no_claims =
        json!({"properties": {"claims": false, "trust_unverified_email": {"const": false}}});
    let claim = || json!({"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}]});
    vec![
        field(
            "trust[]",
            "",
            json!({
                "required": ["name", "kind", "issuer", "audiences", "keys"],
                "allOf": [{"if": names_keys, "else": is_url}, {"if": is_cluster, "then": no_claims}],
            }),
        ),
        field(
            "trust[].name",
            "The first part of the caller's name; unique",
            name(),
        ),
        field(
            "trust[].kind",
            "The kind of issuer",
            one_of(&["kubernetes", "oidc"]),
        ),
        field(
            "trust[].issuer",
            "The exact value of `iss`: an `https` URL, or any text if `keys.jwks` or `keys.inline` is given",
            text(),
        ),
        field(
            "trust[].former_issuers",
            "Further accepted values of `iss`, for the time of a migration",
            each(text()),
        ),
        field(
            "trust[].audiences",
            "A token needs one of them in `aud`; never the API server's own",
            filled(text()),
        ),
        field(
            "trust[].algorithms",
            "The accepted algorithms [default: what each key specifies]",
            filled(one_of(&algorithms)),
        ),
        field(
            "trust[].leeway",
            "The tolerated clock skew: at most `5m` [default: 30s]",
            duration(),
        ),
        field(
            "trust[].max_lifetime",
            "The maximum lifetime of a token: at least `1s` [default: 24h]",
            duration(),
        ),
        field(
            "trust[].claims",
            "Where an OIDC token has its groups, email address and user name; not for `kubernetes`",
            json!({}),
        ),
        field(
            "trust[].claims.groups",
            "The groups: the name of the claim, or the list of names on the path to it [default: groups]",
            claim(),
        ),
        field(
            "trust[].claims.email",
            "The email address: the name of the claim, or the list of names on the path to it [default: email]",
            claim(),
        ),
        field(
            "trust[].claims.preferred_username",
            "The user name: the name of the claim, or the list of names on the path to it [default: preferred_username]",
            claim(),
        ),
        field(
            "trust[].trust_unverified_email",
            "`true` if an email address counts whatever `email_verified` says; not for `kubernetes` [default: false]",
            json!({}),
        ),
    ]
}

/// The teams of a policy in a folder.
fn team_rules() -> Vec<Rule> {
    let name_in_path = r"([^./][^/]*|\.[^./][^/]*|\.\.[^/]+)";
    let files = pattern(&format!("^apps(/{name_in_path})+$"));
    let unique = |element: Value| json!({"minItems": 1, "uniqueItems": true, "items": element});
    vec![
        field(
            "teams",
            "In a folder: which files may have which hosts, and what else their apps may do",
            json!({"minItems": 1}),
        ),
        field(
            "teams[]",
            "",
            json!({"required": ["name", "files", "hosts"]}),
        ),
        field("teams[].name", "The team's name; unique", name()),
        field(
            "teams[].files",
            "Patterns of its files, from the policy's folder on, like `apps/payments/**`",
            unique(files),
        ),
        field(
            "teams[].hosts",
            "The hosts that its apps may have: exact names, or `*.example.com` for exactly one label",
            hosts(),
        ),
        field(
            "teams[].from",
            "The trust entries and providers that its rules may name [default: none]",
            unique(name()),
        ),
        field(
            "teams[].public",
            "Whether its rules may admit everyone [default: false]",
            json!({}),
        ),
        field(
            "teams[].forward_authorization",
            "Whether its apps may receive the `Authorization` header [default: false]",
            json!({}),
        ),
    ]
}

/// The keys of a trust entry.
fn key_rules() -> Vec<Rule> {
    let mirrors = json!({"required": ["mirror"], "properties": {"mirror": {"const": true}}});
    let fetches = json!({"anyOf": [{"required": ["discovery"]}, {"required": ["jwks"]}, {"required": ["refresh"]}, {"required": ["max_stale"]}, mirrors]});
    let jwks = json!({"type": "object", "required": ["keys"], "properties": {"keys": {"type": "array", "minItems": 1, "items": {"type": "object"}}}});
    vec![
        field(
            "trust[].keys",
            "Where the issuer's keys come from",
            json!({
                "anyOf": [{"required": ["envoy_cluster"]}, {"required": ["inline"]}],
                "allOf": [
                    {"if": fetches, "then": {"required": ["envoy_cluster"]}},
                    {"not": {"required": ["discovery", "jwks"]}},
                    {"if": mirrors, "then": {"not": {"anyOf": [{"required": ["discovery"]}, {"required": ["jwks"]}]}}},
                ],
            }),
        ),
        field(
            "trust[].keys.envoy_cluster",
            "The Envoy cluster of the issuer",
            text(),
        ),
        field(
            "trust[].keys.discovery",
            "The URL of the discovery document [default: `issuer` and `/.well-known/openid-configuration`]",
            pattern(URL),
        ),
        field(
            "trust[].keys.jwks",
            "The URL of the JWKS; skips discovery",
            pattern(URL),
        ),
        field(
            "trust[].keys.mirror",
            "`true` if `envoy_cluster` is the companion, which mirrors the issuer's keys [default: false]",
            json!({}),
        ),
        field(
            "trust[].keys.inline",
            "An initial JWKS or, without a cluster, the only one",
            jwks,
        ),
        field(
            "trust[].keys.refresh",
            "How often the keys are fetched: `10s` to `1h` [default: 5m]",
            duration(),
        ),
        field(
            "trust[].keys.max_stale",
            "The maximum age of the cached keys: at least `refresh` [default: 24h]",
            duration(),
        ),
        field(
            "trust[].keys.refuse_kids",
            "Key IDs to refuse",
            each(json!({"pattern": text()["pattern"], "maxLength": 1024})),
        ),
        field(
            "trust[].keys.pins",
            "The only accepted keys, by RFC 7638 thumbprint (SHA-256) [default: all]",
            each(pattern("^[A-Za-z0-9_-]{43}$")),
        ),
    ]
}

/// An app and its rules.
fn app_rules() -> Vec<Rule> {
    let hosts = json!({"anyOf": [{"const": "any"}, hosts()]});
    let is_public = json!({"required": ["public"], "properties": {"public": {"const": true}}});
    let public = json!({"required": ["paths"], "properties": {"allow": false}});
    vec![
        field(
            "apps[]",
            "",
            json!({"required": ["name", "hosts", "rules"]}),
        ),
        field(
            "apps[].name",
            "The app's name in logs and metrics; unique",
            name(),
        ),
        field(
            "apps[].hosts",
            "Exact names, or `*.example.com` for exactly one label, without a port; or `any`, in a policy with one app",
            hosts,
        ),
        field(
            "apps[].rules",
            "A request is allowed if one of the rules matches it",
            json!({"minItems": 1}),
        ),
        field(
            "apps[].shadow_rules",
            "Rules that are evaluated beside `rules` and never enforced: where they differ, it is counted and logged",
            json!({"minItems": 1}),
        ),
        field(
            "apps[].report_until",
            "Until this UTC time, what the rules refuse is forwarded, counted and logged",
            pattern(
                "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
            ),
        ),
        field(
            "apps[].audiences",
            "A token needs one of these in addition to one of the trust entry's",
            filled(text()),
        ),
        field(
            "apps[].origins",
            "Other origins whose pages may call this app with a user's session",
            each(pattern(r"^[A-Za-z]+://[A-Za-z0-9.-]+(:[0-9]+)?$")),
        ),
        field(
            "apps[].forward_authorization",
            "Whether the app receives the `Authorization` header [default: false]",
            json!({}),
        ),
        field(
            "apps[].bearer",
            "`app` if the app has bearer tokens of its own [default: gate]",
            one_of(&["gate", "app"]),
        ),
        field(
            "apps[].encoded_paths",
            "`pass` if the app reads encoded separators in paths literally [default: refuse]",
            one_of(&["refuse", "pass"]),
        ),
        field(
            "apps[].strip_headers",
            "Further identity headers to remove, which this app would trust",
            each(pattern(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")),
        ),
        field(
            "apps[].identity_headers",
            "Further headers that tell this app who the caller is, and their values",
            json!({
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
                "additionalProperties": one_of(&["user", "caller", "email", "groups", "preferred_username"]),
            }),
        ),
        field(
            "apps[].contact",
            "Whom a user without access can ask: a text, whose `https` URLs are links",
            visible(256),
        ),
        field(
            "apps[].preflight",
            "Whether CORS preflight requests are allowed [default: true]",
            json!({}),
        ),
        field(
            "apps[].rules[]",
            "",
            json!({"required": ["name"], "if": is_public, "then": public, "else": {"required": ["allow"]}}),
        ),
        field(
            "apps[].rules[].name",
            "The rule's name in logs; unique in the app",
            name(),
        ),
        field(
            "apps[].rules[].methods",
            "Methods, in capitals [default: all; for a public rule GET and HEAD]",
            filled(pattern("^[A-Z-]+$")),
        ),
        field(
            "apps[].rules[].paths",
            "Path patterns: `*` is one segment, `**` any number of segments [default: all; required for a public rule]",
            filled(pattern(r"^/[^\s?#;\\]*$")),
        ),
        field(
            "apps[].rules[].allow",
            "The callers; one of the entries must match",
            json!({"minItems": 1}),
        ),
        field(
            "apps[].rules[].public",
            "`true` allows every client and ignores tokens [default: false]",
            json!({}),
        ),
    ]
}

/// An entry of a rule.
fn entry_rules() -> Vec<Rule> {
    let given = |names: &[&str]| {
        let names = names.iter().map(|name| json!({"required": [name]}));
        json!({"anyOf": names.collect::<Vec<_>>()})
    };
    let anyone = json!({"required": ["anyone"], "properties": {"anyone": {"const": true}}});
    let matchers = [
        "service_account",
        "user",
        "email",
        "email_domain",
        "group",
        "claim",
    ];
    let part = r"(\*|[a-z0-9.-]+)";
    vec![
        field(
            "apps[].rules[].allow[]",
            "All matchers of an entry must match",
            json!({
                "allOf": [
                    given(&["from", "service_account"]),
                    {"if": anyone, "then": {"not": given(&matchers)}, "else": given(&matchers)},
                    {"if": {"required": ["service_account"]}, "then": {"not": given(&["user", "email", "email_domain", "group"])}},
                ],
            }),
        ),
        field(
            "apps[].rules[].allow[].from",
            "The trust entry or provider that authenticated the caller",
            name(),
        ),
        field(
            "apps[].rules[].allow[].service_account",
            "`TRUST/NAMESPACE/NAME`, each exact or `*`",
            pattern(&format!(r"^(\*|[a-z0-9-]+)/{part}/{part}$")),
        ),
        field("apps[].rules[].allow[].user", "The exact subject", text()),
        field(
            "apps[].rules[].allow[].email",
            "The verified email address, ignoring case",
            pattern(r"^[^@\x00-\x1f\x7f-\x9f]+@[^@\x00-\x1f\x7f-\x9f]+$"),
        ),
        field(
            "apps[].rules[].allow[].email_domain",
            "The part of the verified email address after `@`",
            pattern(r"^[^@* .\x00-\x1f\x7f-\x9f][^@* \x00-\x1f\x7f-\x9f]*$"),
        ),
        field("apps[].rules[].allow[].group", "One of the groups", text()),
        field(
            "apps[].rules[].allow[].claim",
            "Any claim, and its value",
            json!({
                "required": ["path"],
                "oneOf": [{"required": ["equals"]}, {"required": ["contains"]}],
            }),
        ),
        field(
            "apps[].rules[].allow[].claim.path",
            "The names on the path to the claim, from the top of the token",
            filled(text()),
        ),
        field(
            "apps[].rules[].allow[].claim.equals",
            "The value, equal in type",
            json!({"type": ["boolean", "number", "string"]}),
        ),
        field(
            "apps[].rules[].allow[].claim.contains",
            "A member of a list, or one of the words of a string",
            json!({"anyOf": [
                {"type": ["boolean", "number"]},
                {"type": "string", "pattern": "^[^ ]+$"},
            ]}),
        ),
        field(
            "apps[].rules[].allow[].anyone",
            "`true` matches every caller of `from`; excludes other matchers [default: false]",
            json!({}),
        ),
    ]
}
