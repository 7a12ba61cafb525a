//! Allowed requests, and their headers.

use portcullis_core::decision::Reason;
use portcullis_tests::lab::Token;

use super::fixture::*;

const ALERTS: &str = "GET https://app.example.com/api/v2/alerts?active=true";

#[tokio::test]
async fn each_kind_of_proxy_gets_its_response_to_an_allowed_request() {
    let companion = Companion::start();
    let karma = companion.karma();
    let client = ("Authorization", &*karma);
    let response = companion.nginx(ALERTS, &[client]).await;
    assert_eq!(response.verdict(), (202, Reason::Rule));
    assert_eq!(response.body, "");
    let traefik = [
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "app.example.com"),
        ("X-Forwarded-Uri", "/api/v2/alerts?active=true"),
        client,
    ];
    let response = companion.ask("GET /oauth2/auth", &traefik).await;
    assert_eq!(response.verdict(), (202, Reason::Rule));
    let envoy = [
        ("Host", "app.example.com"),
        ("X-Forwarded-Proto", "https"),
        client,
    ];
    let target = "GET /oauth2/auth/api/v2/alerts?active=true";
    let response = companion.ask(target, &envoy).await;
    assert_eq!(response.verdict(), (200, Reason::Rule));
    assert_eq!(response.body, "");
}

#[tokio::test]
async fn the_app_gets_the_known_identity_headers_only() {
    let companion = Companion::start();
    let karma = companion.karma();
    // Identity headers of the client are ignored.
    let response = companion
        .nginx(
            ALERTS,
            &[
                ("Authorization", &karma),
                ("X-Auth-Request-User", "root"),
                ("X-Auth-Request-Groups", "admin"),
                ("X-Forwarded-User", "root"),
            ],
        )
        .await;
    assert_eq!(
        response.identity(),
        [
            ("x-auth-request-user", "blue/monitoring/karma"),
            ("x-portcullis-caller", "blue/monitoring/karma"),
        ]
    );
    let response = companion
        .nginx("GET https://app.example.com/-/healthy", &[])
        .await;
    assert_eq!(response.verdict(), (202, Reason::Public));
    assert_eq!(response.identity(), []);
}

#[tokio::test]
async fn h14_the_response_has_the_credentials_to_forward() {
    let companion = Companion::start();
    let karma = companion.karma();
    let cookies = cookies("nothing");
    let client = [("Authorization", &*karma), ("Cookie", &*cookies)];
    // The session's cookies are never forwarded, the token only if the app has `forward_authorization`.
    let response = companion.nginx(ALERTS, &client).await;
    assert_eq!(response.header("cookie"), Some("theme=dark"));
    assert_eq!(response.header("authorization"), None);
    let response = companion
        .nginx("GET https://trusting.example.com/", &client)
        .await;
    assert_eq!(response.header("cookie"), Some("theme=dark"));
    assert_eq!(response.header("authorization"), Some(&*karma));
    // Also without a caller.
    let response = companion
        .nginx("GET https://app.example.com/-/healthy", &client)
        .await;
    assert_eq!(response.header("cookie"), Some("theme=dark"));
    assert_eq!(response.header("authorization"), None);
    // Several headers are joined; without cookies of the app there is no header.
    let response = companion
        .nginx(
            ALERTS,
            &[
                ("Authorization", &karma),
                ("Cookie", "a=1"),
                ("Cookie", "b=2"),
            ],
        )
        .await;
    assert_eq!(response.header("cookie"), Some("a=1; b=2"));
    let response = companion
        .nginx(
            ALERTS,
            &[
                ("Authorization", &karma),
                ("Cookie", "__Secure-portcullis-login-x=y"),
            ],
        )
        .await;
    assert_eq!(response.header("cookie"), None);
    assert_eq!(response.header("x-envoy-auth-headers-to-remove"), None);
}

#[tokio::test]
async fn envoy_gets_the_headers_to_remove() {
    let companion = Companion::start();
    let karma = companion.karma();
    let envoy = [
        ("Host", "app.example.com"),
        ("X-Forwarded-Proto", "https"),
        ("Authorization", &karma),
        ("Cookie", "__Secure-portcullis=x"),
        ("X-Auth-Request-Shoe-Size", "44"),
        ("X_Auth-Request_User", "root"),
        ("X-WebAuth-User", "root"),
        ("Accept", "*/*"),
    ];
    let response = companion
        .ask("GET /oauth2/auth/api/v2/alerts", &envoy)
        .await;
    assert_eq!(response.verdict(), (200, Reason::Rule));
    let removed: Vec<&str> = response
        .header("x-envoy-auth-headers-to-remove")
        .unwrap()
        .split(',')
        .collect();
    for name in [
        "authorization",
        "cookie",
        "x-auth-request-access-token",
        "x-auth-request-email",
        "x-auth-request-groups",
        "x-auth-request-preferred-username",
        "x-auth-request-shoe-size",
        "x-forwarded-access-token",
        "x-forwarded-user",
        "x-original-url",
        "x-rewrite-url",
        "x-webauth-user",
        "x_auth-request_user",
    ] {
        assert!(removed.contains(&name), "{name}: {removed:?}");
    }
    for name in [
        "x-auth-request-user",
        "x-portcullis-caller",
        "accept",
        "host",
        "x-forwarded-proto",
    ] {
        assert!(!removed.contains(&name), "{name}: {removed:?}");
    }
}

#[tokio::test]
async fn allowed_groups_and_emails_only_restrict() {
    let companion = Companion::start();
    let gitlab = |email: &str, verified: bool| {
        let token = Token::id_token("https://gitlab.example.com", "gate", "bob")
            .claim("email", email)
            .claim("email_verified", verified)
            .claim("groups", serde_json::json!(["dev", "ops"]));
        format!("Bearer {}", token.sign(&companion.gitlab))
    };
    let bob = gitlab("Bob@Example.com", true);
    let karma = companion.karma();
    let cases = [
        ("", &bob, true),
        ("?allowed_groups=dev", &bob, true),
        ("?allowed_groups=sre,ops", &bob, true),
        ("?allowed_groups=sre&allowed_groups=ops", &bob, true),
        ("?allowed_groups=sre", &bob, false),
        ("?allowed_groups=", &bob, false),
        ("?allowed_groups=DEV", &bob, false),
        (
            "?allowed_emails=eve@example.com,bob@example.com",
            &bob,
            true,
        ),
        ("?allowed_emails=eve@example.com", &bob, false),
        ("?allowed_email_domains=example.org,EXAMPLE.com", &bob, true),
        ("?allowed_email_domains=ample.com", &bob, false),
        // Every list must match.
        (
            "?allowed_groups=dev&allowed_email_domains=example.com",
            &bob,
            true,
        ),
        (
            "?allowed_groups=dev&allowed_email_domains=example.org",
            &bob,
            false,
        ),
        // A caller without groups and e-mail address is refused, even if a rule allows it.
        ("?allowed_groups=dev", &karma, false),
        ("?allowed_emails=bob@example.com", &karma, false),
        ("?allowed_email_domains=example.com", &karma, false),
        // oauth2-proxy ignores this parameter.
        ("?rd=https://app.example.com/", &karma, true),
    ];
    for (query, client, is_allowed) in cases {
        let path = format!("/oauth2/auth{query}");
        let response = companion
            .nginx_at(&path, ALERTS, &[("Authorization", client)])
            .await;
        let expected = if is_allowed {
            (202, Reason::Rule)
        } else {
            (403, Reason::CallerNotAllowed)
        };
        assert_eq!(response.verdict(), expected, "{query}");
        assert_eq!(response.identity().is_empty(), !is_allowed);
    }
    // GHSA-c5c4-8r6x-56w3, and an unverified address.
    for (email, verified) in [
        ("eve@evil.com@example.com", true),
        ("@example.com", true),
        ("bob@example.com", false),
    ] {
        let client = gitlab(email, verified);
        let path = "/oauth2/auth?allowed_email_domains=example.com";
        let response = companion
            .nginx_at(path, ALERTS, &[("Authorization", &client)])
            .await;
        assert_eq!(
            response.verdict(),
            (403, Reason::CallerNotAllowed),
            "{email}"
        );
    }
}

#[tokio::test]
async fn restrictions_never_allow_more() {
    let companion = Companion::start();
    let token = Token::service_account(BLUE, "gate", "default", "karma");
    let stranger = format!("Bearer {}", token.sign(&companion.blue));
    for query in [
        "",
        "?allowed_groups=sre",
        "?allowed_email_domains=example.com",
    ] {
        let path = format!("/oauth2/auth{query}");
        let response = companion
            .nginx_at(&path, ALERTS, &[("Authorization", &stranger)])
            .await;
        assert_eq!(response.verdict(), (403, Reason::CallerNotAllowed));
        // Without credentials it is 401, not 403.
        let response = companion.nginx_at(&path, ALERTS, &[]).await;
        assert_eq!(response.verdict(), (401, Reason::NoCredentials));
    }
    // An unknown restriction.
    let karma = companion.karma();
    let path = "/oauth2/auth?allowed_group=sre";
    let response = companion
        .nginx_at(path, ALERTS, &[("Authorization", &karma)])
        .await;
    assert_eq!(response.verdict(), (403, Reason::RequestAmbiguous));
}

#[tokio::test]
async fn after_the_original_path_the_query_belongs_to_the_app() {
    let companion = Companion::start();
    let karma = companion.karma();
    let envoy = [
        ("Host", "app.example.com"),
        ("X-Forwarded-Proto", "https"),
        ("Authorization", &karma),
    ];
    let target = "GET /oauth2/auth/api/v2/alerts?allowed_groups=sre&allowed_x=y";
    let response = companion.ask(target, &envoy).await;
    assert_eq!(response.verdict(), (200, Reason::Rule));
}

#[tokio::test]
async fn decisions_without_a_caller_are_not_restricted() {
    let companion = Companion::start();
    let path = "/oauth2/auth?allowed_groups=sre";
    let healthy = "GET https://app.example.com/-/healthy";
    let response = companion.nginx_at(path, healthy, &[]).await;
    assert_eq!(response.verdict(), (202, Reason::Public));
    let preflight = [
        ("Origin", "https://other.example.com"),
        ("Access-Control-Request-Method", "POST"),
    ];
    let options = "OPTIONS https://app.example.com/api/v2/alerts";
    let response = companion.nginx_at(path, options, &preflight).await;
    assert_eq!(response.verdict(), (202, Reason::Preflight));
}

#[tokio::test]
async fn refusals_are_reported_until_the_time_and_identity_headers_are_the_apps_own() {
    let companion = Companion::start();
    let karma = companion.karma();
    let basic = "Basic YTpi";
    for (path, authorization, caller, reason) in [
        (
            "/api/x",
            &*karma,
            Some("blue/monitoring/karma"),
            Reason::Rule,
        ),
        (
            "/x",
            &karma,
            Some("blue/monitoring/karma"),
            Reason::ReportOnly,
        ),
        ("/x", basic, None, Reason::ReportOnly),
    ] {
        let forged = [("Authorization", authorization), ("X-WebAuth-User", "root")];
        let original = format!("GET https://open.example.com{path}");
        let response = companion.nginx(&original, &forged).await;
        assert_eq!(response.verdict(), (202, reason), "{path}");
        assert_eq!(response.header("x-webauth-user"), caller);
        let forwarded = (reason == Reason::ReportOnly).then_some(authorization);
        assert_eq!(response.header("authorization"), forwarded);
        let target = format!("GET /oauth2/auth{path}");
        let envoy = [("Host", "open.example.com"), ("X-Forwarded-Proto", "https")];
        let envoy: Vec<_> = envoy.iter().chain(&forged).copied().collect();
        let response = companion.ask(&target, &envoy).await;
        assert_eq!(response.verdict(), (200, reason), "{path}");
        let removed = response.header("x-envoy-auth-headers-to-remove").unwrap();
        let is_removed = removed.split(',').any(|name| name == "x-webauth-user");
        assert_eq!(is_removed, caller.is_none(), "{removed}");
    }
    // What a location of the proxy refuses would be a refusal too.
    let narrowed = companion
        .nginx_at(
            "/oauth2/auth?allowed_groups=sre",
            "GET https://open.example.com/api/x",
            &[("Authorization", &karma)],
        )
        .await;
    assert_eq!(narrowed.verdict(), (202, Reason::ReportOnly));
}
