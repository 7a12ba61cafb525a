use base64::engine::general_purpose::STANDARD;
use wasm_bindgen_test::wasm_bindgen_test;

use super::*;
use crate::fixtures::{key_set, public_members};
use crate::jwk::fixtures::read;

#[test]
fn thumbprints_match_the_examples_of_rfc_7638_and_rfc_8037() {
    let rsa = r#""kty":"RSA","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw""#;
    let ed = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    for (members, expected) in [
        (rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (ed, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    ] {
        let thumbprint = read(&[members]).unwrap().keys()[0].thumbprint();
        assert_eq!(thumbprint.to_string(), expected);
        assert_eq!(Thumbprint::parse(expected), Some(thumbprint));
    }
    for text in [
        "",
        "NzbL",
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xt",
        "§",
    ] {
        assert_eq!(Thumbprint::parse(text), None);
    }
}

#[test]
fn thumbprints_match_jwt_compact_for_all_key_types() {
    for algorithm in Algorithm::ALL {
        let members = format!("{{{}}}", public_members(algorithm));
        let theirs: jwt_compact::jwk::JsonWebKey<'_> = serde_json::from_str(&members).unwrap();
        let ours = key_set(algorithm, "k").keys()[0].thumbprint();
        assert_eq!(
            ours.to_string(),
            URL_SAFE_NO_PAD.encode(theirs.thumbprint::<Sha256>())
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn subject_public_key_info_matches_openssl() {
    for (algorithm, expected) in [
        (
            Algorithm::EdDsa,
            "MCowBQYDK2VwAyEALO5hVkNeYSCeO1suNiBLOmcxWgDyr+KL/7EWcFA9p+Y=",
        ),
        (
            Algorithm::Es256,
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdjhr80QgjzZho50wCkT1yv3szIzOWVDqmpAgtYHR7BnUY3HM\
             8bvJqI7eNmfzL1FVB4y7ipc7yzCGdbTf9PloFA==",
        ),
        (
            Algorithm::Es384,
            "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEUUkKdIhNXsgYaa948GzmTJqOsxDJiWPzn3EoO1oj4UAvdYCHr6cW\
             K3v8Q1aJpt7gQH/WDZtXZwm7hpgl/cA4/9hPxIUVThDTupLTCFFlZ+aATnWsPyjTLqLMRiipKQwH",
        ),
        (
            Algorithm::Rs256,
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAweYtC8q8z0jOgsS5nS3JPPC9tOSuH6oOsBVoHd8T\
             8Vp3y8vlQF4HfA3NPgJ/CcReohQtkY8O103CCYrH5wOrWLt+8czVy4gAOLZ1nrndSSCFxgVCETYnlPvuxYp3\
             jkWK69cyLuNQAWgkjNd0CRSCATZDv1eAJ7T4qHqc/HG9NlRlw91LWQtFIKSdof+9lni9Mu8oWJ8PUzYsWveF\
             Rdx5j77Xqi8tOQjr3aFKnPQlqZ0TgPtBprRTwaq8ovYqeWTMDeibMeAJqjfVVCXbOhBF291xKDL3pbxlg9uv\
             pzqM6iukjV9VUNrKmY4z3Vh431WuJMGG7Vd8XuzMowWr9r0pCwIDAQAB",
        ),
    ] {
        let set = key_set(algorithm, "k");
        assert_eq!(STANDARD.encode(set.keys()[0].spki_der()), expected);
    }
}
