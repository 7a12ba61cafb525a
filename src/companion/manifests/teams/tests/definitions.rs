//! What `teams` itself can be.

use super::*;

#[test]
fn bad_definitions_are_errors_at_their_places() {
    for (piece, other, expected) in [
        (
            "name: payments",
            "nam: payments",
            "7:3: teams[0].nam: unknown field `nam`",
        ),
        (
            "name: payments",
            "name: Payments",
            "7:9: teams[0].name: `Payments` is not a valid name",
        ),
        (
            "name: platform",
            "name: payments",
            "11:9: teams[1].name: duplicate name `payments`",
        ),
        (
            "  files: [apps/payments/**]\n",
            "",
            "7:3: teams[0]: missing field `files`",
        ),
        (
            "[apps/payments/**]",
            "[]",
            "8:3: teams[0].files: the list is empty",
        ),
        (
            "[apps/payments/**]",
            "apps/payments",
            "8:10: teams[0].files: expected a list, found a string",
        ),
        (
            "[apps/payments/**]",
            "[payments/**]",
            "8:11: teams[0].files[0]: `payments/**` is not a pattern of files",
        ),
        (
            "[apps/payments/**]",
            "['apps/pay**']",
            "8:11: teams[0].files[0]: `apps/pay**` is not a pattern: ",
        ),
        (
            "[apps/payments/**]",
            "[apps/a, apps/a]",
            "8:19: teams[0].files[1]: `apps/a` is already listed",
        ),
        (
            "[payments.example.com,",
            "['*',",
            "9:11: teams[0].hosts[0]: `*` is not a host",
        ),
        (
            "ledger.pay.example.com",
            "payments.example.com",
            "13:28: teams[1].hosts[1]: `payments.example.com` is already a host of team `payments`",
        ),
        (
            "[blue, sso]",
            "[bleu, sso]",
            "10:10: teams[0].from[0]: `bleu` is neither a trust entry nor a provider",
        ),
        (
            "[blue, sso]",
            "[7]",
            "10:10: teams[0].from[0]: expected a string, found a number",
        ),
        (
            "public: true",
            "public: yes-please",
            "15:11: teams[1].public: expected true or false, found a string",
        ),
        (
            &POLICY[POLICY.find("- name: payments").unwrap()..],
            "  {}\n",
            "7:3: teams: expected a list, found a mapping",
        ),
    ] {
        assert!(POLICY.contains(piece), "{piece}");
        let policy = POLICY.replacen(piece, other, 1);
        let errors = errors_of(&policy, &[("apps/payments/app.yaml", APP)]);
        let start = format!("error: portcullis.yaml:{expected}");
        assert!(
            errors.iter().any(|error| error.starts_with(&start)),
            "{expected}: {errors:#?}"
        );
        assert!(
            errors.iter().all(|error| error.contains("\nhelp: ")),
            "{errors:?}"
        );
    }
}

#[test]
fn teams_need_files_of_their_own() {
    let text = format!("{POLICY}{APP}");
    let whole = FoundPolicy::whole(&parsed("p.yaml", &text));
    let errors = whole.validate().unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error = errors[0].to_string();
    assert!(
        error.starts_with("error: p.yaml:7:3: teams: teams need files of their own"),
        "{error}"
    );
    assert!(
        error.contains("help: write the apps to files in a folder `apps`"),
        "{error}"
    );
}

#[test]
fn each_file_belongs_to_one_team() {
    let errors = errors_of(POLICY, &[("apps/other.yaml", APP)]);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with(
            "error: apps/other.yaml:1:1: apps: `apps/other.yaml` belongs to no team\n"
        ) && errors[0].contains("help: move the file to a folder of a team, or add a pattern"),
        "{errors:?}"
    );
    // A file without apps too.
    let files = [
        ("apps/payments/app.yaml", APP),
        ("apps/Payments/b.yaml", "apps: []"),
    ];
    let errors = errors_of(POLICY, &files);
    assert!(
        errors.len() == 1 && errors[0].contains("`apps/Payments/b.yaml` belongs to no team"),
        "{errors:?}"
    );
    let policy = POLICY.replace("apps/platform.yaml,", "'apps/*/app.yaml',");
    let errors = errors_of(&policy, &[("apps/payments/app.yaml", APP)]);
    assert!(
        errors.len() == 1 && errors[0].contains("belongs to the teams `payments` and `platform`"),
        "{errors:?}"
    );
    // `*` is within one name.
    let errors = errors_of(POLICY, &[("apps/tools-a/b.yaml", APP)]);
    assert!(errors[0].contains("belongs to no team"), "{errors:?}");
}
