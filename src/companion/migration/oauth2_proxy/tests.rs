use super::mapping::Mapped;
use super::options::{Kind, OptionSpec};
use super::setting::Settings;
use super::*;

mod chart;
mod headers;
mod hosts;
mod people;
mod providers;
mod sessions;
mod tokens;

/// A configuration that needs nobody but for its secrets.
const BASE: [&str; 8] = [
    "--provider=oidc",
    "--oidc-issuer-url=https://gitlab.example.com",
    "--client-id=portcullis",
    "--client-secret-file=/run/secrets/client",
    "--redirect-url=https://auth.example.com/oauth2/callback",
    "--email-domain=example.com",
    "--skip-jwt-bearer-tokens",
    "--extra-jwt-issuers=https://kubernetes.example.com=oauth2-proxy",
];

/// Values that no option expects, or few.
const ODD: [&str; 16] = [
    "",
    "x",
    "-1",
    "true",
    "1h",
    "*",
    ",",
    "a,\"b",
    "{{ template }}",
    "line\nbreak: {",
    "\u{7}\u{202e}\u{0}",
    "https://user:pass@host.example.com:99999/?q=1#f",
    "redis://user:pass@[::1]:0/x/y",
    "^/(a|b",
    "https://kubernetes.example.com=",
    "änderung.example.com",
];

/// What flags are mapped to, with the base or without.
fn mapped(base: &[&str], flags: &[String], ingresses: &Ingresses) -> Mapped {
    let base: Vec<String> = base.iter().map(|&flag| flag.to_owned()).collect();
    mapped_with_log(&[&base, flags], ingresses, None)
}

/// The same with a log.
fn mapped_with_log(layers: &[&[String]], ingresses: &Ingresses, seen: Option<&Seen>) -> Mapped {
    let mut settings = Settings::default();
    for layer in layers {
        let flags = flags::read(layer, "flags");
        assert!(flags.errors.is_empty(), "{:?}", flags.errors);
        settings.overlay(flags.settings);
    }
    let sources = mapping::Sources {
        settings: &settings,
        ingresses,
        headers: &[],
        addresses: None,
        seen,
    };
    mapping::map(sources, Vec::new()).unwrap_or_else(|report| panic!("{report}"))
}

/// The base with further flags.
fn with(flags: &[&str]) -> Mapped {
    let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
    mapped(&BASE, &flags, &Ingresses::default())
}

/// What became of an option: the outcome, the field, and the reason.
fn line<'a>(mapped: &'a Mapped, name: &str) -> &'a Line {
    let mut lines = mapped.lines.iter().filter(|line| line.name == name);
    let line = lines.next();
    assert!(lines.next().is_none(), "{name}: several lines");
    line.unwrap_or_else(|| panic!("{name}: no line in {:#?}", mapped.lines))
}

/// A value at a path of the companion's configuration.
fn companion(mapped: &Mapped, path: &str) -> serde_json::Value {
    mapped
        .companion
        .json()
        .pointer(path)
        .cloned()
        .unwrap_or_default()
}

/// A value at a path of the policy.
fn policy(mapped: &Mapped, path: &str) -> serde_json::Value {
    mapped
        .policy
        .json()
        .pointer(path)
        .cloned()
        .unwrap_or_default()
}

fn flag(option: &OptionSpec, value: &str) -> String {
    format!("--{}={value}", option.flag)
}

#[test]
fn every_option_has_one_line_whatever_its_value_is() {
    for option in options::all() {
        for value in ODD {
            let flags = [flag(option, value)];
            let mapped = mapped(&BASE, &flags, &Ingresses::default());
            let line = line(&mapped, &format!("--{}", option.flag));
            assert!(line.value.is_some(), "{flags:?}");
            let is_explained = !line.why.is_empty() || line.to.is_some();
            assert!(is_explained, "{flags:?}: {line:?}");
        }
    }
}

#[test]
fn all_options_at_once_have_a_line_each() {
    for value in ODD {
        let flags: Vec<String> = options::all().map(|option| flag(option, value)).collect();
        let mapped = mapped(&[], &flags, &Ingresses::default());
        for option in options::all() {
            line(&mapped, &format!("--{}", option.flag));
        }
    }
}

#[test]
fn a_value_that_is_not_of_its_type_needs_somebody() {
    for option in options::all() {
        if matches!(option.kind, Kind::Boolean | Kind::Duration | Kind::Integer) {
            let mapped = with(&[&flag(option, "x")]);
            let line = line(&mapped, &format!("--{}", option.flag));
            assert_eq!(line.outcome, Outcome::NeedsYou, "{line:?}");
        }
    }
}

#[test]
fn no_secret_is_in_a_file_or_in_the_report() {
    let secret = "s3cretXq7";
    let mut flags: Vec<String> = options::all()
        .filter(|option| option.kind == Kind::Secret)
        .map(|option| flag(option, secret))
        .collect();
    // URLs may have a password.
    let url = format!("://user:{secret}@host.example.com:6379/0?token={secret}");
    for (option, scheme) in [
        ("redis-connection-url", "redis"),
        ("redis-sentinel-connection-urls", "redis"),
        ("redis-cluster-connection-urls", "rediss"),
        ("upstream", "http"),
        ("login-url", "https"),
        ("backend-logout-url", "https"),
        ("oidc-issuer-url", "https"),
        ("oidc-jwks-url", "https"),
        ("redirect-url", "https"),
        ("extra-jwt-issuers", "https"),
        ("http-address", "http"),
        ("whitelist-domain", "https"),
    ] {
        flags.push(format!("--{option}={scheme}{url}"));
    }
    for further in [
        &["--session-store-type=redis"][..],
        &[
            "--session-store-type=redis",
            "--redis-use-sentinel",
            "--redis-sentinel-master-name=m",
        ],
        &["--session-store-type=redis", "--redis-use-cluster"],
        &[],
    ] {
        let further = further.iter().map(|&flag| flag.to_owned());
        let flags: Vec<String> = flags.iter().cloned().chain(further).collect();
        for base in [&BASE[..], &[]] {
            let mapped = mapped(base, &flags, &Ingresses::default());
            for output in [
                mapped.policy.yaml(),
                mapped.companion.yaml(),
                text(&mapped.lines),
                json(&mapped.lines),
            ] {
                assert!(!output.contains(secret), "{output}");
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_output() {
    let all = || {
        let flags: Vec<String> = options::all().map(|option| flag(option, "x")).collect();
        let mapped = mapped(&BASE, &flags, &Ingresses::default());
        [
            mapped.policy.yaml(),
            mapped.companion.yaml(),
            json(&mapped.lines),
        ]
    };
    assert_eq!(all(), all());
}
