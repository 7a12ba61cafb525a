//! Policy files in YAML: converted to JSON without a change of meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::policy_file::PolicyFile;
use serde_json::Value;

fn parse(name: &str, bytes: &[u8]) -> Option<PolicyFile> {
    match PolicyFile::parse(name.to_owned(), bytes.to_vec()) {
        Ok(file) => Some(file),
        Err(report) => {
            let report = report.to_string();
            assert!(
                report.contains(name) && report.contains("help:"),
                "{report}"
            );
            None
        }
    }
}

fuzz_target!(|data: &[u8]| {
    // JSON files that are read have the meaning that any JSON parser sees.
    if let Some(file) = parse("policy.json", data) {
        // A byte order mark is accepted here.
        let text = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
        let mut value: Value = serde_json::from_slice(text).expect("JSON");
        // Teams are not part of the policy that core reads, and an error in a single file.
        let members = value.as_object_mut();
        if members
            .and_then(|members| members.remove("teams"))
            .is_some()
        {
            assert!(file.policy().is_err());
            return;
        }
        assert_eq!(
            serde_json::from_str::<Value>(&file.json()).expect("JSON"),
            value
        );
    }
    let Some(file) = parse("policy.yaml", data) else {
        return;
    };
    let value: Value = serde_json::from_str(&file.json()).expect("JSON");
    // The JSON is a file that means the same, in JSON and in YAML.
    let again = parse("policy.json", file.json().as_bytes()).expect("JSON");
    assert_eq!(again.json(), file.json());
    if let Some(again) = parse("policy.yaml", file.json().as_bytes()) {
        assert_eq!(
            serde_json::from_str::<Value>(&again.json()).expect("JSON"),
            value
        );
    }
    match (file.policy(), again.policy()) {
        (Ok(policy), Ok(again)) => assert_eq!(format!("{policy:?}"), format!("{again:?}")),
        (Err(report), Err(_)) => assert!(report.to_string().contains("help:"), "{report}"),
        // The JSON has no teams.
        (Err(report), Ok(_)) => assert!(report.to_string().contains("teams"), "{report}"),
        (Ok(_), Err(report)) => panic!("the JSON is no policy: {report}"),
    }
});
