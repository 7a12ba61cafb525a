//! How the command is called, and what it can't read.

use portcullis_tests::lab::{folder, port};

use crate::check::{Folder, POLICY, texts};

#[test]
fn a_mistake_is_refused_with_help() {
    let folder = Folder::new("doctor-mistakes");
    folder.file("portcullis.yaml", POLICY);
    folder.file("broken.yaml", "apps: [");
    let two = format!("{POLICY}---\n{POLICY}");
    folder.file("two.yaml", &two);
    for (arguments, expected) in [
        (&["doctor"][..], "missing field `policy`"),
        (&["doctor", "--policy", "missing.yaml"], "missing.yaml"),
        (&["doctor", "--policy", "broken.yaml"], "broken.yaml:1:"),
        (
            &["doctor", "--policy", "two.yaml"],
            "expected one policy, found 2",
        ),
        (&["doctor", "--config", "missing.yaml"], "missing.yaml"),
        (
            &[
                "doctor",
                "--policy",
                "portcullis.yaml",
                "--envoy-admin",
                "127.0.0.1:9901",
            ],
            "--envoy-admin: `127.0.0.1:9901` is not the URL of an admin interface\nhelp: write `http://`",
        ),
        (
            &[
                "doctor",
                "--policy",
                "portcullis.yaml",
                "--envoy-admin",
                "http://user:s3cret@127.0.0.1:1",
            ],
            "is not the URL of an admin interface",
        ),
    ] {
        let (code, stdout, stderr) = texts(&folder.portcullis(arguments, ""));
        assert_eq!((code, &*stdout), (Some(1), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert!(
            stderr.contains("help: ") && !stderr.contains("s3cret"),
            "{stderr}"
        );
    }
}

#[test]
fn the_configuration_and_the_settings_come_from_the_environment_as_for_serve() {
    let folder = folder::fresh("doctor-environment");
    std::fs::write(folder.join("portcullis.yaml"), POLICY).unwrap();
    std::fs::write(folder.join("companion.yaml"), "policy: portcullis.yaml\n").unwrap();
    // Nothing but the program is there, as in the image.
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["doctor"])
        .env_clear()
        .env("PORTCULLIS_CONFIG", folder.join("companion.yaml"))
        .env(
            "PORTCULLIS_TRUST_CONNECT",
            format!("staging={}", port::free()),
        )
        .output()
        .unwrap();
    let (code, stdout, stderr) = texts(&output);
    assert_eq!((code, &*stderr), (Some(2), ""), "{stdout}");
    assert!(
        stdout.contains("connection             127.0.0.1:"),
        "{stdout}"
    );
}
