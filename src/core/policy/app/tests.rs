use super::*;
use crate::caller::Subject;
use crate::json::Json;
use crate::policy::rule::Access;
use crate::policy::{Entry, Matcher, NamePart, Pattern, Policy};

const POLICY: &str = r#"{
  "trust": [{"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com",
             "audiences": ["portcullis"], "keys": {"envoy_cluster": "blue"}}],
  "apps": [{"name": "alertmanager", "hosts": ["alertmanager.example.com"], "rules": [
    {"name": "karma-polls", "methods": ["GET", "HEAD"], "paths": ["/api/v2/**", "/metrics"],
     "allow": [{"service_account": "blue/other/one"}, {"service_account": "blue/monitoring/karma"}]},
    {"name": "operator", "allow": [{"service_account": "blue/monitoring/operator"}]},
    {"name": "also-polls", "allow": [{"service_account": "blue/monitoring/karma"}],
     "paths": ["/api/v2/alerts"]},
    {"name": "probes", "paths": ["/-/healthy"], "public": true}
  ]}]
}"#;

fn caller(from: &str, namespace: &str, name: &str) -> Caller {
    Caller {
        from: from.to_owned(),
        subject: Subject::ServiceAccount {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        },
        has_unverified_email: false,
        email: None,
        groups: Vec::new(),
        preferred_username: None,
        claims: Json::Null.into(),
    }
}

/// The rule that allows the request, in the order of evaluation: public rules first.
fn ruling<'a>(
    app: &'a App,
    method: &str,
    path: &str,
    caller: Option<&Caller>,
) -> (&'static str, &'a str) {
    if let Some(rule) = app.public_rule(method, path) {
        return ("public", rule.name());
    }
    let rule = caller.and_then(|caller| app.rule_for(method, path, caller));
    rule.map_or(("no rule", ""), |rule| ("allowed", rule.name()))
}

#[test]
fn the_first_rule_that_matches_request_and_caller_allows_the_request() {
    let policy = Policy::from_json(POLICY).unwrap();
    let app = policy.app_for("alertmanager.example.com").unwrap();
    let karma = caller("blue", "monitoring", "karma");
    let operator = caller("blue", "monitoring", "operator");
    let foreign = caller("green", "monitoring", "karma");
    for (method, path, caller, expected) in [
        (
            "GET",
            "/api/v2/alerts",
            Some(&karma),
            ("allowed", "karma-polls"),
        ),
        ("HEAD", "/metrics", Some(&karma), ("allowed", "karma-polls")),
        (
            "POST",
            "/api/v2/alerts",
            Some(&karma),
            ("allowed", "also-polls"),
        ),
        ("POST", "/api/v2/silences", Some(&karma), ("no rule", "")),
        ("get", "/metrics", Some(&karma), ("no rule", "")),
        ("GET", "/metrics/", Some(&karma), ("no rule", "")),
        ("GET", "/-/reload", Some(&karma), ("no rule", "")),
        (
            "POST",
            "/-/reload",
            Some(&operator),
            ("allowed", "operator"),
        ),
        ("GET", "/api/v2/alerts", Some(&foreign), ("no rule", "")),
        ("GET", "/api/v2/alerts", None, ("no rule", "")),
        ("GET", "/-/healthy", None, ("public", "probes")),
        ("HEAD", "/-/healthy", None, ("public", "probes")),
        ("GET", "/-/healthy", Some(&operator), ("public", "probes")),
        ("POST", "/-/healthy", None, ("no rule", "")),
        (
            "POST",
            "/-/healthy",
            Some(&operator),
            ("allowed", "operator"),
        ),
    ] {
        assert_eq!(
            ruling(app, method, path, caller),
            expected,
            "{method} {path}"
        );
    }
}

/// A small deterministic generator: the high bits of a linear congruence.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        let product = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = product.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33)
            .unwrap()
            .checked_rem(bound)
            .unwrap()
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn part(&mut self) -> NamePart {
        match self.pick(&["*", "a", "b"]) {
            "*" => NamePart::Any,
            exact => NamePart::Exact(exact.to_owned()),
        }
    }

    fn matcher(&mut self) -> Matcher {
        let text = self.pick(&["a", "b"]).to_owned();
        match self.below(4) {
            0 => Matcher::Anyone,
            1 => Matcher::User(text),
            2 => Matcher::Group(text),
            _ => Matcher::ServiceAccount {
                trust: self.part(),
                namespace: self.part(),
                name: self.part(),
            },
        }
    }

    fn entry(&mut self) -> Entry {
        let from = self.pick(&[Some("a"), Some("b"), None]);
        Entry {
            from: from.map(str::to_owned),
            matchers: (0..=self.below(2)).map(|_| self.matcher()).collect(),
        }
    }

    fn rule(&mut self, number: usize) -> Rule {
        let access = match self.below(4) {
            0 => Access::Public,
            _ => Access::Allow((0..=self.below(3)).map(|_| self.entry()).collect()),
        };
        let methods = self.pick(&["", "GET", "POST"]);
        let paths = self.pick(&["", "/a", "/*", "/a/**", "/**/b"]);
        Rule {
            name: number.to_string(),
            methods: [methods.to_owned()]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect(),
            paths: Pattern::parse(paths).into_iter().collect(),
            access,
        }
    }

    fn app(&mut self) -> App {
        App {
            name: "app".to_owned(),
            hosts: Vec::new(),
            rules: (0..=self.below(4))
                .map(|number| self.rule(number))
                .collect(),
            audiences: Vec::new(),
            origins: Vec::new(),
            forward_authorization: false,
            has_own_bearer: false,
            passes_encoded_paths: false,
            shadow_rules: Vec::new(),
            report_until: None,
            identity_headers: Vec::new(),
            contact: None,
            strip_headers: Vec::new(),
            preflight: true,
        }
    }
}

/// Every caller and request that the generated rules distinguish, and which of them are allowed.
fn passing(app: &App) -> Vec<bool> {
    let words = ["a", "b", "c"];
    let mut callers = vec![None];
    for from in words {
        for one in words {
            for other in words {
                callers.push(Some(caller(from, one, other)));
                callers.push(Some(Caller {
                    subject: Subject::Other(one.to_owned()),
                    groups: vec![other.to_owned()],
                    ..caller(from, "", "")
                }));
            }
        }
    }
    let mut passing = Vec::new();
    for method in ["GET", "POST", "PUT"] {
        for path in ["/", "/a", "/b", "/a/b", "/c/b"] {
            passing.extend(
                callers
                    .iter()
                    .map(|caller| ruling(app, method, path, caller.as_ref()).0 != "no rule"),
            );
        }
    }
    passing
}

#[track_caller]
fn never_more(less: &App, whole: &[bool]) {
    let added = passing(less)
        .iter()
        .zip(whole)
        .any(|(less, whole)| *less && !whole);
    assert!(!added, "{less:#?}");
}

#[test]
fn removing_a_rule_or_an_entry_never_allows_more() {
    let mut dice = Dice(3);
    let (mut passed, mut refused) = (0, 0);
    for _ in 0..200 {
        let app = dice.app();
        let whole = passing(&app);
        passed += whole.iter().filter(|passes| **passes).count();
        refused += whole.iter().filter(|passes| !**passes).count();
        for index in 0..app.rules.len() {
            let mut less = app.clone();
            less.rules.remove(index);
            never_more(&less, &whole);
            for entry in 0..app.rules[index].allow().len() {
                let mut less = app.clone();
                if let Access::Allow(entries) = &mut less.rules[index].access {
                    entries.remove(entry);
                }
                never_more(&less, &whole);
            }
        }
    }
    // A generator of rules that allow everything or nothing would prove nothing.
    assert!(
        passed > 10_000 && refused > 10_000,
        "{passed} passed, {refused} refused"
    );
}

#[test]
fn an_additional_matcher_never_allows_more() {
    let mut dice = Dice(5);
    for _ in 0..200 {
        let mut app = dice.app();
        let whole = passing(&app);
        let matcher = dice.matcher();
        for rule in &mut app.rules {
            if let Access::Allow(entries) = &mut rule.access {
                for entry in entries {
                    entry.matchers.push(matcher.clone());
                }
            }
        }
        never_more(&app, &whole);
    }
}
