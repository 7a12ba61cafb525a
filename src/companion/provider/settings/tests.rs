use super::*;

fn settings(issuer: &str) -> ProviderSettings {
    ProviderSettings::new("sso", issuer, "portcullis")
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
        assert_eq!(relying_party.issuer.url().as_str(), issuer);
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
fn the_configured_url_of_the_metadata_is_used_as_it_is() {
    let url = "https://b.example/c/openid-configuration?p=flow&q=%2F";
    let mut settings = settings("https://a.example/any/path/");
    settings.discovery = Some(Url::parse(url).unwrap());
    let relying_party = settings.relying_party().unwrap();
    assert_eq!(relying_party.discovery_url().unwrap().as_str(), url);
    settings.discovery = Some(Url::parse("http://b.example/").unwrap());
    assert_eq!(settings.relying_party().unwrap().discovery_url(), None);
}

#[test]
fn tenants_need_a_template_and_a_template_needs_tenants() {
    let template = "https://a.example/{tenantid}/v2.0";
    for (issuer, tenants, is_valid) in [
        ("https://a.example", vec![], true),
        ("https://a.example", vec!["one".to_owned()], false),
        (template, vec![], false),
        (template, vec!["one".to_owned()], true),
    ] {
        let mut settings = settings(issuer);
        settings.tenants = tenants;
        let outcome = settings.relying_party().map(|_| ());
        match is_valid {
            true => outcome.unwrap(),
            false => assert_eq!(outcome.unwrap_err(), ProviderSettingsError::Tenants),
        }
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
    let refused = |settings: &ProviderSettings| {
        let refused = crate::provider::Provider::new(settings).unwrap_err();
        refused.to_string()
    };
    // The value may be the secret itself, so it is shown only if a file is there.
    let hidden = "(the value is not shown, as it could be the secret itself): ";
    settings.client_authentication = ClientAuthentication::Secret("/etc/hunter2".into());
    let text = refused(&settings);
    assert!(
        text.starts_with(&format!("client_secret_file: {hidden}")),
        "{text}"
    );
    settings.client_authentication = ClientAuthentication::Assertion("hunter2".into());
    let text = refused(&settings);
    assert!(
        text.starts_with(&format!("client_assertion_file: {hidden}")),
        "{text}"
    );
    settings.client_authentication = ClientAuthentication::Assertion("/".into());
    let text = refused(&settings);
    assert!(text.starts_with("client_assertion_file: /: "), "{text}");

    settings.client_authentication = ClientAuthentication::None;
    settings.ca_file = Some("hunter2".into());
    let text = refused(&settings);
    assert!(text.starts_with(&format!("ca_file: {hidden}")), "{text}");
    settings.ca_file = Some(file!().into());
    refused(&settings);
}
