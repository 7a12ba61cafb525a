use super::*;

#[test]
fn a_password_in_any_form_of_url_is_removed() {
    for (text, expected) in [
        ("https://u:hunter2@h", "https://…@h"),
        ("`https://u:hunter2@h/a` is", "`https://…@h/a` is"),
        (
            "a: \"redis://:hunter2@h:1/0\", b",
            "a: \"redis://…@h:1/0\", b",
        ),
        ("redis://hunter2@h", "redis://…@h"),
        ("redis:u:hunter2@h", "…@h"),
        ("u:hunter2@h:6379", "…@h:6379"),
        ("redis://u:hunter2%40h/0", "redis://…%40h/0"),
        ("redis://u:hunter2\u{ff20}h", "redis://…\u{ff20}h"),
        ("redis://u:hun@ter2@h", "redis://…@h"),
        ("redis://u:hun,{ter}/2@h", "redis://…@h"),
        ("redis://h/0?password=hunter2", "redis://h/0?…"),
        ("https://u:hunter2@h/k?token=hunter2", "https://…@h/k?…"),
        ("https://h/k?token=a@hunter2", "https://…@hunter2"),
        ("{issuer: https://u:hunter2@h}", "{issuer: https://…@h}"),
    ] {
        assert_eq!(removed(text), expected, "{text}");
    }
}

#[test]
fn everything_else_stays() {
    for text in [
        "",
        "email: alice@example.com",
        r#"{"email":"alice@example.com","url":"https://auth.example.com"}"#,
        "contact: mailto:sre@example.com",
        "issuer: https://gitlab.example.com/a?",
        "paths: [/a?b=c, /d@e]",
        "connect: 10.1.0.1:6443",
        "at 12:30, by @sre",
    ] {
        assert!(matches!(removed(text), Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn a_line_with_a_credential_is_recognized() {
    for (line, expected) in [
        ("  store: redis://u:hunter2@h", true),
        ("{clientid: p, client_secret: hunter2}", true),
        (r#"{"redis":{"password":"hunter2"}}"#, true),
        ("password : hunter2", true),
        ("{clientSecret: hunter2}", true),
        ("CLIENT-SECRET: hunter2", true),
        ("\"redis.password\": hunter2", true),
        ("passwd: hunter2", true),
        ("pass: \"hunter2\" x", true),
        ("credentials: {pw: hunter2} }", true),
        ("api_key: hunter2", true),
        ("clientSecretFile: hunter2", true),
        ("{client_assertion_file: hunter2}", true),
        ("keys_file: hunter2", true),
        ("token_file: hunter2", true),
        ("sentinel_password_file: hunter2", true),
        ("ca_file: ca.pem", false),
        ("token: 5m", false),
        ("pkce: passing", false),
        ("client_secret_file: hunter2", true),
        ("a password, or: none", false),
        ("email: alice@example.com", false),
    ] {
        assert_eq!(are_in(line), expected, "{line}");
    }
}
