//! The schema of the configuration file, from the table of settings.

use portcullis_core::token::Algorithm;
use serde_json::{Map, Value, json};

use super::settings::{SETTINGS, Setting, Shape};
use crate::schema::rule::{duration, each, filled, integer, name, one_of, pattern, text, visible};
use crate::schema::{document, mapping, merge};

#[cfg(test)]
mod tests;

/// The schema of the configuration file.
///
/// No field is required, because a flag or a variable may set it; those of several providers are, because
/// these can be configured in the file only.
pub(crate) fn schema() -> Value {
    document("Portcullis companion configuration", block(SETTINGS, ""))
}

/// The block whose settings begin with this prefix, such as `session.`.
pub(super) fn block(settings: &[Setting], start: &str) -> Value {
    let mut fields = Map::new();
    for setting in settings {
        let Some(rest) = setting.path.strip_prefix(start) else {
            continue;
        };
        let (step, is_block) = match rest.split_once('.') {
            Some((step, _)) => (step, true),
            None => (rest, false),
        };
        if fields.contains_key(step.trim_end_matches("[]")) {
            continue;
        }
        let inner = || block(settings, &format!("{start}{step}."));
        if step == "*" {
            return json!({"type": "object", "additionalProperties": inner()});
        }
        let value = match step.strip_suffix("[]") {
            Some(list) => {
                let mut array = json!({"type": "array", "items": inner()});
                merge(&mut array, list_rule(list));
                array
            }
            None if is_block => inner(),
            None => field(setting),
        };
        fields.insert(step.trim_end_matches("[]").to_owned(), value);
    }
    mapping(fields)
}

/// What a list of blocks must have.
fn list_rule(list: &str) -> Value {
    match list {
        "forwards" => json!({"minItems": 1, "items": {"required": ["listen", "to"]}}),
        // A flag or a variable may set the fields of one provider, but not those of several.
        _ => {
            let several = json!({"items": {"required": ["name", "issuer", "client_id"]}});
            json!({"if": {"minItems": 2}, "then": several})
        }
    }
}

fn field(setting: &Setting) -> Value {
    let string = || json!({"type": "string", "minLength": 1});
    let mut schema = match setting.shape {
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::List => json!({"type": "array", "items": string()}),
        Shape::Map => json!({"type": "object", "additionalProperties": string()}),
        Shape::Named | Shape::Text => string(),
        Shape::Number => json!({"type": "integer"}),
    };
    // The readers accept another type too.
    match setting.path {
        "providers[].groups_claim" => {
            schema =
                json!({"anyOf": [string(), {"type": "array", "minItems": 1, "items": string()}]});
        }
        "providers[].end_session" => {
            schema = json!({"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "^(true|false|https://.*)$"}]});
        }
        path => merge(&mut schema, rule(path)),
    }
    merge(&mut schema, json!({"description": setting.help}));
    schema
}

/// What the value of a setting must look like.
fn rule(path: &str) -> Value {
    let https = || pattern(r"^[Hh][Tt][Tt][Pp][Ss]://\S+$");
    match path {
        "keep_headers" | "forwards[].keep_headers" => each(pattern(
            "^([Cc][Oo][Oo][Kk][Ii][Ee]|[Pp][Rr][Oo][Xx][Yy]-[Aa][Uu][Tt][Hh][Oo][Rr][Ii][Zz][Aa][Tt][Ii][Oo][Nn])$",
        )),
        "url" => pattern(r"^[Hh][Tt][Tt][Pp][Ss]://[A-Za-z0-9.-]+(:[0-9]+)?$"),
        "listen_mode" => pattern("^0*[0-7]{1,3}$"),
        "providers[].name" => name(),
        "providers[].issuer" | "providers[].discovery" => https(),
        "providers[].client_id" => visible(),
        "providers[].audiences" => json!({"items": visible()}),
        "providers[].scopes" => {
            json!({"contains": {"const": "openid"}, "items": pattern(r"^[!#-\[\]-~]+$")})
        }
        "providers[].algorithms" => filled(one_of(&Algorithm::ALL.map(Algorithm::name))),
        "providers[].tenants" => {
            json!({"items": pattern("^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")})
        }
        "providers[].authorize_params" => {
            json!({"propertyNames": pattern("^[A-Za-z0-9._-]+$"), "additionalProperties": text()})
        }
        "session.groups" => one_of(&["all", "policy"]),
        "session.store" => pattern("^(cookie$|file:.|rediss?(-sentinel|-cluster)?://.)"),
        "session.cookie.same_site" => one_of(&["lax", "none"]),
        "log.format" => one_of(&["json", "text"]),
        "log.level" => one_of(&["error", "warn", "info", "debug"]),
        "limits.connections" => integer(1, 1_000_000),
        "limits.header_bytes" => integer(8_192, 1_048_576),
        "limits.body_bytes" => integer(1_024, 1_048_576),
        "providers[].timeout"
        | "session.lifetime"
        | "session.idle"
        | "session.token"
        | "limits.connect"
        | "limits.handshake"
        | "limits.header"
        | "limits.request"
        | "limits.idle"
        | "limits.shutdown" => duration(),
        _ => json!({}),
    }
}
