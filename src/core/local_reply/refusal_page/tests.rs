use std::sync::Arc;

use super::*;
use crate::fixtures::{key_set, token};
use crate::keys::PureRust;
use crate::policy::Policy;
use crate::timestamp::Timestamp;
use crate::token::{Algorithm, Token, verify};

const POLICY: &str = r#"{
  "trust": [{"name": "gitlab", "kind": "oidc", "issuer": "https://gitlab.example.com",
             "audiences": ["a"], "keys": {"envoy_cluster": "gitlab"}}],
  "apps": [{"name": "prometheus", "hosts": ["prometheus.example.com"],
            "rules": [{"name": "all", "allow": [{"from": "gitlab", "group": "sre"}]}]}]
}"#;

/// A caller with these claims in addition to the required ones.
fn caller(policy: &Policy, claims: &str) -> Arc<AuthenticatedCaller> {
    let payload = format!(
        r#"{{"iss":"https://gitlab.example.com","aud":"a","sub":"4711","iat":1000,"exp":2000{claims}}}"#
    );
    let text = token(Algorithm::Es256, r#"{"alg":"ES256","kid":"a"}"#, &payload);
    let token = Arc::new(Token::parse(&text).unwrap());
    let (trust, set) = (&policy.trusts()[0], key_set(Algorithm::Es256, "a"));
    let now = Timestamp::from_secs(1500);
    let verified = verify(&token, trust, &set.keys()[0], &PureRust, now).unwrap();
    Arc::new(AuthenticatedCaller::new(verified, trust).unwrap())
}

fn page(reason: Reason, claims: &str) -> String {
    let policy = Policy::from_json(POLICY).unwrap();
    let decision = Decision {
        app: policy.apps().first(),
        authenticated: Some(caller(&policy, claims)),
        ..Decision::new(reason)
    };
    write(&decision, "", None)
}

#[test]
fn the_page_names_the_user_and_whom_to_ask_for_access() {
    let claims = r#","email":"ada@example.com","email_verified":true"#;
    let shown = page(Reason::CallerNotAllowed, claims);
    let text = "<p>You are signed in as ada@example.com, but you don&#39;t have access to \
                prometheus. Ask its owner for access.</p>";
    assert!(shown.contains(text), "{shown}");
    assert!(shown.contains("<h1>Access denied</h1>"));
    let shown = page(Reason::CallerNotAllowed, "");
    assert!(
        shown.contains("You are signed in as gitlab/4711, but"),
        "{shown}"
    );
    let shown = page(Reason::CrossSite, claims);
    assert!(shown.contains("came from another site"), "{shown}");
}

#[test]
fn the_page_tells_a_refused_caller_that_access_is_blocked_and_whom_to_ask() {
    let claims = r#","email":"ada@example.com","email_verified":true"#;
    let shown = page(Reason::CallerRefused, claims);
    let text = "<p>You are signed in as ada@example.com. Your access has been blocked. Ask your \
                administrator about it.</p>";
    assert!(shown.contains(text), "{shown}");
}

#[test]
fn the_page_says_that_an_address_does_not_count() {
    let note = "has not verified your email address";
    let unverified = [
        "",
        r#","email_verified":false"#,
        r#","email_verified":"false""#,
        r#","email_verified":"yes""#,
        r#","email_verified":null"#,
    ];
    for claim in unverified {
        let claims = format!(r#","email":"ada@example.com"{claim}"#);
        let shown = page(Reason::CallerNotAllowed, &claims);
        assert!(shown.contains(note), "{shown}");
        assert!(!shown.contains("ada@example.com"), "{shown}");
        let shown = page(Reason::CrossSite, &claims);
        assert!(!shown.contains(note), "{shown}");
    }
    let counts = [
        "",
        r#","email":"""#,
        r#","email":null"#,
        r#","email":"ada@example.com","email_verified":true"#,
        r#","email":"ada@example.com","email_verified":"true""#,
    ];
    for claims in counts {
        let shown = page(Reason::CallerNotAllowed, claims);
        assert!(!shown.contains(note), "{claims} {shown}");
    }
}

#[test]
fn j21_names_are_escaped_and_bounded() {
    let claims = r#","preferred_username":"<script>alert('x')</script>&\"\u0007""#;
    let shown = page(Reason::CallerNotAllowed, claims);
    assert!(!shown.contains("<script"), "{shown}");
    assert!(shown.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;, but"));
    assert!(!shown.contains('\u{7}'));
    // A bidirectional control would turn the text after it around.
    let claims = r#","preferred_username":"al\u202eice\u2028\u200b\u0085""#;
    assert!(page(Reason::CallerNotAllowed, claims).contains("signed in as alice, but"));
    let long = format!(r#","preferred_username":"{}""#, "x".repeat(5000));
    assert_eq!(
        page(Reason::CallerNotAllowed, &long)
            .matches("xxxx")
            .count(),
        MAX_NAME / 4
    );
}

#[test]
fn every_page_says_what_failed_and_what_to_do() {
    let policy = Policy::from_json(POLICY).unwrap();
    for reason in Reason::ALL {
        let decision = Decision {
            app: policy.apps().first(),
            ..Decision::new(reason)
        };
        if decision.is_allowed() {
            continue;
        }
        let (title, text) = title_and_text(&decision);
        let text = text + &whom_to_ask(&decision);
        assert!(!title.is_empty(), "{reason}");
        assert!(
            text.matches(". ").count() >= 1 && text.ends_with('.'),
            "{reason}: {text}"
        );
    }
}

#[test]
fn the_page_of_a_refusal_names_the_contact_of_the_app_and_links_its_urls() {
    let ask = |contact: &str| {
        let app = r#""name": "prometheus","#;
        let policy = POLICY.replace(app, &format!(r#"{app} "contact": "{contact}","#));
        let policy = Policy::from_json(&policy).unwrap();
        let decision = |reason| Decision {
            app: policy.apps().first(),
            authenticated: Some(caller(&policy, "")),
            ..Decision::new(reason)
        };
        let page = write(&decision(Reason::CrossSite), "", None);
        assert!(
            page.contains("repeat it there. If that does not help, ask "),
            "{page}"
        );
        let page = write(&decision(Reason::NoCredentials), "", None);
        assert!(!page.contains("ask"), "{page}");
        let page = write(&decision(Reason::CallerRefused), "", None);
        assert!(page.contains("has been blocked. Ask ") && page.contains(" about it.</p>"));
        let page = write(&decision(Reason::CallerNotAllowed), "", None);
        let (_, rest) = page.split_once("access to prometheus. Ask ").unwrap();
        rest.split_once(" for access.</p>").unwrap().0.to_owned()
    };
    assert_eq!(ask("#sre"), "#sre");
    assert_eq!(
        ask("https://wiki.example.com/access?a=b&c"),
        "<a href=\"https://wiki.example.com/access?a=b&amp;c\">https://wiki.example.com/access?a=b&amp;c</a>"
    );
    assert_eq!(
        ask("#sre, or https://wiki.example.com"),
        "#sre, or <a href=\"https://wiki.example.com\">https://wiki.example.com</a>"
    );
    assert_eq!(
        ask("<b>javascript:alert(1)</b> https://'onclick='x"),
        "&lt;b&gt;javascript:alert(1)&lt;/b&gt; <a href=\"https://&#39;onclick=&#39;x\">https://&#39;onclick=&#39;x</a>"
    );
}
