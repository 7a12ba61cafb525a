use super::*;

#[test]
fn a_prompt_of_the_configuration_is_replaced() {
    let url = "https://provider.example.com/authorize?scope=a+b&prompt=login&state=x%26y";
    let url = without_prompt(Url::parse(url).unwrap());
    assert_eq!(url.query(), Some("scope=a+b&state=x%26y&prompt=none"));
}

#[test]
fn a_redirect_back_is_accepted_unless_it_has_an_error_that_a_user_can_not_fix() {
    let redirect_uri = Url::parse("https://auth.example.com/oauth2/callback").unwrap();
    let response = |location: Option<&str>| AuthorizationResponse::of(302, location, &redirect_uri);
    for query in [
        "error=login_required&state=x",
        "code=c&state=x",
        "error=access_denied",
    ] {
        let location = format!("{redirect_uri}?{query}");
        let expected = AuthorizationResponse::Redirect(None);
        assert_eq!(response(Some(&location)), expected, "{query}");
    }
    let location = format!("{redirect_uri}?error=invalid_scope");
    let expected = AuthorizationResponse::Redirect(Some(ErrorCode::new("invalid_scope")));
    assert_eq!(response(Some(&location)), expected);
    for (location, expected) in [
        ("/login?state=x", "/login"),
        (
            "https://provider.example.com/error?uri=y",
            "provider.example.com/error",
        ),
        (
            "https://auth.example.com/oauth2/callback/other",
            "auth.example.com/oauth2/callback/other",
        ),
    ] {
        let expected = AuthorizationResponse::Other(302, Some(expected.to_owned()));
        assert_eq!(response(Some(location)), expected);
    }
}
