//! One version for everything that is released.

use std::fs;
use std::process::Command;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::tools;

/// The version of the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

// The filter's log line and the companion's `build_info` are compared where they are tested.
#[test]
fn the_companion_the_chart_and_the_images_have_the_version_of_the_workspace() {
    let output = Command::new(tools::companion())
        .arg("--version")
        .output()
        .expect("the companion");
    let printed = String::from_utf8(output.stdout).expect("text");
    assert_eq!(printed, format!("portcullis {VERSION}\n"));

    let chart = workspace().join("istio/chart/Chart.yaml");
    let chart = fs::read_to_string(chart).expect("a chart");
    for field in ["version", "appVersion"] {
        let line = chart.lines().find_map(|line| line.strip_prefix(field));
        let version = line.and_then(|line| line.strip_prefix(": "));
        assert_eq!(version.map(|text| text.trim_matches('"')), Some(VERSION));
    }

    let plan = Command::new("make")
        .args(["--dry-run", "images"])
        .current_dir(workspace())
        .output()
        .expect("make");
    let plan = String::from_utf8(plan.stdout).expect("text");
    let named = plan.matches(&format!("-version '{VERSION}'")).count();
    assert_eq!(named, 2, "{plan}");
}
