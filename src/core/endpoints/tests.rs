use super::*;

fn has(endpoint: Endpoint, path: &str) -> bool {
    endpoint.has(path, |name| name == "sso", |name| name == "blue")
}

#[test]
fn an_endpoint_matches_its_path_and_its_subpaths() {
    for (endpoint, path, expected) in [
        (START, "/oauth2/start", true),
        (START, "/oauth2/start/", false),
        (START, "/oauth2/starts", false),
        (AUTH, "/oauth2/auth", true),
        (AUTH, "/oauth2/auth/", true),
        (AUTH, "/oauth2/auth/any/path", true),
        (AUTH, "/oauth2/authx", false),
        (CALLBACK, "/oauth2/callback", true),
        (CALLBACK, "/oauth2/callback/sso", true),
        (CALLBACK, "/oauth2/callback/blue", false),
        (CALLBACK, "/oauth2/callback/", false),
        (MIRROR, "/oauth2/mirror", false),
        (MIRROR, "/oauth2/mirror/blue", true),
        (MIRROR, "/oauth2/mirror/sso", false),
    ] {
        assert_eq!(has(endpoint, path), expected, "{path}");
    }
    assert_eq!(MIRROR.subpath("blue"), "/oauth2/mirror/blue");
}

#[test]
fn each_path_belongs_to_one_endpoint() {
    for one in ALL {
        let owners = ALL.iter().filter(|other| has(**other, one.path));
        let expected = usize::from(one.subpaths != Subpaths::TrustName);
        assert_eq!(owners.count(), expected, "{}", one.path);
    }
}
