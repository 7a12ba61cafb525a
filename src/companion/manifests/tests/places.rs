//! Which policies are found, and where their errors are.

use super::*;
use crate::watch::Contents as _;

#[test]
fn the_same_policy_has_the_same_digest_in_every_form() {
    let whole = digests_of(&policy(0));
    assert_eq!(whole.len(), 1);
    let json = Document::parse("p.yaml".to_owned(), policy(0).into(), "").unwrap();
    let json = json.root().to_string();
    let base64 = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(&json)
    };
    let envoy = |kind: &str, value: &str| {
        format!(
            "static_resources:\n  listeners:\n  - filter_chains:\n    - filters:\n      - typed_config:\n          \
             '@type': type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n          config:\n            \
             configuration:\n              '@type': type.googleapis.com/google.protobuf.{kind}\n              \
             value: {value}\n"
        )
    };
    for form in [
        json.clone(),
        format!("---\n{}", policy(0)),
        plugin("WasmPlugin", "  phase: AUTHN\n"),
        plugin("TrafficExtension", "  phase: AUTHN\n"),
        format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nmetadata: {{name: a}}\n\
             spec:\n  wasm:\n  - name: other\n    config: {{a: 1}}\n  - config:\n{}",
            policy(6)
        ),
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  other: a\n  portcullis.yaml: |\n{}",
            policy(4)
        ),
        format!("apiVersion: v1\nkind: ConfigMap\ndata: {{portcullis.json: '{json}'}}\n"),
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  data:\n    portcullis.yml: |\n{}",
            policy(6)
        ),
        format!(
            "replicas: 2\nimage: &image {{tag: on}}\nother: *image\npolicy:\n{}",
            policy(2)
        ),
        envoy("Struct", &format!("\n{}", policy(16))),
        envoy("StringValue", &format!("'{json}'")),
        envoy("StringValue", &format!("|\n                {json}\n")),
        envoy("BytesValue", &base64),
    ] {
        assert_eq!(digests_of(&form), whole, "{form}");
    }
}

#[test]
fn apps_of_policy_files_follow_those_of_the_policy_in_the_order_of_their_names() {
    let app = |name: &str, indent: usize| {
        let app = format!(
            "- name: {name}\n  hosts: [{name}.example.com]\n  rules: [{{name: a, paths: [/], public: true}}]\n"
        );
        let pad = " ".repeat(indent);
        app.lines()
            .map(|line| format!("{pad}{line}\n"))
            .collect::<String>()
    };
    let values = format!(
        "policy:\n{}policyFiles:\n  b:\n    apps:\n{}  a.yaml:\n    apps:\n{}",
        policy(2),
        app("two", 4),
        app("one", 4)
    );
    let whole = format!("{}{}{}", policy(0), app("one", 0), app("two", 0));
    assert_eq!(digests_of(&values), digests_of(&whole));
    // An error has the place of the file that it is in.
    let errors = errors_of(&values.replace("[two.example.com]", "['*']"));
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains("policyFiles.b.apps[0].hosts[0]: `*` matches every host\n"),
        "{}",
        errors[0]
    );
    assert!(
        errors[0].starts_with("error: f.yaml:19:15:"),
        "{}",
        errors[0]
    );
    // All but apps belongs to the policy.
    let errors = errors_of(&values.replace("  b:\n", "  b:\n    trust: []\n"));
    assert!(
        errors[0].contains("policyFiles.b.trust: `trust` can't be beside `apps` here"),
        "{errors:?}"
    );
}

#[test]
fn errors_have_file_document_line_and_path() {
    let bad = |text: String| text.replace("hosts:", "host:");
    for (text, start) in [
        (
            bad(policy(0)),
            "error: f.yaml:9:3: apps[0].host: unknown field `host`\n",
        ),
        (
            bad(plugin("WasmPlugin", "")),
            "error: f.yaml:16:7: spec.pluginConfig.apps[0].host: unknown field `host`\n",
        ),
        (
            format!("a: 1\n---\n{}", bad(plugin("TrafficExtension", ""))),
            "error: f.yaml:19:9: document 2: spec.wasm.pluginConfig.apps[0].host: unknown field `host`\n",
        ),
        (
            format!(
                "apiVersion: v1\nkind: ConfigMap\ndata:\n  portcullis.yaml: |\n{}",
                bad(policy(4))
            ),
            "error: f.yaml:13:7: data.portcullis.yaml.apps[0].host: unknown field `host`\n",
        ),
    ] {
        let errors = errors_of(&text);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with(start), "{}", errors[0]);
        assert!(
            errors[0].ends_with("help: did you mean `hosts`?"),
            "{}",
            errors[0]
        );
    }
}

#[test]
fn yaml_is_strict_in_policies_only() {
    let around = "metadata: &m {name: on}\nother: *m\nmore: !!str 012\n<<: {a: 1}\n? [a]\n: b\n";
    let object = plugin("WasmPlugin", "").replace("metadata: {", &format!("{around}meta: {{"));
    assert_eq!(errors_of(&object), Vec::<String>::new());
    for (piece, other, problem) in [
        ("name: polls", "name: &a polls", "anchors are not supported"),
        ("name: polls", "name: !!str polls", "tags are not supported"),
        (
            "name: polls",
            "name: on",
            "`on` is a boolean for some YAML parsers",
        ),
        (
            "name: polls",
            "name: 012",
            "`012` is a number for some YAML parsers",
        ),
        (
            "name: polls",
            "<<: {name: polls}",
            "merge keys are not supported",
        ),
        ("name: polls", "name: *m", "aliases are not supported"),
    ] {
        let errors = errors_of(&object.replace(piece, other));
        assert_eq!(errors.len(), 1, "{other}: {errors:?}");
        assert!(errors[0].contains(problem), "{other}: {}", errors[0]);
    }
    // Two of them are two errors.
    let both = object
        .replace("name: polls", "name: on")
        .replace("name: alert", "name: &a alert");
    assert_eq!(errors_of(&both).len(), 2);
    // Duplicate names are errors anywhere.
    let errors =
        errors_of("a: 1\nb: {c: 1, c: 2}\n---\napiVersion: v1\nkind: Secret\nkind: Secret\n");
    assert!(
        errors[0].starts_with("error: f.yaml:2:11: document 1: duplicate name `c`"),
        "{errors:?}"
    );
    assert!(
        errors[1].starts_with("error: f.yaml:6:1: document 2: duplicate name `kind`"),
        "{errors:?}"
    );
}

#[test]
fn a_policy_behind_an_alias_is_an_error() {
    let anchor = format!("apiVersion: v1\nkind: ConfigMap\nconfig: &p\n{}", policy(2));
    let object =
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: a}\nspec: ";
    for spec in [
        "*p",
        "{pluginConfig: *p}",
        "{<<: *p}",
        "{pluginConfig: {<<: *p}}",
    ] {
        let text = format!("{anchor}---\n{object}{spec}\n");
        let found = found_in("f.yaml", &text);
        assert!(
            !found.errors.is_empty() || found.policies.is_empty(),
            "{spec}"
        );
        assert!(!errors_of(&text).is_empty(), "{spec}");
    }
}

#[test]
fn other_documents_are_counted_and_syntax_errors_keep_what_was_before() {
    let other = "apiVersion: apps/v1\nkind: Deployment\n---\n# nothing\n---\n[1]\n---\n";
    let found = found_in("f.yaml", &format!("{other}{}", policy(0)));
    assert_eq!((found.policies.len(), found.others), (1, 2));
    assert_eq!(found.policies[0].document.number(), Some(4));
    let found = found_in("f.yaml", &format!("{}---\na: [\n", policy(0)));
    assert_eq!((found.policies.len(), found.errors.len()), (1, 1));
    let template = found_in("f.yaml", "a: {{ .Values.a }}\nb: [\n");
    assert!(
        template.errors[0]
            .to_string()
            .contains("help: this is a template"),
        "{:?}",
        template.errors
    );
}

#[test]
fn a_plugin_without_a_configuration_is_an_error_only_if_it_is_ours() {
    let object = |name: &str| {
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: {name}}}\nspec: {{phase: AUTHN}}\n"
        )
    };
    assert_eq!(errors_of(&object("other")), Vec::<String>::new());
    let errors = errors_of(&object("portcullis"));
    assert!(
        errors[0].contains("spec: missing field `pluginConfig`"),
        "{errors:?}"
    );
}

#[test]
fn a_folder_with_apps_is_one_policy() {
    let folder = Folder::new("manifests-folder");
    let app = |name: &str| {
        format!(
            "apps:\n- name: {name}\n  hosts: [{name}.example.com]\n  rules: [{{name: a, paths: [/], public: true}}]\n"
        )
    };
    let (trust, apps) = policy(0)
        .split_once("apps:")
        .map(|(trust, apps)| (trust.to_owned(), apps.to_owned()))
        .unwrap();
    folder.file("one/portcullis.yaml", &trust);
    folder.file("one/apps/b.yaml", &app("b"));
    folder.file("one/apps/a/z.yml", &format!("apps:{apps}"));
    folder.file("one/apps/notes.txt", "not: read");
    folder.file(
        "one/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\n",
    );
    folder.file("two/portcullis.yaml", &policy(0));
    folder.file(".hidden/portcullis.yaml", "not: read");
    let found = Found::read(&[folder.path().to_owned()]);
    assert_eq!(found.errors, []);
    assert_eq!((found.files, found.policies.len(), found.others), (5, 2, 1));
    let first = found.policies[0].validate().unwrap();
    let names: Vec<&str> = first.apps().iter().map(|app| app.name()).collect();
    assert_eq!(
        (names, found.policies[0].kind),
        (vec!["alertmanager", "b"], Kind::Folder)
    );

    folder.file("one/apps/b.yaml", &app("alertmanager"));
    let found = Found::read(&[folder.path().join("one")]);
    let errors = found.policies[0].validate().unwrap_err();
    assert_eq!(errors.len(), 2, "{errors:?}");
    let error = errors[0].to_string();
    assert!(
        error.contains("b.yaml:2:9: apps[0].name: duplicate name `alertmanager`"),
        "{error}"
    );

    for (file, text, problem) in [
        (
            "one/portcullis.yaml",
            policy(0),
            "portcullis.yaml:7:1: apps: apps are in files of their own here",
        ),
        (
            "one/portcullis.yaml",
            "a: 1\n---\nb: 1\n".to_owned(),
            "more than one document",
        ),
        (
            "one/apps/b.yaml",
            format!("max_token: 1\n{}", app("b")),
            "b.yaml:1:1: max_token: `max_token` can't be beside `apps`",
        ),
        ("one/apps/b.yaml", String::new(), "the file is empty"),
        (
            "one/apps/b.yaml",
            "apps: {}".to_owned(),
            "apps: expected a list",
        ),
        ("one/apps/b.yaml", "a: b: c".to_owned(), "invalid YAML"),
    ] {
        let before = std::fs::read_to_string(folder.path().join(file)).unwrap();
        folder.file(file, &text);
        let found = Found::read(&[folder.path().join("one")]);
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        assert!(
            errors.iter().any(|error| error.contains(problem)),
            "{problem}: {errors:?}"
        );
        folder.file(file, &before);
    }
}

#[test]
fn no_policy_anywhere_is_an_error_with_help() {
    let folder = Folder::new("manifests-nothing");
    folder.file("a.yaml", "apiVersion: v1\nkind: Secret\n");
    let found = Found::read(&[folder.path().to_owned()]);
    let error = found.errors[0].to_string();
    assert!(
        error.contains("no policy found in 1 document\nhelp: name a policy"),
        "{error}"
    );
    let missing = Found::read(&[folder.path().join("none.yaml")]);
    assert_eq!(missing.errors.len(), 1);
    assert!(missing.errors[0].to_string().contains("can't be read"));
}

#[test]
fn links_that_lead_back_end_in_an_error() {
    let folder = Folder::new("manifests-loops");
    folder.file("portcullis.yaml", "trust: []\n");
    folder.file("apps/a.yaml", "apps: []\n");
    for name in ["one", "two"] {
        std::os::unix::fs::symlink("..", folder.path().join("apps").join(name)).unwrap();
    }
    let errors = [
        Found::read(&[folder.path().to_owned()]).errors,
        vec![PolicyFiles::read(folder.path()).map(|_| ()).unwrap_err()],
    ];
    for errors in errors {
        let error = errors[0].to_string();
        assert!(
            error.contains("nested too deeply") && error.contains("check that no link leads back"),
            "{error}"
        );
        assert_eq!(errors.len(), 1, "{errors:?}");
    }
}

#[test]
fn a_file_that_is_renamed_is_another_policy() {
    let folder = Folder::new("manifests-renamed");
    folder.file("portcullis.yaml", &policy(0));
    let digest = || PolicyFiles::read(folder.path()).unwrap().digest();
    folder.file("apps/a.yaml", "apps: []\n");
    let first = digest();
    let [old, new] = ["apps/a.yaml", "apps/b.yaml"].map(|name| folder.path().join(name));
    // Its team may be another one.
    std::fs::rename(old, new).unwrap();
    assert_ne!(digest(), first);
}

#[test]
fn a_pipe_in_a_folder_is_an_error_and_not_waited_for() {
    let folder = Folder::new("manifests-pipe");
    folder.file("portcullis.yaml", "trust: []\n");
    folder.file("apps/a.yaml", "apps: []\n");
    let pipe = folder.path().join("apps/b.yaml");
    let made = std::process::Command::new("mkfifo").arg(pipe).status();
    assert!(made.unwrap().success());
    let error = PolicyFiles::read(folder.path()).map(|_| ()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("apps/b.yaml: can't be read: not a regular file"),
        "{error}"
    );
}
