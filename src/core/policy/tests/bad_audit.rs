//! Revisions, and settings of audit records, that are refused.

use super::{accepted, refused};

const APPS: &str = r#""apps": ["#;

#[track_caller]
fn member_refused(member: &str, path: &str, problem: &str, help: &str) {
    refused(APPS, &format!("{member}, {APPS}"), path, problem, help);
}

#[test]
fn a_revision_is_a_short_visible_text() {
    let long = "x".repeat(129);
    for revision in ["", "  ", r"a\nb", r"a\u202eb", &long] {
        let member = format!(r#""revision": "{revision}""#);
        let problem = "the text is empty, too long, or has hidden characters";
        member_refused(
            &member,
            "revision",
            problem,
            "write 1 to 128 bytes of visible text",
        );
    }
    member_refused(
        r#""revision": 4""#.trim_end_matches('"'),
        "revision",
        "expected a string",
        "",
    );
    let policy = accepted(APPS, &format!(r#""revision": "v1.2 (4f2c91a)", {APPS}"#));
    assert_eq!(policy.revision(), Some("v1.2 (4f2c91a)"));
    assert_eq!(accepted(APPS, APPS).revision(), None);
}

#[test]
fn audit_people_lists_known_attributes() {
    member_refused(
        r#""audit": {"people": ["email", "user_name"]}"#,
        "audit.people[1]",
        "`user_name` is not known here",
        "expected one of: email, preferred_username",
    );
    member_refused(
        r#""audit": {"people": ["emial"]}"#,
        "audit.people[0]",
        "`emial` is not",
        "did you mean `email`?",
    );
    member_refused(
        r#""audit": {"people": "email"}"#,
        "audit.people",
        "expected a list",
        "",
    );
}
