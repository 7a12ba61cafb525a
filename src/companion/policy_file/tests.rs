use super::*;

/// A policy with something of each kind, as users write it.
pub(super) const SAMPLE: &str = "\
# Access of Karma.
trust:
  - name: staging
    kind: kubernetes
    issuer: https://kubernetes.example.com
    audiences: [portcullis]
    keys: {envoy_cluster: k8s-staging, refresh: 5m}
apps:
  - name: alertmanager
    hosts:
      - alertmanager.example.com
    rules:
      - name: karma-polls
        methods: [GET, HEAD]
        paths: [/api/v2/**, '/metrics']
        allow:
          - service_account: staging/monitoring/karma
          - {from: staging, claim: {path: [kubernetes.io, pod, name], equals: \"012\"}}
      - name: probes
        paths: [/-/healthy]
        public: true
max_token: 8192
";

fn file(name: &str, text: &str) -> PolicyFile {
    PolicyFile::parse(name.to_owned(), text.into()).unwrap_or_else(|report| panic!("{report}"))
}

/// The error of the sample with one piece of it replaced.
#[track_caller]
fn error_of(piece: &str, other: &str) -> String {
    assert_eq!(SAMPLE.matches(piece).count(), 1, "one location for {piece}");
    let text = SAMPLE.replace(piece, other);
    let file = PolicyFile::parse("p.yaml".to_owned(), text.into());
    let report = file
        .and_then(|file| file.policy())
        .expect_err("a bad policy");
    report.to_string()
}

#[test]
fn a_policy_is_accepted_in_yaml_and_in_json_alike() {
    let yaml = file("p.yaml", SAMPLE);
    yaml.policy().unwrap_or_else(|report| panic!("{report}"));
    for name in ["p.json", "<stdin>", "policy", "p.yaml"] {
        let json = file(name, &yaml.json());
        json.policy()
            .unwrap_or_else(|report| panic!("{name}: {report}"));
        assert_eq!(json.json(), yaml.json(), "{name}");
    }
}

#[test]
fn the_json_equals_the_yaml() {
    let json = file("p.yaml", SAMPLE).json();
    let expected = concat!(
        r#"{"trust":[{"name":"staging","kind":"kubernetes","#,
        r#""issuer":"https://kubernetes.example.com","audiences":["portcullis"],"#,
        r#""keys":{"envoy_cluster":"k8s-staging","refresh":"5m"}}],"#,
        r#""apps":[{"name":"alertmanager","hosts":["alertmanager.example.com"],"rules":["#,
        r#"{"name":"karma-polls","methods":["GET","HEAD"],"paths":["/api/v2/**","/metrics"],"#,
        r#""allow":[{"service_account":"staging/monitoring/karma"},"#,
        r#"{"from":"staging","claim":{"path":["kubernetes.io","pod","name"],"equals":"012"}}]},"#,
        r#"{"name":"probes","paths":["/-/healthy"],"public":true}]}],"max_token":8192}"#,
    );
    assert_eq!(json, expected);
}

#[test]
fn an_unknown_field_is_shown_at_its_location() {
    let error = error_of(
        "- {from: staging, claim",
        "- {from: staging, claims: {}, claim",
    );
    let expected = "\
error: p.yaml:18:29: apps[0].rules[0].allow[1].claims: unknown field `claims`
   18 |           - {from: staging, claims: {}, claim: {path: [kubernetes.io, pod, name], equals: \"012\"}}
      |                             ^^^^^^
help: did you mean `claim`?";
    assert_eq!(error, expected);
}

#[test]
fn errors_of_core_point_at_the_value_the_name_or_the_element() {
    for (piece, other, location, carets) in [
        // An invalid value.
        (
            "refresh: 5m",
            "refresh: soon",
            "7:49: trust[0].keys.refresh:",
            "^^^^",
        ),
        ("HEAD]", "5]", "14:24: apps[0].rules[0].methods[1]:", "^"),
        ("max_token: 8192", "max_token: 8", "22:12: max_token:", "^"),
        // An invalid name, and names with an empty or a missing value.
        ("kind:", "knid:", "4:5: trust[0].knid:", "^^^^"),
        (
            "[/-/healthy]",
            "[]",
            "20:9: apps[0].rules[1].paths:",
            "^^^^^",
        ),
        ("[/-/healthy]", "", "20:9: apps[0].rules[1].paths:", "^^^^^"),
        // A missing field: the start of its mapping.
        ("    kind: kubernetes\n", "", "3:5: trust[0]", "^^^^"),
    ] {
        let error = error_of(piece, other);
        let lines: Vec<&str> = error.lines().collect();
        assert!(
            lines[0].starts_with(&format!("error: p.yaml:{location}")),
            "{error}"
        );
        assert_eq!(lines[2].trim_start_matches([' ', '|']), carets, "{error}");
        assert!(lines[3].starts_with("help: "), "{error}");
    }
}

#[test]
fn the_same_error_in_json_has_its_location() {
    let json = file("p.yaml", SAMPLE)
        .json()
        .replace("\"kind\"", "\"knid\"");
    let report = file("p.json", &json)
        .policy()
        .expect_err("a typo")
        .to_string();
    assert!(
        report.starts_with("error: p.json:1:29: trust[0].knid: unknown field"),
        "{report}"
    );
    let carets = report.lines().nth(2).expect("the carets");
    assert!(carets.ends_with(" ^^^^^^"), "{report}");
}

#[test]
fn a_missing_list_is_an_error_of_the_whole_file() {
    let report = file("p.json", "{}")
        .policy()
        .expect_err("no apps")
        .to_string();
    assert_eq!(
        report,
        "error: p.json: missing field `apps`\nhelp: list at least one app"
    );
}

#[test]
fn an_empty_file_is_not_a_policy() {
    for (name, text) in [
        ("p.yaml", ""),
        ("p.yaml", "# all of it commented out\n"),
        ("p.yaml", "---\n...\n"),
        ("p.json", " \n"),
        ("p.json", "null"),
        ("<stdin>", ""),
    ] {
        let report = PolicyFile::parse(name.to_owned(), text.into()).expect_err("nothing");
        let report = report.to_string();
        assert!(
            report.contains(": the file is empty\nhelp: write a policy"),
            "{report}"
        );
    }
}

#[test]
fn a_value_that_is_not_a_mapping_is_an_error_at_its_location() {
    for (name, text) in [
        ("p.yaml", "\n  hello"),
        ("p.yaml", "\n  - a"),
        ("p.json", "\n  [1]"),
    ] {
        let error = match file(name, text).policy() {
            Ok(_) => panic!("{text:?} is no policy"),
            Err(report) => report.to_string(),
        };
        assert!(error.contains("expected a mapping, found "), "{error}");
    }
}

#[test]
fn no_damaged_file_causes_a_panic() {
    let json = file("p.yaml", SAMPLE).json();
    let insertions = [
        "",
        "\0",
        "\t",
        "\"",
        "'",
        "{",
        "[",
        "}",
        "]",
        "*",
        "&a ",
        "!t ",
        "|\n",
        "é\u{202e}",
    ];
    for (name, whole) in [("p.yaml", SAMPLE), ("p.yaml", &json), ("p.json", &json)] {
        for at in (0..whole.len()).filter(|at| whole.is_char_boundary(*at)) {
            let (before, after) = whole.split_at(at);
            let text = format!(
                "{before}{}{}",
                insertions[at % insertions.len()],
                &after[1..]
            );
            for text in [text.as_str(), before] {
                let file = PolicyFile::parse(name.to_owned(), text.into());
                if let Err(report) = file.and_then(|file| file.policy()) {
                    assert!(report.to_string().contains("\nhelp: "), "{report}");
                }
            }
        }
    }
}

#[test]
fn deep_and_endless_files_end_in_an_error() {
    for piece in [
        "[", "{", "{\"a\":", "- ", "? ", "a: {", "&a ", "!t ", "[[],", "\"", "a\n", "- - ",
    ] {
        let text = piece.repeat(20_000);
        for name in ["p.yaml", "p.json"] {
            let file = PolicyFile::parse(name.to_owned(), text.clone().into());
            let report = file.and_then(|file| file.policy()).expect_err(piece);
            assert!(report.to_string().len() < 2_000, "{report}");
        }
    }
}
