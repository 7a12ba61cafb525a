//! The recipes of the policy: each is valid, and each row of their tables is what core decides.

use std::collections::BTreeMap;

use portcullis_core::gate::{Context, Evaluation, Gate, TokenCache};
use portcullis_core::keys::{KeyRecord, KeySet, Keyring, PureRust};
use portcullis_core::outcome::Outcome;
use portcullis_core::policy::Policy;
use portcullis_core::request::Headers;
use portcullis_core::session::{Id, Revocations};
use portcullis_core::timestamp::Timestamp;
use portcullis_tests::lab::token::now;
use portcullis_tests::lab::{SigningKey, Token, yaml};
use serde_json::{Value, json};

use crate::document::{Document, table};

/// The recipes.
const RECIPES: &str = "src/core/policy/RECIPES.md";

/// The first name of the session's cookies.
const COOKIE: &str = "__Secure-portcullis";

/// All recipes as one policy, and keys for its callers.
struct Recipes {
    gate: Gate,
    keyring: Keyring,
    issuers: BTreeMap<String, String>,
    key: SigningKey,
}

/// A row of a table.
struct Row<'d> {
    request: &'d str,
    caller: &'d str,
    answer: &'d str,
    /// The host of the recipe's first app.
    host: &'d str,
}

/// The sections with a recipe: their names, apps and rows.
fn sections(document: &Document) -> Vec<(&str, Vec<Value>, &str)> {
    let sections = document.sections().into_iter();
    let recipes = sections.filter_map(|(name, text)| {
        let apps = text.split("```yaml\n").nth(1)?.split("```").next()?;
        let apps = yaml::read(apps).expect("YAML");
        Some((name, apps.as_array()?.clone(), text))
    });
    recipes.collect()
}

impl Recipes {
    fn read(document: &Document) -> Self {
        let mut policy = yaml::read(document.blocks("yaml")[0]).expect("YAML");
        let apps = sections(document).into_iter().flat_map(|(_, apps, _)| apps);
        policy["apps"] = apps.collect();
        let issuers = policy["trust"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|trust| {
                let text = |name: &str| trust[name].as_str().expect("text").to_owned();
                (text("name"), text("issuer"))
            });
        let issuers = issuers.collect();
        let policy = Policy::from_json(&policy.to_string()).expect("a policy");
        let key = SigningKey::p256();
        let at = Timestamp::from_secs(u64::try_from(now()).expect("a time after 1970"));
        let mut keyring = Keyring::new(policy.key_sources(), at);
        // One key for all: the sources have different issuers.
        let keys = json!({"keys": [key.jwk()]}).to_string();
        let keys = KeySet::parse(keys.as_bytes(), None).expect("a key set");
        for (source, _) in policy.key_sources() {
            keyring.update(source, KeyRecord::fetched_now(keys.clone(), at));
        }
        Self {
            gate: Gate::new(policy),
            keyring,
            issuers,
            key,
        }
    }

    /// The caller's own header fields.
    fn credentials(&self, caller: &str) -> Vec<(&'static str, String)> {
        if caller == "none" {
            return Vec::new();
        }
        let name = caller.trim_matches('`');
        let parts: Vec<&str> = name.split('/').collect();
        if let [trust, namespace, account] = parts[..] {
            let token =
                Token::service_account(&self.issuers[trust], "portcullis", namespace, account);
            return vec![("authorization", format!("Bearer {}", token.sign(&self.key)))];
        }
        let companion = "https://auth.example.com";
        let sid = Id::from_bytes([7; 16]).to_string();
        let session = Token::new(json!({
            "iss": companion, "aud": companion, "sub": "ada", "idp": "sso", "groups": [name],
            "sid": sid, "handle": sid, "began": now() - 60,
        }));
        let session = session
            .header("typ", "portcullis-session+jwt")
            .without("nbf")
            .without("jti")
            .expires_in(300)
            .sign(&self.key);
        vec![("cookie", format!("{COOKIE}={session}"))]
    }

    /// What core decides, in the words of the tables.
    fn answer(&self, row: &Row<'_>) -> String {
        let mut parts = row.request.split('`');
        let request = parts.nth(1).expect("a request in backticks");
        let (method, target) = request.split_once(' ').expect("a method and a path");
        let (host, path) = match target.find('/') {
            Some(0) => (row.host, target),
            Some(at) => target.split_at(at),
            None => panic!("{request}: no path"),
        };
        let mut fields = vec![
            (":method", method.to_owned()),
            (":scheme", "https".to_owned()),
            (":authority", host.to_owned()),
            (":path", path.to_owned()),
        ];
        fields.extend(self.credentials(row.caller));
        let mut site = "same-origin";
        let (mut words, mut quoted) = (parts.next().unwrap_or_default().trim(), parts);
        if let Some(rest) = words.strip_prefix("as a WebSocket") {
            fields.push(("connection", "upgrade".to_owned()));
            fields.push(("upgrade", "websocket".to_owned()));
            words = rest.trim();
        }
        match words {
            "" => {}
            "from" => {
                site = "cross-site";
                let origin = quoted.next().expect("an origin in backticks");
                fields.push(("origin", origin.to_owned()));
            }
            "with a token of the app" => {
                fields.push(("authorization", "Bearer glsa_0a1b2c3d4e5f".to_owned()));
            }
            other => panic!("{other}: unknown words behind a request"),
        }
        fields.push(("sec-fetch-site", site.to_owned()));

        let fields = fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let headers = Headers::new(fields.collect());
        let at = Timestamp::from_secs(u64::try_from(now()).expect("a time after 1970"));
        let revocations = Revocations::default();
        let context = Context {
            keyring: &self.keyring,
            signatures: &PureRust,
            revocations: &revocations,
            arrived: at,
            now: at,
        };
        let evaluation = self
            .gate
            .evaluate(&headers, context, &mut TokenCache::default());
        let Evaluation::Decided(decision) = evaluation else {
            panic!("{}: {evaluation:?}", row.request);
        };
        if let (true, Some(rule)) = (decision.is_allowed(), decision.rule()) {
            return format!("`{}`", rule.name());
        }
        let reason = decision.reason();
        match decision.outcome(&headers, self.gate.policy(), at) {
            Outcome::Reply(reply, _) => format!("{} `{reason}`", reply.status),
            Outcome::Forward(_) => format!("`{reason}`"),
        }
    }
}

#[test]
fn every_row_of_a_recipe_is_what_core_decides() {
    let document = Document::read(RECIPES);
    let recipes = Recipes::read(&document);
    let mut wrong = Vec::new();
    for (name, apps, text) in sections(&document) {
        let rows = table(text, "request");
        let mut used: Vec<String> = Vec::new();
        let host = apps[0]["hosts"][0].as_str().expect("a host");
        for row in &rows {
            let &[request, caller, answer] = row.as_slice() else {
                panic!("{name}: a row with other columns: {row:?}");
            };
            // A reason may be a link.
            let answer = &*answer.replace("[`", "`").replace("`]", "`");
            let row = Row {
                request,
                caller,
                answer,
                host,
            };
            let decided = recipes.answer(&row);
            if decided != row.answer {
                wrong.push(format!(
                    "{name}: {request} by {caller}: {decided} instead of {answer}"
                ));
            }
            used.push(answer.trim_matches('`').to_owned());
        }
        // Each rule is shown to allow something, and something is refused.
        for rule in apps
            .iter()
            .flat_map(|app| app["rules"].as_array().expect("a list"))
        {
            let rule = rule["name"].as_str().expect("a name");
            if !used.iter().any(|used| used == rule) {
                wrong.push(format!("{name}: no row for the rule {rule}"));
            }
        }
        if !used.iter().any(|used| used.starts_with("403 ")) {
            wrong.push(format!("{name}: no row that is refused"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_is_a_recipe_for_each_app_that_people_ask_for() {
    let document = Document::read(RECIPES);
    let names: Vec<&str> = sections(&document)
        .into_iter()
        .map(|(name, ..)| name)
        .collect();
    assert_eq!(
        names,
        [
            "Alertmanager",
            "Prometheus",
            "Grafana",
            "Karma",
            "Thanos",
            "Loki",
            "Argo CD",
            "Kibana"
        ]
    );
}
