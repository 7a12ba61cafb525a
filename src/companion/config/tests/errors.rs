use super::*;

#[test]
fn t25_unknown_fields_are_errors_that_guess_what_is_meant() {
    for (piece, other, line) in [
        (
            "url:",
            "ulr:",
            "1:1: ulr: unknown field `ulr`|here stand url, listen,",
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
            "8:12: session.cookie.http_only: unknown field `http_only`|here stand domain, same_site",
        ),
        (
            "url:",
            "trust: {a: {conect: x}}\nurl:",
            "1:13: trust.a.conect: unknown field `conect`|did you mean `connect`?",
        ),
    ] {
        let (place, help) = line.split_once('|').expect("two parts");
        let told = told_of(FILE, piece, other);
        assert!(
            told.starts_with(&format!("error: etc/companion.yaml:{place}")),
            "{told}"
        );
        assert!(told.contains(&format!("\nhelp: {help}")), "{told}");
    }
}

#[test]
fn t25_blocks_lists_and_values_are_not_taken_for_one_another() {
    for (piece, other, problem) in [
        (
            "{domain: example.com}",
            "5",
            "session.cookie: a number where a block of settings must stand",
        ),
        (
            "{domain: example.com}",
            "",
            "session.cookie: nothing where a block of settings must stand",
        ),
        (
            "{domain: example.com}",
            "[]",
            "session.cookie: a list where a block",
        ),
        (
            "https://auth.example.com",
            "5",
            "url: a number where a text must stand",
        ),
        (
            "https://auth.example.com",
            "",
            "url: nothing where a text must stand",
        ),
        ("https://auth.example.com", "\"\"", "url: is empty"),
        (
            "https://auth.example.com",
            "[a]",
            "url: a list where a text must stand",
        ),
        (
            "url:",
            "redirect_hosts: a.example.com\nurl:",
            "redirect_hosts: a text where a list must stand",
        ),
        (
            "url:",
            "redirect_hosts: [5]\nurl:",
            "redirect_hosts[0]: a number where a text must stand",
        ),
        (
            "url:",
            "trusted_proxies: {a: b}\nurl:",
            "trusted_proxies: a block of settings where a list",
        ),
        (
            "url:",
            "limits: {connections: \"5\"}\nurl:",
            "limits.connections: a text where a whole number",
        ),
        (
            "url:",
            "limits: {connections: 1.5}\nurl:",
            "limits.connections: `1.5` is not a whole number",
        ),
        (
            "url:",
            "limits: {connections: 0}\nurl:",
            "limits.connections: `0` is out of bounds",
        ),
        (
            "url:",
            "trust: [a]\nurl:",
            "trust: a list where a block of settings",
        ),
        ("url:", "listen_mode: 0660\nurl:", ""),
    ] {
        let file = FILE.replace(piece, other);
        if problem.is_empty() {
            // Without quotes it is a number to some readers of YAML, and the reader itself refuses.
            assert!(Document::parse("c.yaml".into(), file.into(), "").is_err());
            continue;
        }
        let told = read(&file, &[]).expect_err(other);
        assert!(told.contains(problem), "{told}");
    }
    let told = read(&FILE.replace("  - issuer", "    issuer"), &[]).expect_err("a map");
    assert!(
        told.contains("providers: a block of settings where a list must stand"),
        "{told}"
    );
    let told = read("- a\n", &[]).expect_err("a list");
    assert!(
        told.contains("a list where a block of settings must stand"),
        "{told}"
    );
}

#[test]
fn t25_what_is_missing_is_named_with_the_flag_that_would_do() {
    let keys = "  keys_file: secrets/session-keys\n";
    for (piece, problem, flag) in [
        (
            "url: https://auth.example.com\n",
            "companion.yaml: no `url`",
            "--url",
        ),
        (
            "policy: portcullis.yaml\n",
            "companion.yaml: no `policy`",
            "--policy",
        ),
        (
            "    client_id: portcullis\n",
            "4:5: providers[0]: no `client_id`",
            "--provider-client-id",
        ),
        (keys, "6:1: session: no `keys_file`", "--session-keys-file"),
    ] {
        let told = told_of(FILE, piece, "");
        assert!(told.contains(problem), "{told}");
        assert!(told.contains(&format!(", here or as `{flag}`")), "{told}");
    }
    let told = read("", &[]).expect_err("nothing");
    assert_eq!(
        told,
        "error: serve: no `url`\nhelp: write `url: https://auth.example.com`, here or as `--url`"
    );
    let told = told_of(
        FILE,
        "  - issuer: https://gitlab.example.com\n    client_id: portcullis\n",
        "  []\n",
    );
    assert!(
        told.contains("no `providers`") && told.contains("--provider-issuer"),
        "{told}"
    );
    let told = read(FILE, &["--tls-cert=a"]).expect_err("half of TLS");
    assert!(
        told.contains("no `key`") && told.contains("belong together"),
        "{told}"
    );
}

#[test]
fn no_damaged_file_makes_a_panic() {
    let strange = ["", "\0", "{", "[", ":", "\n", "- ", "é"];
    for at in 0..FULL.len() {
        let strange = strange[at % strange.len()];
        let text = [&FULL[..at], strange, &FULL[at + 1..]].concat();
        let file = Document::parse("c.yaml".into(), text.into(), "");
        let source = file.and_then(|file| source::Source::new(Some(file), HashMap::new()));
        if let Err(report) = source.and_then(|source| Config::read(&source)) {
            assert!(report.to_string().contains("\nhelp: "), "{report}");
        }
    }
}
