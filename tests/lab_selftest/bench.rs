//! The benchmark runs, and reports what it measured. No figure is compared: other tests use the cores too.

use std::fs;
use std::process::Command;

use portcullis_tests::lab::folder;
use serde_json::Value;

/// Runs a part of the benchmark for a moment, and returns its results.
fn run(part: &str) -> Value {
    let results = folder::fresh("bench").join("bench.json");
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .envs([
            ("BENCH_PART", part),
            ("BENCH_ROUNDS", "1"),
            ("BENCH_SECONDS", "0.1"),
        ])
        .env("BENCH_RESULTS", &results)
        .output()
        .expect("the benchmark runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{part}: {stderr}");
    serde_json::from_str(&fs::read_to_string(&results).unwrap()).unwrap()
}

/// The names of the lines of a table.
fn names(results: &Value, table: usize) -> Vec<&str> {
    let lines = results["tables"][table]["lines"].as_array().unwrap();
    for line in lines {
        let rate = line["requests_per_second"]["median"].as_f64();
        assert!(rate.is_some_and(|rate| rate > 0.0), "{line:#}");
    }
    lines
        .iter()
        .map(|line| line["name"].as_str().unwrap())
        .collect()
}

#[test]
fn the_benchmark_measures_the_filter_and_the_module_during_a_flood() {
    let results = run("flood");
    assert_eq!(
        names(&results, 0),
        [
            "filter, beside valid tokens",
            "filter, beside forged tokens",
            "module, beside valid tokens",
            "module, beside forged tokens",
        ]
    );
    let forged = &results["tables"][0]["lines"][1];
    assert_eq!(forged["compared"][0]["with"], "filter, beside valid tokens");
    assert!(forged["p99_microseconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_benchmark_measures_the_forwarder_beside_nginx() {
    let results = run("attach");
    assert_eq!(names(&results, 0)[..2], ["NGINX", "Portcullis attach"]);
}

#[test]
fn an_invalid_setting_of_the_benchmark_is_an_error_with_what_is_expected() {
    for (name, value, expected) in [
        ("BENCH_SECONDS", "0", "expected a number from 0.1 to 1000"),
        ("BENCH_ROUNDS", "1.5", "expected an integer from 1 to 1000"),
        ("BENCH_PART", "all", "expected `filter`, `companion`"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_bench"))
            .env(name, value)
            .output()
            .expect("the benchmark runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let start = format!("bench: invalid {name} `{value}`: {expected}");
        assert!(stderr.starts_with(&start), "{stderr}");
        assert_eq!(output.status.code(), Some(1));
    }
}
