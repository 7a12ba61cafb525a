use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use portcullis_core::page::STYLE;
use sha2::{Digest as _, Sha256};

use crate::public_url::PublicUrl;
use crate::redirect_target::{HostRule, RedirectRules};

use super::*;

const ATTACKS: &str = "\"'><script>alert(1)</script><!--{{x}}&amp;\u{202e}";

fn to(rd: &str) -> RedirectTarget {
    let public_url = PublicUrl::parse("https://auth.example.com").expect("a public URL");
    let host = HostRule::parse("app.example.com").expect("a host");
    RedirectRules::of(&public_url, &[host]).check(rd).expect(rd)
}

/// The content security policy of a response, and its page.
async fn parts(response: Response) -> (String, String) {
    let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str();
    let policy = policy.expect("text").to_owned();
    let body = response.into_body().collect().await.expect("a body");
    (
        policy,
        String::from_utf8(body.to_bytes().to_vec()).expect("text"),
    )
}

/// Each page, with hostile values wherever one could come from outside.
fn all() -> Vec<(&'static str, Response)> {
    let target = to("https://app.example.com/a?b='\"<script>&c=\u{e9}#</title>");
    let choices = [ProviderChoice {
        provider: ATTACKS.to_owned(),
        href: format!("/oauth2/start?provider={ATTACKS}"),
    }];
    let fields = [("id_token_hint", ATTACKS), (ATTACKS, "x")];
    let provider = "https://gitlab.example.com";
    vec![
        (
            "error",
            error(ATTACKS, ATTACKS, &[(ATTACKS, ATTACKS); 2], ATTACKS),
        ),
        ("provider_sign_out", provider_sign_out(ATTACKS, &fields)),
        (
            "provider_sign_out_by_get",
            provider_sign_out_by_get(ATTACKS),
        ),
        ("sign_in_loop", sign_in_loop(&target, ATTACKS, ATTACKS)),
        ("sign_in", sign_in(Some(&target), &choices)),
        ("sign_out", sign_out(Some(&target), &[provider])),
        ("signed_in", signed_in(Some(ATTACKS), Some(ATTACKS))),
        ("signed_out", signed_out(Some(&target))),
        ("start", start(ATTACKS)),
    ]
}

fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// The text between an opening tag without attributes and its end.
fn inline<'a>(html: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let parts = html.split(&*open).skip(1);
    parts
        .map(|part| part.split(&*close).next().expect("an end"))
        .collect()
}

#[tokio::test]
async fn r13_hostile_values_are_escaped_on_every_page() {
    for (name, response) in all() {
        let (_, html) = parts(response).await;
        // The page without the one style and the one script.
        let rest = [STYLE, START, PROVIDER_SIGN_OUT]
            .iter()
            .fold(html, |rest, own| rest.replace(own, ""));
        assert!(rest.matches("<script>").count() <= 1, "{name}: {rest}");
        assert_eq!(
            rest.matches("<script></script>").count(),
            rest.matches("<script>").count()
        );
        for hostile in [
            "'>",
            "\"'",
            "<!--",
            "alert(1)<",
            "</title>\"",
            "&amp;\u{202e}",
            "\u{e9}",
        ] {
            assert!(!rest.contains(hostile), "{name}, {hostile}: {rest}");
        }
    }
}

#[tokio::test]
async fn every_style_and_script_matches_a_hash_in_the_policy() {
    for (name, response) in all() {
        let (policy, html) = parts(response).await;
        let directive = |name: &str| {
            let mut all = policy
                .split("; ")
                .filter_map(|part| part.strip_prefix(name));
            (all.next().map(str::to_owned), all.count())
        };
        let styles: Vec<String> = inline(&html, "style").into_iter().map(hash).collect();
        assert_eq!(
            directive("style-src "),
            (Some(styles.join(" ")), 0),
            "{name}"
        );
        let scripts: Vec<String> = inline(&html, "script").into_iter().map(hash).collect();
        let scripts = Some(scripts.join(" ")).filter(|scripts| !scripts.is_empty());
        assert_eq!(directive("script-src "), (scripts, 0), "{name}");
        for none in ["default-src ", "base-uri ", "frame-ancestors "] {
            assert_eq!(directive(none), (Some("'none'".to_owned()), 0), "{name}");
        }
        let form = match name {
            "provider_sign_out" => "https:",
            "sign_out" => "'self' https://gitlab.example.com",
            _ => "'none'",
        };
        assert_eq!(
            directive("form-action "),
            (Some(form.to_owned()), 0),
            "{name}"
        );
        for foreign in [
            " style=", " onclick", " onload", " src=", "<link", "<img", "@import", "url(",
        ] {
            assert!(!html.contains(foreign), "{name}: {foreign}");
        }
    }
}

#[tokio::test]
async fn pages_are_complete_accessible_documents() {
    for (name, response) in all() {
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8"
        );
        let (_, html) = parts(response).await;
        assert!(
            html.starts_with("<!doctype html>\n<html lang=\"en\">\n"),
            "{name}"
        );
        for tag in ["<main>", "</main>", "<h1>", "</h1>", "<title>", "</html>"] {
            assert_eq!(html.matches(tag).count(), 1, "{name}: {tag}");
        }
        assert!(html.contains("width=device-width"), "{name}");
    }
}

#[tokio::test]
async fn all_pages_have_the_layout_of_the_filters_pages() {
    let frame = page::document("You are signed in", "", "MAIN\n", "");
    let (before, after) = frame.split_once("MAIN\n").expect("a main part");
    let (_, html) = parts(signed_in(None, None)).await;
    assert!(html.starts_with(before), "{html}");
    assert!(html.ends_with(after.trim_end()), "{html}");
}

#[tokio::test]
async fn the_sign_in_works_without_javascript() {
    let next = "/oauth2/start?rd=https%3A%2F%2Fapp.example.com%2F&initiator=user";
    let (_, html) = parts(start(next)).await;
    let next = next.replace('&', "&#38;");
    let refresh =
        format!("<noscript><meta http-equiv=\"refresh\" content=\"0; url={next}\"></noscript>");
    assert!(html.contains(&refresh), "{html}");
    assert!(
        html.contains(&format!("<a class=\"act\" id=\"go\" href=\"{next}\">")),
        "{html}"
    );
}

#[tokio::test]
async fn unknown_values_are_left_out() {
    let (_, html) = parts(sign_in(None, &[])).await;
    assert!(!html.contains("<strong>"), "{html}");
    let (_, html) = parts(sign_out(None, &[])).await;
    assert!(!html.contains("<input"), "{html}");
    let (_, html) = parts(signed_out(None)).await;
    assert!(
        html.contains("href=\"/oauth2/sign_in\">Sign in again"),
        "{html}"
    );
    let (_, html) = parts(signed_out(Some(&to("https://app.example.com/x")))).await;
    let link = "href=\"https://app.example.com/x\">Back to app.example.com";
    assert!(html.contains(link), "{html}");
}

#[tokio::test]
async fn l01_the_sign_out_form_sends_its_origin() {
    let policy = |response: Response| response.headers().get(REFERRER_POLICY).cloned();
    assert_eq!(
        policy(sign_out(None, &[])).expect("a policy"),
        "same-origin"
    );
    assert_eq!(
        policy(signed_out(None)),
        None,
        "the middleware's policy applies to all others"
    );
}

#[tokio::test]
async fn the_end_of_a_sign_in_names_an_address_that_does_not_count() {
    let (_, html) = parts(signed_in(Some("ada"), Some("ada@example.com"))).await;
    let told = "did not confirm the email address\n<strong>ada@example.com</strong>";
    assert!(html.contains(told), "{html}");
    let (_, html) = parts(signed_in(Some("ada"), None)).await;
    assert!(!html.contains("did not confirm"), "{html}");
}
