//! The images: what is in them, what they refuse, and that the same files give the same digest.

use std::env::consts::ARCH;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use portcullis_tests::lab::folder::fresh;
use portcullis_tests::lab::tools;
use serde_json::{Value, json};

/// The media type of the one layer that Istio's and Envoy Gateway's fetchers unpack.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What the images name besides the files.
const ABOUT: [&str; 6] = [
    "-version",
    "1.2.3",
    "-revision",
    "0123456789012345678901234567890123456789",
    "-created",
    "1750000000",
];

/// The name that Go and OCI have for the machine's architecture.
fn architecture() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => panic!("no image for {other}"),
    }
}

fn run(arguments: &[&str], out: &Path) -> Output {
    Command::new(tools::images())
        .args(arguments)
        .arg("-out")
        .arg(out)
        .args(ABOUT)
        .output()
        .expect("the program that writes images")
}

/// Writes an image and returns its digest.
fn write(arguments: &[&str], out: &Path) -> String {
    let output = run(arguments, out);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {error}");
    let line = String::from_utf8(output.stdout).expect("text");
    let [name, version, digest] = line.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("three words expected: {line}");
    };
    assert_eq!([name, version], [arguments[0], "1.2.3"]);
    digest.to_owned()
}

fn refused(arguments: &[&str]) -> String {
    let out = fresh("refused").join("image");
    let output = run(arguments, &out);
    assert!(!output.status.success(), "{arguments:?} is accepted");
    assert!(!out.exists(), "a layout is written: {}", out.display());
    String::from_utf8(output.stderr).expect("text")
}

/// Writes the filter's image of this module.
fn filter(wasm: &Path, out: &Path) -> String {
    write(&["filter", "-wasm", wasm.to_str().expect("text")], out)
}

/// Writes the companion's image for this machine, with this program.
fn companion(program: &Path, out: &Path) -> String {
    let flag = format!("-{}", architecture());
    let program = program.to_str().expect("text");
    let certificates = tools::certificates();
    let arguments = [
        "companion",
        &flag,
        program,
        "-certificates",
        certificates.to_str().expect("text"),
    ];
    write(&arguments, out)
}

/// The JSON blob that a descriptor names.
fn blob(layout: &Path, descriptor: &Value) -> Value {
    let text = fs::read_to_string(blob_path(layout, descriptor)).expect("a blob");
    serde_json::from_str(&text).expect("JSON")
}

fn blob_path(layout: &Path, descriptor: &Value) -> PathBuf {
    let digest = descriptor["digest"].as_str().expect("a digest");
    layout.join("blobs").join(digest.replace(':', "/"))
}

/// The one image or index of a layout, and its digest.
fn content(layout: &Path) -> (Value, String) {
    let text = fs::read_to_string(layout.join("index.json")).expect("an index");
    let index: Value = serde_json::from_str(&text).expect("JSON");
    let [descriptor] = &index["manifests"].as_array().expect("manifests")[..] else {
        panic!("one image expected: {text}");
    };
    let name = "org.opencontainers.image.ref.name";
    assert_eq!(descriptor["annotations"][name], "1.2.3");
    let digest = descriptor["digest"].as_str().expect("a digest").to_owned();
    (blob(layout, descriptor), digest)
}

/// What tar prints about a layer's entries: the mode, the owner and the name of each.
fn entries(layer: &Path) -> Vec<String> {
    let output = Command::new("tar")
        .args(["--numeric-owner", "--list", "--verbose", "--gzip", "--file"])
        .arg(layer)
        .output()
        .expect("tar");
    assert!(output.status.success(), "{}", layer.display());
    let text = String::from_utf8(output.stdout).expect("text");
    let line = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        format!("{} {} {}", words[0], words[1], words[5])
    };
    text.lines().map(line).collect()
}

fn unpacked(layer: &Path) -> PathBuf {
    let folder = fresh("layer");
    let status = Command::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(layer)
        .arg("--directory")
        .arg(&folder)
        .status()
        .expect("tar");
    assert!(status.success(), "{}", layer.display());
    folder
}

fn annotation(name: &str) -> String {
    format!("org.opencontainers.image.{name}")
}

#[test]
fn the_filters_image_has_the_layout_that_istio_and_envoy_gateway_take() {
    let layout = fresh("filter").join("image");
    let digest = filter(&tools::filter(), &layout);
    let (manifest, named) = content(&layout);
    assert_eq!(named, digest);
    // With Docker's media type, the fetchers would expect Docker's layers.
    assert_eq!(manifest["mediaType"], OCI_MANIFEST);
    let [layer] = &manifest["layers"].as_array().expect("layers")[..] else {
        panic!("one layer expected: {manifest}");
    };
    assert_eq!(layer["mediaType"], LAYER);
    let path = blob_path(&layout, layer);
    assert_eq!(entries(&path), ["-r--r--r-- 0/0 plugin.wasm"]);
    let module = fs::read(unpacked(&path).join("plugin.wasm")).expect("a module");
    assert!(module == fs::read(tools::filter()).expect("the filter"));
    assert_eq!(manifest["annotations"][annotation("version")], "1.2.3");
    assert_eq!(
        manifest["annotations"][annotation("created")],
        "2025-06-15T15:06:40Z"
    );
    assert_eq!(manifest["annotations"][annotation("revision")], ABOUT[3]);
}

#[test]
fn the_companions_image_has_the_program_and_the_public_cas_and_nothing_else() {
    let layout = fresh("companion").join("image");
    let digest = companion(&tools::images(), &layout);
    let (index, named) = content(&layout);
    assert_eq!(named, digest);
    assert_eq!(index["annotations"][annotation("title")], "portcullis");
    let [descriptor] = &index["manifests"].as_array().expect("manifests")[..] else {
        panic!("one image expected: {index}");
    };
    let platform = json!({"architecture": architecture(), "os": "linux"});
    assert_eq!(descriptor["platform"], platform);
    let manifest = blob(&layout, descriptor);
    let layers = manifest["layers"].as_array().expect("layers");
    let paths: Vec<_> = layers
        .iter()
        .map(|layer| blob_path(&layout, layer))
        .collect();
    let listed: Vec<_> = paths.iter().map(|path| entries(path)).collect();
    let cas = [
        "drwxr-xr-x 0/0 etc/",
        "drwxr-xr-x 0/0 etc/ssl/",
        "drwxr-xr-x 0/0 etc/ssl/certs/",
        "-r--r--r-- 0/0 etc/ssl/certs/ca-certificates.crt",
    ];
    assert_eq!(listed, [&cas[..], &["-r-xr-xr-x 0/0 portcullis"]]);
    let program = fs::read(unpacked(&paths[1]).join("portcullis")).expect("the program");
    assert!(program == fs::read(tools::images()).expect("the same program"));

    let config = blob(&layout, &manifest["config"]);
    assert_eq!(config["architecture"], architecture());
    // By number, without which Kubernetes can't check `runAsNonRoot`.
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"], json!(["/portcullis"]));
    assert_eq!(config["config"]["Env"], Value::Null);
}

#[test]
fn the_same_files_give_the_same_digest_whenever_and_wherever_they_were_written() {
    let folder = fresh("again");
    let filters = [folder.join("filter-1"), folder.join("filter-2")];
    let companions = [folder.join("companion-1"), folder.join("companion-2")];
    // With another name, mode and time.
    let module = folder.join("module");
    fs::write(&module, fs::read(tools::filter()).expect("the filter")).expect("a copy");
    let program = folder.join("program");
    fs::write(&program, fs::read(tools::images()).expect("a program")).expect("a copy");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o600)).expect("a mode");
    assert_eq!(
        filter(&tools::filter(), &filters[0]),
        filter(&module, &filters[1])
    );
    assert_eq!(
        companion(&tools::images(), &companions[0]),
        companion(&program, &companions[1])
    );
    for [one, other] in [filters, companions] {
        let status = Command::new("diff").arg("-r").arg(one).arg(other).status();
        assert!(status.expect("diff").success());
    }
    // And another file gives another digest.
    let mut changed = fs::read(&module).expect("a module");
    *changed.last_mut().expect("a byte") ^= 1;
    fs::write(&module, changed).expect("a file");
    let digest = filter(&module, &folder.join("filter-3"));
    assert_ne!(digest, filter(&tools::filter(), &folder.join("filter-1")));
}

#[test]
fn files_that_would_not_run_in_the_image_are_refused() {
    let this = std::env::current_exe().expect("a program");
    let this = this.to_str().expect("text");
    let images = tools::images();
    let images = images.to_str().expect("text");
    let certificates = tools::certificates();
    let certificates = certificates.to_str().expect("text");
    let native = format!("-{}", architecture());
    let foreign = if native == "-amd64" {
        "-arm64"
    } else {
        "-amd64"
    };
    let companion =
        |flag: &str, file: &str| refused(&["companion", flag, file, "-certificates", certificates]);
    let cases = [
        (refused(&["filter", "-wasm", this]), "not a Wasm module"),
        (refused(&["filter", "-wasm", "/none"]), "no such file"),
        (companion(&native, this), "needs a dynamic loader"),
        (companion(foreign, images), "built for"),
        (companion(&native, certificates), "not an ELF file"),
        (
            refused(&["companion", &native, images, "-certificates", this]),
            "0 certificates",
        ),
    ];
    for (error, expected) in cases {
        assert!(error.starts_with("error: "), "{error}");
        assert!(error.contains(expected), "{expected} expected: {error}");
        assert!(error.contains("\nhelp: "), "no help: {error}");
    }
}
