//! The output in text, compared with a file that people can read.
//!
//! `PORTCULLIS_WRITE_GENERATED=1 cargo test -p portcullis --test commands doctor::snapshot` writes it.

use std::{env, fs};

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::{Endpoint, ServerResponse};
use serde_json::json;

use super::fixture::Fixture;

#[tokio::test]
async fn the_text_names_each_check_and_each_fix() {
    let mut fixture = Fixture::start().await;
    fixture
        .blue
        .set_response(Endpoint::Discovery, ServerResponse::status(403));
    fixture.configuration["session"]["keys_file"] = json!("missing");
    fixture.write_files();
    let output = fixture
        .portcullis(&["doctor", "--config", "companion.yaml"])
        .await;
    assert_eq!(output.status.code(), Some(2));
    let mut text = String::from_utf8(output.stdout).unwrap();
    // What differs between two runs.
    for (from, to) in [
        (fixture.blue.address().to_string(), "127.0.0.1:6443"),
        (fixture.green.address().to_string(), "127.0.0.1:6444"),
        (fixture.provider().address().to_string(), "127.0.0.1:8443"),
        (
            format!("localhost:{}", fixture.provider().address().port()),
            "localhost:8443",
        ),
        (fixture.folder.display().to_string(), "/etc/portcullis"),
        ("::1, 127.0.0.1".to_owned(), "127.0.0.1"),
        ("127.0.0.1, ::1".to_owned(), "127.0.0.1"),
    ] {
        text = text.replace(&from, to);
    }
    let path = workspace().join("tests/commands/doctor/expected.txt");
    if env::var_os("PORTCULLIS_WRITE_GENERATED").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap_or_default());
}
