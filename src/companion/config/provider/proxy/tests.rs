use super::*;

fn proxy_of(variables: &[(&str, &str)]) -> Result<Option<ProxySettings>, Report> {
    from_environment(|name| {
        let found = variables.iter().find(|(own, _)| *own == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn the_variables_of_curl_set_the_proxy() {
    let parsed =
        |url, no_proxy: Option<&str>| ProxySettings::parse(url, no_proxy.map(str::to_owned)).ok();
    for (variables, expected) in [
        (&[][..], None),
        (&[("HTTPS_PROXY", "")], None),
        (&[("HTTP_PROXY", "http://other:1")], None),
        (&[("NO_PROXY", "example.com")], None),
        (&[("HTTPS_PROXY", "http://a:1"), ("no_proxy", "*")], None),
        (
            &[("HTTPS_PROXY", "http://proxy:3128")],
            parsed("http://proxy:3128", None),
        ),
        (
            &[("HTTPS_PROXY", "proxy:3128")],
            parsed("http://proxy:3128", None),
        ),
        (
            &[("https_proxy", "http://a:1"), ("HTTPS_PROXY", "http://b:1")],
            parsed("http://a:1", None),
        ),
        (
            &[
                ("HTTPS_PROXY", "https://proxy:3128"),
                ("NO_PROXY", "example.com,.local"),
            ],
            parsed("https://proxy:3128", Some("example.com,.local")),
        ),
    ] {
        assert_eq!(proxy_of(variables).unwrap(), expected, "{variables:?}");
    }
}

#[test]
fn an_invalid_variable_is_named_and_its_password_is_not_shown() {
    for url in [
        "socks5://u:hunter2@proxy:1080",
        "http://u:hunter2@proxy:x",
        "http://u:hunter2@",
        "http://u:hunter2@proxy/path",
        "u:hunter2@proxy:3128/?query",
    ] {
        let error = proxy_of(&[("HTTPS_PROXY", url)])
            .expect_err(url)
            .to_string();
        assert!(
            error.starts_with("error: HTTPS_PROXY: is not the URL"),
            "{error}"
        );
        assert!(error.contains("help: write `http://HOST:PORT`"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
