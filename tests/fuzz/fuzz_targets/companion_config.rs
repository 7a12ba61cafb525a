//! Configurations of the companion.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::config::Config;

fuzz_target!(|data: &[u8]| {
    for name in ["companion.yaml", "companion.json"] {
        let first = Config::parse(name.to_owned(), data.to_vec());
        let second = Config::parse(name.to_owned(), data.to_vec());
        match (first, second) {
            (Ok(first), Ok(second)) => assert_eq!(format!("{first:?}"), format!("{second:?}")),
            (Err(report), Err(_)) => {
                let report = report.to_string();
                assert!(
                    report.contains(name) && report.contains("help:"),
                    "{report}"
                );
            }
            _ => panic!("read differently the second time"),
        }
    }
});
