use super::*;

#[test]
fn t25_unknown_fields_are_errors_with_suggestions() {
    for (piece, other, line) in [
        (
            "url:",
            "ulr:",
            "1:1: ulr: unknown field `ulr`|expected one of: url, listen,",
        ),
        (
            "client_id",
            "clientid",
            "5:5: providers[0].clientid: unknown field `clientid`|did you mean `client_id`?",
        ),
        (
            "{domain:",
            "{domian:",
            "8:12: session.cookie.domian: unknown field `domian`|did you mean `domain`?",
        ),
        (
            "cookie:",
            "kookies:",
            "8:3: session.kookies: unknown field `kookies`|did you mean `cookie`?",
        ),
        (
            "{domain:",
            "{http_only: true, domain:",
            "8:12: session.cookie.http_only: unknown field `http_only`|expected one of: domain, same_site",
        ),
        (
            "url:",
            "trust: {a: {conect: x}}\nurl:",
            "1:13: trust.a.conect: unknown field `conect`|did you mean `connect`?",
        ),
    ] {
        let (location, help) = line.split_once('|').expect("two parts");
        let error = error_of(FILE, piece, other);
        assert!(
            error.starts_with(&format!("error: etc/companion.yaml:{location}")),
            "{error}"
        );
        assert!(error.contains(&format!("\nhelp: {help}")), "{error}");
    }
}

#[test]
fn t25_values_of_the_wrong_type_are_errors() {
    for (piece, other, problem) in [
        (
            "{domain: example.com}",
            "5",
            "session.cookie: expected a mapping, found a number",
        ),
        (
            "{domain: example.com}",
            "",
            "session.cookie: expected a mapping, found nothing",
        ),
        (
            "{domain: example.com}",
            "[]",
            "session.cookie: expected a mapping, found a list",
        ),
        (
            "https://auth.example.com",
            "5",
            "url: expected a string, found a number",
        ),
        (
            "https://auth.example.com",
            "",
            "url: expected a string, found nothing",
        ),
        ("https://auth.example.com", "\"\"", "url: is empty"),
        (
            "https://auth.example.com",
            "[a]",
            "url: expected a string, found a list",
        ),
        (
            "url:",
            "redirect_hosts: a.example.com\nurl:",
            "redirect_hosts: expected a list, found a string",
        ),
        (
            "url:",
            "redirect_hosts: [5]\nurl:",
            "redirect_hosts[0]: expected a string, found a number",
        ),
        (
            "url:",
            "trusted_proxies: {a: b}\nurl:",
            "trusted_proxies: expected a list, found a mapping",
        ),
        (
            "client_id: portcullis",
            "client_id: portcullis\n    trust_unverified_email: \"true\"",
            "providers[0].trust_unverified_email: expected a boolean, found a string",
        ),
        (
            "client_id: portcullis",
            "client_id: portcullis\n    trust_unverified_email: 1",
            "providers[0].trust_unverified_email: expected a boolean, found a number",
        ),
        (
            "url:",
            "limits: {connections: \"5\"}\nurl:",
            "limits.connections: expected an integer, found a string",
        ),
        (
            "url:",
            "limits: {connections: 1.5}\nurl:",
            "limits.connections: `1.5` is not an integer",
        ),
        (
            "url:",
            "limits: {connections: 0}\nurl:",
            "limits.connections: `0` is out of range",
        ),
        (
            "url:",
            "trust: [a]\nurl:",
            "trust: expected a mapping, found a list",
        ),
        ("url:", "listen_mode: 0660\nurl:", ""),
    ] {
        let file = FILE.replace(piece, other);
        if problem.is_empty() {
            // Some YAML parsers read it as a number, so the parser refuses it without quotes.
            assert!(Document::parse("c.yaml".into(), file.into(), "").is_err());
            continue;
        }
        let error = read(&file, &[]).expect_err(other);
        assert!(error.contains(problem), "{error}");
    }
    let error = read(&FILE.replace("  - issuer", "    issuer"), &[]).expect_err("a map");
    assert!(
        error.contains("providers: expected a list, found a mapping"),
        "{error}"
    );
    let error = read("- a\n", &[]).expect_err("a list");
    assert!(
        error.contains("expected a mapping, found a list"),
        "{error}"
    );
}

#[test]
fn t25_missing_fields_are_named_with_their_flag() {
    let keys = "  keys_file: secrets/session-keys\n";
    for (piece, problem, flag) in [
        (
            "url: https://auth.example.com\n",
            "companion.yaml: missing field `url`",
            "--url",
        ),
        (
            "policy: portcullis.yaml\n",
            "companion.yaml: missing field `policy`",
            "--policy",
        ),
        (
            "    client_id: portcullis\n",
            "4:5: providers[0]: missing field `client_id`",
            "--provider-client-id",
        ),
        (
            keys,
            "6:1: session: missing field `keys_file`",
            "--session-keys-file",
        ),
    ] {
        let error = error_of(FILE, piece, "");
        assert!(error.contains(problem), "{error}");
        assert!(
            error.contains(&format!(", here or with `{flag}`")),
            "{error}"
        );
    }
    let error = read("", &[]).expect_err("nothing");
    assert_eq!(
        error,
        "error: serve: missing field `policy`\nhelp: write `policy: portcullis.yaml`, in the file of `--config` or with `--policy`"
    );
    let error = error_of(
        FILE,
        "  - issuer: https://gitlab.example.com\n    client_id: portcullis\n",
        "  []\n",
    );
    assert!(
        error.contains("missing field `providers`") && error.contains("--provider-issuer"),
        "{error}"
    );
    let error = read(FILE, &["--tls-cert=a"]).expect_err("half of TLS");
    assert!(
        error.contains("missing field `key`") && error.contains("needs a certificate and a key"),
        "{error}"
    );
}

#[test]
fn no_damaged_file_causes_a_panic() {
    let insertions = ["", "\0", "{", "[", ":", "\n", "- ", "é"];
    for at in 0..FULL.len() {
        let insertion = insertions[at % insertions.len()];
        let text = [&FULL[..at], insertion, &FULL[at + 1..]].concat();
        let file = Document::parse("c.yaml".into(), text.into(), "");
        let source = file.and_then(|file| source::Source::new(&SERVE, Some(file), HashMap::new()));
        if let Err(report) = source.and_then(|source| Config::read(&source)) {
            assert!(report.to_string().contains("\nhelp: "), "{report}");
        }
    }
}
