use portcullis_core::escape;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_subject_that_takes_too_long_keeps_its_results_and_ends() {
    let mut tasks = Tasks::default();
    tasks.spawn("slow", |checks| async move {
        checks.ok(CheckId::Dns, "an address");
        std::future::pending::<()>().await;
    });
    tasks.spawn("fast", |checks| async move {
        checks.ok(CheckId::Dns, "an address");
    });
    let results = tasks.finished().await;
    let found: Vec<_> = results
        .iter()
        .map(|check| (&*check.subject, check.id, check.status))
        .collect();
    let expected = [
        ("slow", CheckId::Dns, Status::Ok),
        ("slow", CheckId::TimeLimit, Status::Error),
        ("fast", CheckId::Dns, Status::Ok),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_a_server_sends_can_not_end_a_line_or_show_a_password() {
    let checks = Checks::new("trust a\u{1b}[2J");
    let detail = "https://user:s3cret@example.com/?token=s3cret: \u{202e}no\nerror    dns";
    checks.error(CheckId::Discovery, detail, "first\nsecond \u{1b}[2J");
    let [check] = &checks.take()[..] else {
        panic!("one check");
    };
    for text in [&check.subject, &check.detail] {
        assert!(!text.chars().any(escape::is_hidden), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert_eq!(check.help.as_deref(), Some("first\nsecond \\u{1b}[2J"));
}
