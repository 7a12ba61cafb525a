//! Shared fixtures of unit tests: fixed keys, and tokens signed with them. The keys are used in
//! these tests only. They are fixed so that tests are fast and repeatable, also in wasm.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_compact::Algorithm as _;
use jwt_compact::AlgorithmSignature as _;
use jwt_compact::alg::{Ed25519, Es256, Rsa, RsaPrivateKey};
use jwt_compact::jwk::JsonWebKey;

use crate::jwk::{Algorithm, KeySet};

/// The public members of the fixed key for an algorithm.
pub(crate) const fn public_members(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDsa => {
            r#""kty":"OKP","crv":"Ed25519","x":"LO5hVkNeYSCeO1suNiBLOmcxWgDyr-KL_7EWcFA9p-Y""#
        }
        Algorithm::Es256 => {
            r#""kty":"EC","crv":"P-256","x":"djhr80QgjzZho50wCkT1yv3szIzOWVDqmpAgtYHR7Bk","y":"1GNxzPG7yaiO3jZn8y9RVQeMu4qXO8swhnW03_T5aBQ""#
        }
        Algorithm::Es384 => {
            r#""kty":"EC","crv":"P-384","x":"UUkKdIhNXsgYaa948GzmTJqOsxDJiWPzn3EoO1oj4UAvdYCHr6cWK3v8Q1aJpt7g","y":"QH_WDZtXZwm7hpgl_cA4_9hPxIUVThDTupLTCFFlZ-aATnWsPyjTLqLMRiipKQwH""#
        }
        Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512 => {
            r#""kty":"RSA","e":"AQAB","n":"weYtC8q8z0jOgsS5nS3JPPC9tOSuH6oOsBVoHd8T8Vp3y8vlQF4HfA3NPgJ_CcReohQtkY8O103CCYrH5wOrWLt-8czVy4gAOLZ1nrndSSCFxgVCETYnlPvuxYp3jkWK69cyLuNQAWgkjNd0CRSCATZDv1eAJ7T4qHqc_HG9NlRlw91LWQtFIKSdof-9lni9Mu8oWJ8PUzYsWveFRdx5j77Xqi8tOQjr3aFKnPQlqZ0TgPtBprRTwaq8ovYqeWTMDeibMeAJqjfVVCXbOhBF291xKDL3pbxlg9uvpzqM6iukjV9VUNrKmY4z3Vh431WuJMGG7Vd8XuzMowWr9r0pCw""#
        }
    }
}

/// The private members that belong to [`public_members`].
const fn private_members(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDsa => r#""d":"FmtEU_fT_eo5bxjbEVz9TsokjnIUC8-hMwHFkN5fckA""#,
        Algorithm::Es256 => r#""d":"HdqK1U_mhmLXoTLLC4oHUmWJEp9zWHvZjWxUTS1H0aE""#,
        Algorithm::Es384 => {
            r#""d":"QDCLGnjRDadZxKxjbo3vBnXane-Ge0tXw-InGf4D-iXKdeUWuEkwO2ThpekYCZNl""#
        }
        Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512 => {
            r#""d":"En1JxloVbwlY8oyidnkrO1hpfppf0D0ocWSugkqyCCMW-_lRabXjA31Sw5r7_4kYzQkc30huTdw9qH3yBKFg8XEk8Gxr5qCYBNBr9DAdCHVwIYCBhZ_4XkiNGDZ_-AfBm4ObEXAzl4QVbX4OCTT0wKYqslA8XuJEOSyX_lU03xKP_wfBSk0nKHgGTMxGyYm0SrFoe9k-JFx6Lew-JeJWSBKmLmc6G7D3LhJoQQNqubPmzAA_d2ec0PzFfHVjLM8yLt_kYam4nI1J2SBjCjkVwffQHARy7yt4_Fr4RZ4eg06MjD5s487VPHiU6Qt5G8TCLeypzTlA056SgjmkcaXL4Q","p":"6MKAqLXbqUISdLn2VeHqMpEGOEXxXG7dayIn7EobPw3ez8LivQsIBPJf4_lc-a_FWSvr_oXK6mJ4gLBBxFECXeC8QHZ1xVG-FoK-k0OPff6jWHgZ0d10haUdfzJSVgrpaquEQmE7_LqLncqw3GVcKsgsoc4xTxkt9s2rVIZjBTU","q":"1UJebLLe7mMcSZbuVLuVIU95fmnjorav4KOL-eZg-5i48MGptO9Ws0nma1wpgdiUzIZBiJ5M6y1RifLOMb4bk3N-CmDTNNmScbS-_h7Ak6Hmm53xGZ4uFn8NTocbRyUStqCSxDFkpYk8-N3ueSs_IJwKuEG1B_yGmYBN_14EfT8""#
        }
    }
}

/// The fixed key for an algorithm as an issuer publishes it.
pub(crate) fn jwk(algorithm: Algorithm, kid: &str) -> String {
    format!(
        r#"{{"alg":"{algorithm}","kid":"{kid}","use":"sig",{}}}"#,
        public_members(algorithm)
    )
}

/// A set of these keys.
pub(crate) fn jwks(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// A set of the fixed key for an algorithm alone.
pub(crate) fn key_set(algorithm: Algorithm, kid: &str) -> KeySet {
    KeySet::parse(jwks(&[jwk(algorithm, kid)]).as_bytes(), None).unwrap()
}

/// The algorithms that can be verified in this build.
pub(crate) fn algorithms() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| cfg!(feature = "es384") || *algorithm != Algorithm::Es384)
}

/// The signature of the fixed key for an algorithm.
pub(crate) fn sign(algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    let members = format!(
        "{{{},{}}}",
        public_members(algorithm),
        private_members(algorithm)
    );
    let jwk: JsonWebKey<'_> = serde_json::from_str(&members).unwrap();
    let rsa = |scheme: Rsa| {
        let key = RsaPrivateKey::try_from(&jwk).unwrap();
        scheme.sign(&key, message).as_bytes().into_owned()
    };
    match algorithm {
        Algorithm::EdDsa => {
            let key = (&jwk).try_into().unwrap();
            Ed25519.sign(&key, message).as_bytes().into_owned()
        }
        Algorithm::Es256 => {
            let key = (&jwk).try_into().unwrap();
            Es256.sign(&key, message).as_bytes().into_owned()
        }
        Algorithm::Es384 => es384(&jwk, message),
        Algorithm::Ps256 => rsa(Rsa::ps256()),
        Algorithm::Ps384 => rsa(Rsa::ps384()),
        Algorithm::Ps512 => rsa(Rsa::ps512()),
        Algorithm::Rs256 => rsa(Rsa::rs256()),
        Algorithm::Rs384 => rsa(Rsa::rs384()),
        Algorithm::Rs512 => rsa(Rsa::rs512()),
    }
}

#[cfg(feature = "es384")]
fn es384(jwk: &JsonWebKey<'_>, message: &[u8]) -> Vec<u8> {
    use p384::ecdsa::signature::Signer as _;

    let JsonWebKey::EllipticCurve {
        secret: Some(secret),
        ..
    } = jwk
    else {
        panic!("not an elliptic private key");
    };
    let key = p384::ecdsa::SigningKey::from_slice(secret).unwrap();
    let signature: p384::ecdsa::Signature = key.sign(message);
    signature.to_bytes().to_vec()
}

#[cfg(not(feature = "es384"))]
fn es384(_: &JsonWebKey<'_>, _: &[u8]) -> Vec<u8> {
    panic!("signing with ES384 needs the feature of its name");
}

/// A token of this header and payload, whatever they are, signed by the fixed key for an algorithm.
pub(crate) fn token(algorithm: Algorithm, header: &str, payload: &str) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = sign(algorithm, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// An unsigned text of the compact form: enough for what is checked before the signature.
pub(crate) fn unsigned(header: &str, payload: &str) -> String {
    format!(
        "{}.{}.c2lnbmF0dXJl",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    )
}
