use super::*;

fn caller(name: &str) -> Result<(String, String), String> {
    let providers = ["sso", "gitlab"].map(str::to_owned);
    match RevocationTarget::caller(name, &providers) {
        Ok(RevocationTarget::Caller { provider, subject }) => Ok((provider, subject)),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.problem),
    }
}

#[test]
fn a_callers_name_is_decoded() {
    for (name, provider, subject) in [
        ("sso/ada", "sso", "ada"),
        ("gitlab/a%2Fb%20c%25", "gitlab", "a/b c%"),
        ("sso/%C3%A9", "sso", "é"),
        // As the provider writes it.
        ("sso/auth0|a/é b", "sso", "auth0|a/é b"),
    ] {
        assert_eq!(caller(name), Ok((provider.to_owned(), subject.to_owned())));
    }
    for name in [
        "ada", "/ada", "SSO/ada", "sso/", "sso/%", "sso/%2", "sso/%zz", "sso/%+1", "sso/%FF",
        "sso/%é",
    ] {
        assert!(caller(name).is_err(), "{name}");
    }
}

#[test]
fn a_revocation_names_the_user_one_session_or_every_provider() {
    let now = Timestamp::from_secs(1_700_000_000);
    let keys = Keys::fresh(now);
    let ends = now.after(Duration::from_secs(60));
    let providers = ["sso", "gitlab"].map(str::to_owned);
    let sid = Id::from_bytes([7; 16]);
    let user = RevocationTarget::caller("sso/ada", &providers).unwrap();
    let session = RevocationTarget::session(&sid.to_string()).unwrap();
    let of = |target: &RevocationTarget| target.revocations(&keys, &providers, ends);
    assert_eq!(
        of(&user),
        [Revocation::user(keys.handle("sso", "ada"), ends)]
    );
    assert_eq!(of(&session), [Revocation::session(sid, ends)]);
    let all = ["sso", "gitlab"].map(|name| Revocation::provider(keys.provider(name), ends));
    assert_eq!(of(&RevocationTarget::Everyone), all);
}
