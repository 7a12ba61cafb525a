//! The filter's image, taken from a registry by the code that Istio's proxies fetch it with.

use std::fs;
use std::process::{Command, Output};

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::{Registry, tools};
use sha2::{Digest as _, Sha256};

const REPOSITORY: &str = "portcullis/filter";

fn fetch(url: &str, digest: &str) -> Output {
    let mut command = Command::new(tools::istio("fetch"));
    command
        .args([url, digest])
        .output()
        .expect("the program runs")
}

#[tokio::test]
async fn istio_fetches_the_module_from_the_image_and_refuses_a_wrong_digest() {
    let registry = Registry::start().await;
    let layout = workspace().join("target/images/filter");
    assert!(
        layout.join("index.json").exists(),
        "{} is missing: run `make filter-image`",
        layout.display()
    );
    let digest = registry.push(REPOSITORY, &layout);
    let repository = registry.repository(REPOSITORY);
    let url = format!("oci://{repository}@{digest}");
    let hex = digest
        .strip_prefix("sha256:")
        .expect("a digest with its algorithm");

    let fetched = fetch(&url, hex);
    assert!(fetched.status.success(), "{fetched:?}");
    let module = fs::read(tools::filter()).expect("the filter");
    let expected = format!("{:x}", Sha256::digest(module));
    // Istio logs to the standard output as well.
    let output = String::from_utf8_lossy(&fetched.stdout);
    assert_eq!(output.lines().last(), Some(expected.as_str()));

    let wrong = "0".repeat(64);
    for (url, digest, error) in [
        (
            format!("oci://{repository}:test"),
            wrong.as_str(),
            "does not match",
        ),
        (
            format!("oci://{repository}@sha256:{wrong}"),
            "",
            "MANIFEST_UNKNOWN",
        ),
    ] {
        let fetched = fetch(&url, digest);
        let output = String::from_utf8_lossy(&fetched.stderr);
        assert!(!fetched.status.success(), "{url} {digest}");
        assert!(output.contains(error), "{output}");
    }
}
