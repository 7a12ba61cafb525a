//! Random edits of a policy, compared with what the judgement says of a sample of requests.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{NOW, compare, policy, simulator};
use crate::simulation::{NamedCaller, SimulatedCaller, SimulatedRequest, Simulator};

const METHODS: [&str; 3] = ["GET", "POST", "PUT"];
const HOSTS: [&str; 3] = ["a.example.com", "b.example.com", "*.example.com"];
const PATTERNS: [&str; 8] = ["/", "/a", "/a/*", "/a/**", "/**/b", "/*/b", "/**", "/a/b/"];
const PATHS: [&str; 7] = ["/", "/a", "/a/b", "/a/b/", "/c/b", "/a/c/d", "/c"];
const CALLERS: [&str; 6] = [
    "blue/monitoring/karma",
    "blue/monitoring/other",
    "blue/default/karma",
    "idp/ada",
    "sso/ada",
    "sso/bob",
];

fn entry() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"service_account": "blue/monitoring/karma"}),
        json!({"service_account": "blue/monitoring/*"}),
        json!({"service_account": "*/*/karma"}),
        json!({"from": "blue", "anyone": true}),
        json!({"from": "idp", "user": "ada"}),
        json!({"from": "idp", "anyone": true}),
        json!({"from": "sso", "anyone": true}),
        json!({"from": "sso", "user": "ada"}),
        json!({"from": "sso", "group": "sre"}),
        json!({"from": "sso", "email_domain": "example.com"}),
        json!({"from": "sso", "group": "sre", "email": "ada@example.com"}),
        json!({"from": "sso", "claim": {"path": ["team"], "contains": "infra"}}),
    ])
}

fn rule() -> impl Strategy<Value = Value> {
    let methods = prop::option::of(prop::sample::subsequence(METHODS[..2].to_vec(), 1..=2));
    let paths = prop::option::of(prop::collection::vec(select(PATTERNS.to_vec()), 1..3));
    let entries = prop::collection::vec(entry(), 1..3);
    (methods, paths, entries, any::<u8>()).prop_map(|(methods, paths, entries, kind)| {
        let mut rule = json!({});
        if let Some(methods) = methods {
            rule["methods"] = json!(methods);
        }
        match paths {
            Some(paths) if kind % 4 == 0 => {
                rule["paths"] = json!(paths);
                rule["public"] = json!(true);
                return rule;
            }
            Some(paths) => rule["paths"] = json!(paths),
            None => {}
        }
        rule["allow"] = json!(entries);
        rule
    })
}

/// A policy with these rules in two apps. `hosts` is the app of each host, or none.
fn build(apps: &[Vec<Value>; 2], hosts: [usize; 3], refused: Option<&str>) -> Value {
    let apps = apps.iter().enumerate().map(|(index, rules)| {
        let own = HOSTS.iter().zip(hosts).filter(|(_, app)| *app == index);
        let mut own: Vec<&str> = own.map(|(host, _)| *host).collect();
        // Every app has a host.
        let only = format!("only-{index}.example.org");
        own.push(&only);
        let named = rules.iter().enumerate().map(|(number, rule)| {
            let mut rule = rule.clone();
            rule["name"] = json!(format!("rule-{number}"));
            rule
        });
        json!({"name": format!("app-{index}"), "hosts": own, "rules": named.collect::<Vec<_>>()})
    });
    let mut policy = policy(&Value::Array(apps.collect()));
    if let Some(refused) = refused {
        policy["refuse_callers"] = json!([refused]);
    }
    policy
}

/// What both policies allow of a sample of requests.
fn sample(simulators: [&Simulator; 2]) -> Vec<[bool; 2]> {
    let callers = CALLERS.iter().map(|name| {
        let user = name.strip_prefix("sso/");
        SimulatedCaller::Named(NamedCaller {
            name: (*name).to_owned(),
            groups: if *name == "sso/ada" {
                vec!["sre".to_owned()]
            } else {
                Vec::new()
            },
            email: user.map(|user| format!("{user}@example.com")),
        })
    });
    let callers: Vec<SimulatedCaller> = callers.chain([SimulatedCaller::Anonymous]).collect();
    let mut found = Vec::new();
    for host in [
        "a.example.com",
        "b.example.com",
        "c.example.com",
        "only-0.example.org",
    ] {
        for caller in &callers {
            for (method, path) in METHODS
                .iter()
                .flat_map(|method| PATHS.map(|path| (method, path)))
            {
                found.push(simulators.map(|simulator| {
                    let request = SimulatedRequest::new(method, host.as_bytes(), path.as_bytes());
                    let request = simulator.present(request, caller, NOW).unwrap();
                    simulator.decide(&request.headers(), NOW).is_allowed()
                }));
            }
        }
    }
    found
}

/// What is edited.
#[derive(Clone, Debug)]
enum Edit {
    AddRule(usize, Value),
    MoveHost(usize, usize),
    Refuse(Option<&'static str>),
    RemoveRule(usize, usize),
    Replace(usize, usize, Value),
    Reverse(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (0..2_usize, rule()).prop_map(|(app, rule)| Edit::AddRule(app, rule)),
        (0..3_usize, 0..3_usize).prop_map(|(host, app)| Edit::MoveHost(host, app)),
        prop::option::of(select(CALLERS.to_vec())).prop_map(Edit::Refuse),
        (0..2_usize, 0..3_usize).prop_map(|(app, rule)| Edit::RemoveRule(app, rule)),
        (0..2_usize, 0..3_usize, rule()).prop_map(|(app, at, rule)| Edit::Replace(app, at, rule)),
        (0..2_usize).prop_map(Edit::Reverse),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edit_that_adds_access_is_reported_and_one_that_adds_none_is_not(
        apps in [prop::collection::vec(rule(), 1..4), prop::collection::vec(rule(), 1..4)],
        hosts in [0..3_usize, 0..3_usize, 0..3_usize],
        refused in prop::option::of(select(CALLERS.to_vec())),
        edit in edit(),
    ) {
        let old = build(&apps, hosts, refused);
        let (mut apps, mut hosts, mut refused) = (apps, hosts, refused);
        match edit {
            Edit::AddRule(app, rule) => apps[app].push(rule),
            Edit::MoveHost(host, app) => hosts[host] = app,
            Edit::Refuse(name) => refused = name,
            Edit::RemoveRule(app, at) if apps[app].len() > 1 => {
                let at = at % apps[app].len();
                apps[app].remove(at);
            }
            Edit::RemoveRule(..) => {}
            Edit::Replace(app, at, rule) => {
                let at = at % apps[app].len();
                apps[app][at] = rule;
            }
            Edit::Reverse(app) => apps[app].reverse(),
        }
        let new = build(&apps, hosts, refused);
        let comparison = compare(&old, &new);
        let sample = sample([&simulator(&old), &simulator(&new)]);
        let gains = sample.iter().any(|[old, new]| *new && !*old);
        let loses = sample.iter().any(|[old, new]| *old && !*new);
        prop_assert!(!gains || !comparison.gained.is_empty(), "{old}\n{new}\n{}", comparison.text());
        prop_assert!(!loses || !comparison.lost.is_empty(), "{old}\n{new}\n{}", comparison.text());
        prop_assert!(comparison.settings.is_empty());
        // Each difference has an example that the judgement has confirmed, so none is reported without a reason.
        let mut all = comparison.gained.iter().chain(&comparison.lost);
        prop_assert!(all.all(|access| access.example.is_some()));
        if old == new {
            prop_assert!(!comparison.has_differences());
        }
    }
}
