//! Inputs that are refused, and files that stay as they are.

use crate::check::{Folder, texts};

fn import(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut all = vec!["import", "oauth2-proxy"];
    all.extend(arguments);
    texts(&folder.portcullis(&all, ""))
}

#[test]
fn options_that_do_not_exist_are_reported_all_at_once_and_nothing_is_written() {
    let folder = Folder::new("import-unknown");
    folder.file(
        "proxy.cfg",
        "provider = \"oidc\"\nclient_idd = \"s3cret\"\n\ncookie_scret = \"s3cret\"\n",
    );
    folder.file("proxy.env", "A=1\nOAUTH2_PROXY_CLIENT_ID=x\nOAUTH2_PROXY_CLEINT_SECRET=s3cret\nOAUTH2_PROXY_PORT_80_TCP=x\n");
    folder.file(
        "alpha.yaml",
        "providers:\n- clientID: x\n  clientSecrets: s3cret\n",
    );
    let arguments = [
        "--config",
        "proxy.cfg",
        "--env",
        "proxy.env",
        "--alpha-config",
        "alpha.yaml",
        "--out",
        "out",
        "--",
        "--emial-domain=s3cret",
        "--email-domain",
        "*",
        "s3cret",
    ];
    let (code, stdout, stderr) = import(&folder, &arguments);
    assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
    for expected in [
        "error: the arguments after `--`: oauth2-proxy 7.15 has no flag `--emial-domain`\nhelp: did you mean `email-domain`?",
        "error: the arguments after `--`: an argument is no flag\nhelp: ",
        "error: proxy.cfg:2:1: oauth2-proxy 7.15 has no option `client_idd`\nhelp: did you mean `client_id`?",
        "error: proxy.cfg:4:1: oauth2-proxy 7.15 has no option `cookie_scret`\nhelp: did you mean `cookie_secret`?",
        "error: proxy.env:3:1: oauth2-proxy 7.15 has no variable `OAUTH2_PROXY_CLEINT_SECRET`\nhelp: did you mean `OAUTH2_PROXY_CLIENT_SECRET`?",
        "error: alpha.yaml:3:3: providers[0].clientSecrets: oauth2-proxy 7.15 has no field `clientSecrets` here\nhelp: did you mean `clientSecret`?",
    ] {
        assert!(stderr.contains(expected), "{expected}\n---\n{stderr}");
    }
    assert_eq!(stderr.matches("error:").count(), 6, "{stderr}");
    assert!(!stderr.contains("s3cret"), "{stderr}");
    assert!(!folder.path().join("out").exists());
}

#[test]
fn nothing_is_overwritten() {
    for name in ["portcullis.yaml", "companion.yaml"] {
        let folder = Folder::new(&format!("import-existing-{name}"));
        folder.file(&format!("out/{name}"), "mine");
        let (code, stdout, stderr) = import(&folder, &["--out", "out", "--", "--client-id=x"]);
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        assert!(
            stderr.contains(&format!("out/{name}: the file exists\nhelp: ")),
            "{stderr}"
        );
        assert_eq!(folder.read(&format!("out/{name}")), "mine");
        assert_eq!(
            std::fs::read_dir(folder.path().join("out"))
                .unwrap()
                .count(),
            1,
            "no other file"
        );
    }
}

#[test]
fn input_that_can_not_be_parsed_names_file_and_line_and_shows_no_value() {
    let folder = Folder::new("import-invalid");
    folder.file(
        "proxy.cfg",
        "provider = \"oidc\"\nclient_secret = \"s3cret\n",
    );
    folder.file("proxy.env", "OAUTH2_PROXY_CLIENT_ID=x\ns3cret\n");
    folder.file("alpha.yaml", "providers:\n- clientSecret: {s3cret\n");
    folder.file("values.yaml", "config:\n  clientSecret: \"s3cret\n");
    folder.file("ingress.yaml", "kind: ConfigMap\n");
    for (arguments, expected) in [
        (["--config", "proxy.cfg"], "error: proxy.cfg:2:"),
        (
            ["--env", "proxy.env"],
            "error: proxy.env:2:1: not a variable",
        ),
        (["--alpha-config", "alpha.yaml"], "error: alpha.yaml:"),
        (["--helm", "values.yaml"], "error: values.yaml:"),
        (
            ["--ingress", "ingress.yaml"],
            "error: ingress.yaml: has no Ingress with rules",
        ),
        (
            ["--config", "missing.cfg"],
            "error: missing.cfg: can't be read: ",
        ),
    ] {
        let (code, stdout, stderr) = import(&folder, &[&arguments[..], &["--out", "out"]].concat());
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        assert!(stderr.starts_with(expected), "{expected}\n---\n{stderr}");
        assert!(stderr.contains("\nhelp: "), "{stderr}");
        assert!(!stderr.contains("s3cret"), "{stderr}");
        assert!(!folder.path().join("out").exists());
    }
    let (code, _, stderr) = import(&folder, &["--out", "out"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("there is nothing to import"), "{stderr}");
}

#[test]
fn what_is_written_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("import-private");
    let (code, _, stderr) = import(&folder, &["--out", "out", "--", "--client-id=x"]);
    assert_eq!((code, &*stderr), (Some(3), ""));
    let mode = |path: &str| {
        folder
            .path()
            .join(path)
            .metadata()
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("out"), 0o700);
    assert_eq!(mode("out/portcullis.yaml"), 0o600);
    assert_eq!(mode("out/companion.yaml"), 0o600);
}
