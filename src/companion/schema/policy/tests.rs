use std::collections::BTreeSet;
use std::rc::Rc;

use super::*;
use crate::document::{Document, Report};
use crate::manifests::FoundPolicy;
use crate::schema::tests::{mutations, validator, walk};

/// A policy with every field, valid as a whole.
const WHOLE: &str = r#"{
  "trust": [
    {"name": "blue", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
     "former_issuers": ["https://former.example.com"], "audiences": ["portcullis"],
     "keys": {"envoy_cluster": "blue", "discovery": "https://kubernetes.example.com/keys?a=b",
              "refresh": "5m", "max_stale": "24h", "refuse_kids": ["old"],
              "pins": ["NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"]},
     "algorithms": ["RS256"], "leeway": "30s", "max_lifetime": "24h", "trust_unverified_email": false},
    {"name": "gitlab", "kind": "oidc", "issuer": "https://gitlab.example.com", "audiences": ["tools"],
     "keys": {"envoy_cluster": "gitlab", "jwks": "https://gitlab.example.com/oauth/keys"},
     "claims": {"groups": "groups", "email": ["user", "email"], "preferred_username": "name"}},
    {"name": "mirrored", "kind": "oidc", "issuer": "https://other.example.com", "audiences": ["tools"],
     "keys": {"envoy_cluster": "portcullis", "mirror": true}},
    {"name": "fixed", "kind": "oidc", "issuer": "urn:any text", "audiences": ["tools"],
     "keys": {"inline": {"keys": [{"kty": "EC", "crv": "P-256", "kid": "a", "use": "sig",
       "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
       "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}}}
  ],
  "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis",
          "cookie": "__Secure-portcullis", "providers": ["sso"]},
  "apps": [
    {"name": "alertmanager", "hosts": ["alertmanager.example.com", "*.alerts.example.com"],
     "audiences": ["alertmanager"], "origins": ["https://grafana.example.com:3000"],
     "forward_authorization": false, "bearer": "app", "encoded_paths": "refuse",
     "strip_headers": ["X-WebAuth-User"], "preflight": true,
     "identity_headers": {"X-WebAuth-User": "email", "Remote-User": "preferred_username"},
     "contact": "https://wiki.example.com/access", "report_until": "2027-01-31T00:00:00Z",
     "shadow_rules": [
       {"name": "all", "methods": ["GET"], "paths": ["/**"],
        "allow": [{"from": "gitlab", "claim": {"path": ["scope"], "contains": "read"}}]}],
     "rules": [
       {"name": "polls", "methods": ["GET", "HEAD"], "paths": ["/api/v2/**", "/*/a"],
        "allow": [{"service_account": "blue/monitoring/*"},
                  {"from": "blue", "claim": {"path": ["kubernetes.io", "pod", "name"], "equals": "a"}},
                  {"from": "gitlab", "user": "7", "claim": {"path": ["scope"], "contains": "read"}},
                  {"from": "gitlab", "email": "ada@example.com"},
                  {"from": "gitlab", "email_domain": "example.com"},
                  {"from": "sso", "group": "sre"},
                  {"from": "mirrored", "anyone": true}]},
       {"name": "probes", "paths": ["/-/healthy"], "public": true}
     ]}
  ],
  "ungated": ["shop.example.com", "*.shops.example.com"],
  "refuse_callers": ["blue/monitoring/karma", "sso/group%2Fproject"],
  "revision": "4f2c91a",
  "audit": {"allowed": "info", "refused": "off", "access_log": true, "people": ["email", "preferred_username"]},
  "max_token": 16384
}"#;

/// The file of a policy folder with all but the apps, with every field of a team.
const TEAMS: &str = r#"{
  "trust": [
    {"name": "blue", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
     "audiences": ["portcullis"], "keys": {"envoy_cluster": "blue"}}
  ],
  "teams": [
    {"name": "payments", "files": ["apps/payments/**", "apps/payments.yaml"],
     "hosts": ["payments.example.com", "*.payments.example.com"], "from": ["blue"],
     "public": true, "forward_authorization": true},
    {"name": "shop", "files": ["apps/shop/*.yaml"], "hosts": ["shop.example.com"]}
  ]
}"#;

/// Reads a document as that file of a policy folder.
fn read_in_folder(document: &Value) -> Result<Policy, String> {
    let app = "apps: [{name: payments, hosts: [payments.example.com], rules: [{name: a, paths: [/], public: true}]}]";
    let parse = |name: &str, text: String| {
        let document = Document::parse(name.to_owned(), text.into_bytes(), "");
        document.map(Rc::new).map_err(|report| report.to_string())
    };
    let policy = parse("portcullis.json", document.to_string())?;
    let app = parse("apps/payments/a.yaml", app.to_owned())?;
    let found = FoundPolicy::folder(policy, vec![("apps/payments/a.yaml".to_owned(), app)]);
    let errors = |reports: Vec<Report>| reports[0].problem();
    found.map_err(errors)?.validate().map_err(errors)
}

#[test]
fn the_schema_and_the_reader_of_teams_agree() {
    let validator = validator(&policy());
    let document: Value = serde_json::from_str(TEAMS).expect("JSON");
    let (mut accepted, mut refused) = (0, 0);
    let mut different = Vec::new();
    // The rest of the document is compared without teams.
    let mut mutations = mutations(&document);
    mutations.retain(|(what, _)| what.starts_with("/teams"));
    for (what, mutation) in mutations.iter().chain([&(String::new(), document.clone())]) {
        match (read_in_folder(mutation), validator.validate(mutation)) {
            (Ok(_), Ok(())) => accepted += 1,
            (Err(_), Err(_)) => refused += 1,
            (Ok(_), Err(error)) => different.push(format!("{what}: only the schema: {error}")),
            // The app or the team refers to what is changed.
            (Err(error), Ok(()))
                if [
                    "is not a host of the team",
                    "is already a host of team",
                    "is neither a trust entry nor a provider",
                    "the rule admits everyone",
                ]
                .iter()
                .any(|relation| error.contains(relation)) => {}
            (Err(error), Ok(())) => different.push(format!("{what}: only the reader: {error}")),
        }
    }
    assert_eq!(different, Vec::<String>::new());
    assert!(
        accepted > 5 && refused > 200,
        "{accepted} accepted, {refused} refused"
    );
    for (pointer, value) in [
        ("/teams/0/name", json!("Payments")),
        ("/teams/0/files/0", json!("payments/**")),
        ("/teams/0/files/0", json!("apps/../payments")),
        ("/teams/0/files/0", json!("apps//a")),
        ("/teams/0/files/0", json!("/apps/a")),
        ("/teams/0/files/0", json!("apps/a/")),
        ("/teams/0/files/0", json!("apps/./a")),
        ("/teams/0/files/0", json!("apps/payments.yaml")),
        ("/teams/0/hosts/0", json!("*")),
        ("/teams/0/from", json!(["blue", "blue"])),
        ("/teams/0/from", json!(["Blue"])),
    ] {
        let mut changed = document.clone();
        *changed.pointer_mut(pointer).expect("a value") = value.clone();
        assert!(read_in_folder(&changed).is_err(), "{value}: the reader");
        assert!(!validator.is_valid(&changed), "{value}: the schema");
    }
    for value in ["apps/..a", "apps/.a", "apps/a.b/*.yaml", "apps/**"] {
        let mut changed = document.clone();
        changed["teams"][0]["files"][1] = json!(value);
        assert!(read_in_folder(&changed).is_ok(), "{value}: the reader");
        assert!(validator.is_valid(&changed), "{value}: the schema");
    }
    let mut both = document;
    both["apps"] = whole()["apps"].clone();
    assert!(read_in_folder(&both).is_err() && !validator.is_valid(&both));
}

fn whole() -> Value {
    serde_json::from_str(WHOLE).expect("JSON")
}

/// The paths of all values in a document, with those of lists by `[]`.
fn paths(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    found.insert(path.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                paths(
                    format!("{path}.{name}").trim_start_matches('.'),
                    member,
                    found,
                );
            }
        }
        Value::Array(elements) => {
            for element in elements {
                paths(&format!("{path}[]"), element, found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_field_that_the_reader_accepts_has_a_rule_and_every_rule_a_field() {
    fn fields(path: &str, shape: Shape, found: &mut BTreeSet<String>) {
        found.insert(path.to_owned());
        match shape {
            Shape::Object(members) => {
                for (name, shape) in members {
                    fields(
                        format!("{path}.{name}").trim_start_matches('.'),
                        *shape,
                        found,
                    );
                }
            }
            Shape::List(element @ Shape::Object(_)) => {
                fields(&format!("{path}[]"), *element, found);
            }
            _ => {}
        }
    }
    let mut accepted = BTreeSet::new();
    fields("", Policy::SHAPE, &mut accepted);
    fields("teams", teams::SHAPE, &mut accepted);
    // They have the form of rules.
    accepted.retain(|path| !path.starts_with("apps[].shadow_rules[]"));
    let rules = rules();
    let described: BTreeSet<String> = rules.iter().map(|rule| rule.path.to_owned()).collect();
    assert_eq!(described, accepted);
    assert_eq!(described.len(), rules.len(), "one rule each");
    let is_described = |rule: &Rule| !rule.about.is_empty() || rule.path.ends_with("[]");
    assert!(rules.iter().all(is_described));
    // The corpus below has each of them.
    let mut used = BTreeSet::new();
    paths("", &whole(), &mut used);
    paths("", &serde_json::from_str(TEAMS).expect("JSON"), &mut used);
    let unused: Vec<_> = accepted.difference(&used).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn every_mapping_refuses_unknown_fields() {
    let mut mappings = 0;
    walk("", &policy(), &mut |path, schema| {
        let has_any_name = ["trust[].keys.inline", "apps[].identity_headers"];
        let has_any_name = has_any_name.iter().any(|start| path.starts_with(start));
        if schema["type"] == "object" && !has_any_name {
            assert_eq!(schema["additionalProperties"], false, "{path}");
            mappings += 1;
        }
    });
    assert_eq!(mappings, 14);
}

/// What core refuses and a schema can't express: relations between values in different places, and values that
/// need more than a pattern.
fn is_relation(problem: &str) -> bool {
    [
        "is not a trust entry",
        "is not a valid key URL",
        "no such attribute",
        "is possible only in a policy with one app",
        "is already a host of app",
        "is not possible beside `hosts: any`",
        "doesn't match",
        "JWKS",
        "is not of `",
        "is the same as another name to an app",
    ]
    .iter()
    .any(|relation| problem.contains(relation))
}

#[test]
fn the_schema_accepts_what_the_reader_accepts_and_refuses_what_it_refuses() {
    let validator = validator(&policy());
    let document = whole();
    Policy::from_json(WHOLE).unwrap_or_else(|error| panic!("{error}"));
    let mutations = mutations(&document);
    assert!(mutations.len() > 1000, "{}", mutations.len());
    let (mut accepted, mut refused, mut relations) = (0, 0, 0);
    let mut different = Vec::new();
    for (what, mutation) in mutations.iter().chain([&(String::new(), document)]) {
        let by_schema = validator.validate(mutation);
        match (Policy::from_json(&mutation.to_string()), by_schema) {
            (Ok(_), Ok(())) => accepted += 1,
            (Err(_), Err(_)) => refused += 1,
            (Ok(_), Err(error)) => {
                different.push(format!("{what}: only the schema refuses: {error}"))
            }
            (Err(error), Ok(())) if is_relation(error.problem()) => relations += 1,
            (Err(error), Ok(())) => {
                different.push(format!("{what}: only the reader refuses: {error}"))
            }
        }
    }
    assert_eq!(different, Vec::<String>::new());
    // As many as there are, so that the exceptions do not grow unseen.
    let counts = format!("{accepted} accepted, {refused} refused, {relations} relations");
    assert!(accepted > 50 && refused > 900 && relations < 30, "{counts}");
}

#[test]
fn values_outside_their_bounds_are_refused_by_both() {
    let validator = validator(&policy());
    for (pointer, values) in [
        ("/max_token", json!([1023, 65_537, 2048.5, "16384"])),
        ("/audit/allowed", json!(["INFO", "warning", "none"])),
        (
            "/sso/url",
            json!([
                "http://auth.example.com",
                "https://auth.example.com/path",
                "auth"
            ]),
        ),
        (
            "/sso/cookie",
            json!(["portcullis", "__Secure-", "__Secure-a b", "__Host-é"]),
        ),
        ("/sso/providers", json!([["a", "a"], ["A"], ["a_b"]])),
        ("/trust/0/name", json!(["Blue", "a_b", "a".repeat(64)])),
        ("/trust/0/kind", json!(["k8s", "OIDC"])),
        (
            "/trust/0/issuer",
            json!([
                "http://kubernetes.example.com",
                "https://a/?b",
                "https://u@a",
                "a"
            ]),
        ),
        (
            "/trust/0/leeway",
            json!(["30", "30 s", "0.5m", "1d", "30S", "1000000000s"]),
        ),
        (
            "/trust/0/algorithms",
            json!([["HS256"], ["none"], ["rs256"]]),
        ),
        ("/trust/0/claims", json!([{}, {"groups": "groups"}])),
        ("/trust/0/trust_unverified_email", json!([true])),
        (
            "/trust/0/keys/pins",
            json!([["short"], ["NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9X="]]),
        ),
        (
            "/trust/0/keys/jwks",
            json!(["https://kubernetes.example.com/jwks", "a"]),
        ),
        ("/trust/0/keys/mirror", json!([true])),
        (
            "/apps/0/hosts",
            json!([
                "all",
                "a.example.com",
                ["*"],
                ["a.*.com"],
                ["a:80"],
                ["https://a"],
                ["a."],
                ["-a"]
            ]),
        ),
        ("/ungated", json!(["any", [], ["*"], ["a:80"], ["a", "a"]])),
        ("/apps/0/bearer", json!(["App", "none"])),
        ("/apps/0/encoded_paths", json!(["allow", true])),
        (
            "/apps/0/origins",
            json!([["grafana.example.com"], ["https://a/b"], ["*"]]),
        ),
        ("/apps/0/strip_headers", json!([["x y"], [":path"], ["é"]])),
        (
            "/apps/0/identity_headers",
            json!([{}, {"x y": "user"}, {":path": "user"}, {"x-user": "name"}, {"x-user": ["user"]}]),
        ),
        ("/apps/0/contact", json!(["", " ", "a\nb", "x".repeat(257)])),
        (
            "/apps/0/report_until",
            json!([
                "2027-01-31",
                "2027-13-01T00:00:00Z",
                "2027-01-31T00:00:00+00:00"
            ]),
        ),
        ("/apps/0/shadow_rules", json!([[], [{"name": "a"}]])),
        (
            "/apps/0/rules/0/methods",
            json!([["get"], ["GET POST"], ["*"]]),
        ),
        (
            "/apps/0/rules/0/paths",
            json!([["api"], ["/a?b"], ["/a;b"], ["/a#b"], ["/a b"], ["/a\\b"]]),
        ),
        ("/apps/0/rules/0/public", json!([true])),
        (
            "/apps/0/rules/0/allow/0/service_account",
            json!(["blue/monitoring", "blue/a/b/c", "blue//a", "blue/A/b"]),
        ),
        (
            "/apps/0/rules/0/allow/3/email",
            json!(["ada", "@example.com", "ada@", "a@b@c"]),
        ),
        (
            "/apps/0/rules/0/allow/4/email_domain",
            json!(["@example.com", "*.example.com", ".example.com"]),
        ),
        ("/apps/0/rules/0/allow/0/anyone", json!([true])),
        (
            "/apps/0/rules/0/allow/2/claim/contains",
            json!(["two words", "", null, [], {}]),
        ),
        (
            "/apps/0/rules/0/allow/1/claim/equals",
            json!([null, [], {}]),
        ),
    ] {
        for value in values.as_array().expect("a list") {
            let mut document = whole();
            let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
            let parent = document.pointer_mut(parent).expect("a parent");
            parent[name] = value.clone();
            assert!(
                Policy::from_json(&document.to_string()).is_err(),
                "{pointer}: {value}: the reader"
            );
            assert!(
                !validator.is_valid(&document),
                "{pointer}: {value}: the schema"
            );
        }
    }
}
