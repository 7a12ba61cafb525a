use super::*;

fn settings(issuer: &str) -> ProviderSettings {
    ProviderSettings {
        name: "sso".to_owned(),
        issuer: issuer.to_owned(),
        client_id: "portcullis".to_owned(),
        client_secret_file: None,
        audiences: Vec::new(),
        scopes: vec!["openid".to_owned()],
        groups_claim: vec!["groups".to_owned()],
        trust_unverified_email: false,
        ca_file: None,
    }
}

#[test]
fn d01_discovery_ignores_one_trailing_slash_of_the_issuer() {
    for (issuer, url) in [
        (
            "https://a.example",
            "https://a.example/.well-known/openid-configuration",
        ),
        (
            "https://a.example/",
            "https://a.example/.well-known/openid-configuration",
        ),
        (
            "https://a.example/b",
            "https://a.example/b/.well-known/openid-configuration",
        ),
        (
            "https://a.example/b/",
            "https://a.example/b/.well-known/openid-configuration",
        ),
        (
            "https://a.example/b//",
            "https://a.example/b//.well-known/openid-configuration",
        ),
    ] {
        let relying_party = settings(issuer).relying_party().unwrap();
        assert_eq!(relying_party.discovery_url().unwrap().as_str(), url);
        assert_eq!(relying_party.issuer.as_str(), issuer);
    }
}

#[test]
fn d02_an_issuer_is_a_plain_https_url() {
    for issuer in [
        "",
        "a.example",
        "http://a.example",
        "https://",
        "https://user@a.example",
        "https://user:password@a.example",
        "https://a.example?b",
        "https://a.example/?",
        "https://a.example#b",
        "https://a.example/#",
        "https://a.exa\tmple",
        " https://a.example",
        "https://ä.example",
    ] {
        let refused = settings(issuer).relying_party().unwrap_err();
        assert_eq!(refused, ProviderSettingsError::Issuer, "{issuer}");
    }
}

#[test]
fn empty_settings_are_named() {
    let good = settings("https://a.example");
    type Edit = fn(&mut ProviderSettings);
    let edits: [(&str, Edit); 6] = [
        ("audiences", |settings| {
            settings.audiences.push(String::new())
        }),
        ("name", |settings| settings.name.clear()),
        ("client_id", |settings| settings.client_id.clear()),
        ("scopes", |settings| settings.scopes.push(String::new())),
        ("groups_claim", |settings| settings.groups_claim.clear()),
        ("groups_claim", |settings| {
            settings.groups_claim.push(String::new())
        }),
    ];
    for (name, edit) in edits {
        let mut settings = good.clone();
        edit(&mut settings);
        assert_eq!(
            settings.relying_party().unwrap_err(),
            ProviderSettingsError::Empty(name)
        );
    }
}

#[test]
fn configured_files_must_exist_and_be_valid() {
    let mut settings = settings("https://a.example");
    settings.client_secret_file = Some("/nowhere/secret".into());
    let refused = crate::provider::Provider::new(&settings).unwrap_err();
    let text = refused.to_string();
    assert!(
        text.starts_with("client_secret_file: /nowhere/secret: "),
        "{text}"
    );

    settings.client_secret_file = None;
    settings.ca_file = Some("/nowhere/ca.pem".into());
    let refused = crate::provider::Provider::new(&settings).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("ca_file: /nowhere/ca.pem: "),
        "{refused}"
    );
    settings.ca_file = Some(file!().into());
    assert!(crate::provider::Provider::new(&settings).is_err());
}
