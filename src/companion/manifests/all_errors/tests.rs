use super::*;
use crate::document::Document;

/// A policy with something of each kind.
const POLICY: &str = "\
trust:
  - name: blue
    kind: kubernetes
    issuer: https://blue.example.com
    audiences: [portcullis]
    keys: {envoy_cluster: blue, refresh: 5m}
  - name: gitlab
    kind: oidc
    issuer: https://gitlab.example.com
    audiences: [tools]
    keys: {envoy_cluster: gitlab, jwks: 'https://gitlab.example.com/keys'}
    claims: {groups: roles}
sso:
  url: https://auth.example.com
  envoy_cluster: portcullis
  providers: [sso, github]
apps:
  - name: alertmanager
    hosts: [alertmanager.example.com]
    bearer: gate
    rules:
      - name: polls
        methods: [GET, HEAD]
        paths: [/api/v2/**, /metrics]
        allow:
          - service_account: blue/monitoring/karma
          - {from: gitlab, group: sre}
          - {from: github, email: ada@example.com}
      - name: probes
        paths: [/-/healthy]
        public: true
  - name: prometheus
    hosts: [prometheus.example.com, '*.metrics.example.com']
    strip_headers: [x-webauth-user]
    identity_headers: {X-WEBAUTH-USER: email}
    contact: '#sre'
    report_until: 2027-01-31T00:00:00Z
    shadow_rules:
      - name: shadow
        methods: [HEAD]
        allow:
          - {from: sso, group: ops}
    rules:
      - name: all
        allow:
          - {from: sso, anyone: true}
audit: {allowed: info}
max_token: 8192
";

/// One mistake each, in places that do not depend on each other: the text, what stands instead, and the path of the
/// error.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "    kind: kubernetes\n",
        "    knid: kubernetes\n",
        "trust[0].knid",
    ),
    (
        "audiences: [portcullis]",
        "audiences: []",
        "trust[0].audiences",
    ),
    ("refresh: 5m", "refresh: 5", "trust[0].keys.refresh"),
    (
        "issuer: https://gitlab.example.com\n",
        "issuer: 7\n",
        "trust[1].issuer",
    ),
    (
        "claims: {groups: roles}",
        "claims: {groups: 1}",
        "trust[1].claims.groups",
    ),
    (
        "jwks: 'https://gitlab.example.com/keys'",
        "jwks: here",
        "trust[1].keys.jwks",
    ),
    ("  url: https://auth.example.com\n", "", "sso"),
    (
        "  providers: [sso, github]",
        "  cookie: a\n  providers: [sso, github]",
        "sso.cookie",
    ),
    (
        "hosts: [alertmanager.example.com]",
        "hosts: ['*']",
        "apps[0].hosts[0]",
    ),
    ("bearer: gate", "bearer: both", "apps[0].bearer"),
    (
        "      - name: polls",
        "      - name: Polls",
        "apps[0].rules[0].name",
    ),
    ("[GET, HEAD]", "[GET, head]", "apps[0].rules[0].methods[1]"),
    (
        "[/api/v2/**, /metrics]",
        "[api, /metrics]",
        "apps[0].rules[0].paths[0]",
    ),
    (
        "blue/monitoring/karma",
        "blue/monitoring",
        "apps[0].rules[0].allow[0].service_account",
    ),
    (
        "{from: gitlab, group: sre}",
        "{from: gitlab, gruop: sre}",
        "apps[0].rules[0].allow[1].gruop",
    ),
    (
        "{from: github, email: ada@example.com}",
        "{from: github, email: ada}",
        "apps[0].rules[0].allow[2].email",
    ),
    ("        public: true\n", "", "apps[0].rules[1]"),
    (
        "  - name: prometheus\n",
        "  - name: alertmanager\n",
        "apps[1].name",
    ),
    (
        "hosts: [prometheus.example.com, '*.metrics.example.com']",
        "hosts: prometheus.example.com",
        "apps[1].hosts",
    ),
    (
        "strip_headers: [x-webauth-user]",
        "strip_headers: [cookie]",
        "apps[1].strip_headers[0]",
    ),
    (
        "X-WEBAUTH-USER: email",
        "X-WEBAUTH-USER: mail",
        "apps[1].identity_headers.X-WEBAUTH-USER",
    ),
    ("contact: '#sre'", "contact: ''", "apps[1].contact"),
    (
        "report_until: 2027-01-31T00:00:00Z",
        "report_until: soon",
        "apps[1].report_until",
    ),
    (
        "      - name: shadow\n        methods: [HEAD]",
        "      - name: Shadow\n        methods: []",
        "apps[1].shadow_rules[0].methods apps[1].shadow_rules[0].name",
    ),
    (
        "{from: sso, group: ops}",
        "{from: sso, gruop: ops}",
        "apps[1].shadow_rules[0].allow[0].gruop",
    ),
    (
        "{from: sso, anyone: true}",
        "{from: ss0, anyone: true}",
        "apps[1].rules[0].allow[0].from",
    ),
    (
        "audit: {allowed: info}",
        "audit: {allowed: all}",
        "audit.allowed",
    ),
    (
        "max_token: 8192",
        "max_token: 1\nmin_token: 1",
        "max_token min_token",
    ),
];

/// The paths of all errors of a policy, sorted.
fn paths(yaml: &str) -> Vec<String> {
    let document = Document::parse("p.yaml".to_owned(), yaml.into(), "").unwrap();
    let Err(first) = Policy::from_json(&document.root().to_string()) else {
        return Vec::new();
    };
    let problems = find(document.root(), &first);
    let firsts = problems.first().map(|problem| &*problem.path);
    assert_eq!(
        firsts,
        Some(first.path()),
        "the first error is core's: {yaml}"
    );
    let mut paths: Vec<String> = problems.into_iter().map(|problem| problem.path).collect();
    paths.sort();
    paths
}

fn with(mistakes: &[&(&str, &str, &str)]) -> (String, Vec<String>) {
    let mut text = POLICY.to_owned();
    let mut paths = Vec::new();
    for (piece, other, path) in mistakes {
        assert_eq!(POLICY.matches(piece).count(), 1, "{piece}");
        text = text.replace(piece, other);
        paths.extend(path.split(' ').map(str::to_owned));
    }
    paths.sort();
    (text, paths)
}

#[test]
fn one_mistake_is_one_error() {
    assert_eq!(paths(POLICY), Vec::<String>::new());
    for mistake in MISTAKES {
        let (text, expected) = with(&[mistake]);
        assert_eq!(paths(&text), expected, "{mistake:?}");
    }
}

#[test]
fn two_mistakes_are_two_errors_and_no_error_follows_from_another() {
    for (index, one) in MISTAKES.iter().enumerate() {
        for other in MISTAKES.iter().skip(index + 1) {
            let (text, expected) = with(&[one, other]);
            let found = paths(&text);
            // An entry that names a trust entry or a provider is not judged where that one is wrong.
            let depends = |path: &String| path.contains(".allow[") && !found.contains(path);
            let is_wrong = |path: &str| path.starts_with("trust[0]") || path.starts_with("sso");
            let expected: Vec<String> = match expected.iter().any(|path| is_wrong(path)) {
                true => expected.into_iter().filter(|path| !depends(path)).collect(),
                false => expected,
            };
            assert_eq!(found, expected, "{one:?} {other:?}");
        }
    }
}

#[test]
fn all_mistakes_at_once_are_all_errors_but_those_that_depend_on_others() {
    let all: Vec<_> = MISTAKES.iter().collect();
    let (text, expected) = with(&all);
    let found = paths(&text);
    let missed: Vec<_> = expected
        .iter()
        .filter(|path| !found.contains(path))
        .collect();
    assert!(
        found.iter().all(|path| expected.contains(path)),
        "{found:?}"
    );
    assert!(
        missed.iter().all(|path| path.contains(".allow[")),
        "{missed:?}"
    );
}

#[test]
fn a_reference_to_a_mistyped_name_is_no_error_of_its_own() {
    for (piece, other, expected) in [
        ("  - name: blue\n", "  - name: Blue\n", "trust[0].name"),
        ("  - name: blue\n", "  - nmae: blue\n", "trust[0].nmae"),
        ("kind: kubernetes", "kind: k8s", "trust[0].kind"),
        (
            "providers: [sso, github]",
            "providers: [sso, git_hub]",
            "sso.providers[1]",
        ),
        (
            "providers: [sso, github]",
            "providers: github",
            "sso.providers",
        ),
        ("sso:\n", "ssso:\n", "ssso"),
        ("trust:\n", "trusts:\n", "trusts"),
    ] {
        let text = POLICY
            .replace(piece, other)
            .replace("github, email", "git_hub, email");
        let text = if other.contains("git_hub") {
            text
        } else {
            POLICY.replace(piece, other)
        };
        assert_eq!(paths(&text), [expected], "{other}");
    }
}

#[test]
fn a_list_in_which_nothing_is_left_is_no_error_of_its_own() {
    let text = POLICY
        .replace("blue/monitoring/karma", "b")
        .replace("group: sre", "user: ''")
        .replace("email: ada@example.com", "email: a")
        .replace("[GET, HEAD]", "[get, head]");
    let entry = |index, field: &str| format!("apps[0].rules[0].allow[{index}].{field}");
    let methods = [0, 1].map(|index| format!("apps[0].rules[0].methods[{index}]"));
    let mut expected = vec![
        entry(0, "service_account"),
        entry(1, "user"),
        entry(2, "email"),
    ];
    expected.extend(methods);
    assert_eq!(paths(&text), expected);
}

#[test]
fn the_number_of_errors_is_bounded() {
    let hosts: Vec<String> = (0..1000).map(|index| format!("'a b {index}'")).collect();
    let text = POLICY.replace(
        "hosts: [alertmanager.example.com]",
        &format!("hosts: [{}]", hosts.join(", ")),
    );
    assert_eq!(paths(&text).len(), MAX_ERRORS);
}

#[test]
fn no_damaged_policy_causes_a_panic_or_an_endless_search() {
    let values = ["null", "[]", "{}", "7", "''", "[[]]", "{name: a}", "true"];
    let lines: Vec<&str> = POLICY.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let Some((before, _)) = line.split_once(": ") else {
            continue;
        };
        for value in values {
            let mut lines = lines.clone();
            let line = format!("{before}: {value}");
            lines[index] = &line;
            let text = lines.join("\n");
            if let Ok(document) = Document::parse("p.yaml".to_owned(), text.clone().into(), "")
                && let Err(first) = Policy::from_json(&document.root().to_string())
            {
                let problems = find(document.root(), &first);
                assert!((1..10).contains(&problems.len()), "{line}: {problems:?}");
            }
        }
    }
}
