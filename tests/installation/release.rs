//! What `make dist` makes of the chart and of the SBOMs.

use std::fs;
use std::process::Command;

use portcullis_tests::lab::folder::{fresh, workspace};
use portcullis_tests::lab::tools;
use serde_json::{Value, json};

#[test]
fn the_packaged_chart_names_the_registry_and_both_images_by_digest() {
    let folder = fresh("chart");
    let (filter, companion) = ("1".repeat(64), "2".repeat(64));
    let images = format!("filter 0.1.0 sha256:{filter}\ncompanion 0.1.0 sha256:{companion}\n");
    fs::write(folder.join("images.txt"), images).expect("a file");
    let values = |file: &str| {
        Command::new("awk")
            .args(["-v", "registry=registry.example.org", "-f"])
            .arg(workspace().join("istio/images/values.awk"))
            .arg(folder.join("images.txt"))
            .arg(file)
            .current_dir(workspace())
            .output()
            .expect("awk")
    };
    let output = values("istio/chart/values.yaml");
    assert!(output.status.success(), "{output:?}");
    let before = fs::read_to_string(workspace().join("istio/chart/values.yaml")).expect("values");
    let after = String::from_utf8(output.stdout).expect("text");
    let changed: Vec<_> = before
        .lines()
        .zip(after.lines())
        .filter_map(|(before, after)| (before != after).then_some(after.trim()))
        .collect();
    let expected = [
        "registry: registry.example.org".to_owned(),
        format!("digest: sha256:{companion}"),
        format!("digest: sha256:{filter}"),
    ];
    assert_eq!(changed, expected);
    // Another structure of the values is an error, and not a chart without digests.
    assert!(!values("istio/chart/Chart.yaml").status.success());
}

#[test]
fn an_sbom_has_nothing_of_the_machine_and_names_the_certificates() {
    let folder = fresh("sbom");
    let (bom, out) = (folder.join("bom.json"), folder.join("out.json"));
    let write = |bom_ref: &str, serial: bool| {
        let mut document = json!({"bomFormat": "CycloneDX", "components": [{"bom-ref": bom_ref}]});
        if serial {
            document["serialNumber"] = json!("urn:uuid:1");
        }
        fs::write(&bom, document.to_string()).expect("a file");
        Command::new(tools::images())
            .args([
                "sbom",
                "-sources",
                "/build/portcullis",
                "-certifi",
                "2026.1.1",
                "-bom",
            ])
            .arg(&bom)
            .arg("-out")
            .arg(&out)
            .output()
            .expect("the program that writes SBOMs")
    };
    let output = write("path+file:///build/portcullis/src/core#0.1.0", false);
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(&out).expect("an SBOM");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let components = document["components"].as_array().expect("components");
    assert_eq!(components[0]["bom-ref"], "path+file:///src/core#0.1.0");
    assert_eq!(components[1]["purl"], "pkg:pypi/certifi@2026.1.1");
    for output in [
        write("path+file:///build/portcullis/src/core#0.1.0", true),
        write("/build/portcullis/target", false),
    ] {
        assert!(!output.status.success(), "{output:?}");
    }
}
