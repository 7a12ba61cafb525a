//! The configurations in `envoy/` are good as they are: for both Envoys, and for our own parser.

use portcullis_core::policy::Policy;
use portcullis_tests::lab::envoy::validate;
use portcullis_tests::lab::{Authority, Shipped, Version};

#[test]
fn every_file_is_taken_by_both_envoys() {
    let authority = Authority::new();
    for name in Shipped::names() {
        let mut shipped = Shipped::read(&name);
        for ca in ["blue-ca.pem", "green-ca.pem"] {
            shipped.file(ca, authority.file());
        }
        // Not every machine keeps the public authorities where Debian does.
        shipped.file("public-ca.pem", authority.file());
        let public = shipped.place("public-ca.pem");
        shipped.rename("/etc/ssl/certs/ca-certificates.crt", &public);
        let file = shipped.write();
        for version in Version::ALL {
            if let Err(log) = validate(version, &file) {
                panic!("Envoy {version} refuses envoy/{name}:\n{log}");
            }
        }
    }
}

#[test]
fn every_policy_is_one() {
    let names = Shipped::names();
    assert_eq!(names, ["gateway.yaml", "minimal.yaml"]);
    for name in names {
        let policy = Shipped::read(&name).policy().to_string();
        if let Err(error) = Policy::from_json(&policy) {
            panic!("envoy/{name}: {error}");
        }
    }
}
