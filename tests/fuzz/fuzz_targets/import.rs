//! Configurations of oauth2-proxy: the first line says what the rest is.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use portcullis::config::Config;
use portcullis::fuzzing::{ImportKind, import};
use portcullis::policy_file::PolicyFile;

fuzz_target!(|data: &[u8]| {
    let Some(at) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (kind, rest) = data.split_at(at);
    let kind = match kind {
        b"alpha" => ImportKind::Alpha,
        b"config" => ImportKind::Config,
        b"environment" => ImportKind::Environment,
        b"helm" => ImportKind::Helm,
        b"ingress" => ImportKind::Ingress,
        _ => return,
    };
    let file = std::env::temp_dir().join(format!("portcullis-import-{}", std::process::id()));
    fs::write(&file, rest.get(1..).unwrap_or_default()).expect("a file");
    let first = import(kind, &file);
    let second = import(kind, &file);
    assert_eq!(first, second, "read differently the second time");
    match first {
        Ok((policy, configuration)) => {
            let read = PolicyFile::parse("portcullis.yaml".to_owned(), policy.clone().into());
            let valid = read.and_then(|file| file.policy());
            assert!(valid.is_ok(), "{}\n{policy}", valid.unwrap_err());
            let valid = Config::parse("companion.yaml".to_owned(), configuration.clone().into());
            assert!(valid.is_ok(), "{}\n{configuration}", valid.unwrap_err());
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(error.contains("help:"), "{error}");
            }
        }
    }
});
