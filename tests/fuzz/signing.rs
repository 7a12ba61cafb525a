//! Keys that sign tokens. They are used in fuzz targets only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use portcullis_core::keys::{Key, KeySet, Signatures};
use portcullis_core::token::Algorithm;

/// An RSA key that signs nothing here, so that no RS256 or PS256 signature is valid.
pub const RSA_JWK: &str = r#"{"kty":"RSA","kid":"rsa","e":"AQAB","n":"weYtC8q8z0jOgsS5nS3JPPC9tOSuH6oOsBVoHd8T8Vp3y8vlQF4HfA3NPgJ_CcReohQtkY8O103CCYrH5wOrWLt-8czVy4gAOLZ1nrndSSCFxgVCETYnlPvuxYp3jkWK69cyLuNQAWgkjNd0CRSCATZDv1eAJ7T4qHqc_HG9NlRlw91LWQtFIKSdof-9lni9Mu8oWJ8PUzYsWveFRdx5j77Xqi8tOQjr3aFKnPQlqZ0TgPtBprRTwaq8ovYqeWTMDeibMeAJqjfVVCXbOhBF291xKDL3pbxlg9uvpzqM6iukjV9VUNrKmY4z3Vh431WuJMGG7Vd8XuzMowWr9r0pCw"}"#;

/// A signature that [`FakeSignatures`] accepts.
pub const FAKE_SIGNATURE: [u8; 64] = [7; 64];

/// Accepts [`FAKE_SIGNATURE`] and nothing else, because cryptography would take most of the time of a run.
#[derive(Clone, Copy, Debug)]
pub struct FakeSignatures;

impl Signatures for FakeSignatures {
    fn supports(&self, _: Algorithm) -> bool {
        true
    }

    fn verifies(&self, _: &Key, _: &[u8], signature: &[u8]) -> bool {
        signature == FAKE_SIGNATURE
    }
}

/// Keys that sign with Ed25519 and with ES256.
#[derive(Debug)]
pub struct SigningKeys {
    ed25519: ed25519_compact::KeyPair,
    es256: p256::ecdsa::SigningKey,
}

impl SigningKeys {
    /// The same keys each time.
    ///
    /// # Panics
    /// Never: the constants are valid keys.
    #[must_use]
    pub fn fixed() -> Self {
        Self {
            ed25519: ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([7; 32])),
            es256: p256::ecdsa::SigningKey::from_slice(&[9; 32]).expect("a valid key"),
        }
    }

    /// Their public keys, with the key IDs `ed` and `ec`, and [`RSA_JWK`].
    ///
    /// # Panics
    /// Never: the keys are valid.
    #[must_use]
    pub fn key_set(&self) -> KeySet {
        let point = self.es256.verifying_key().to_encoded_point(false);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let ed25519 = encode(self.ed25519.pk.as_ref());
        let (x, y) = (
            point.x().expect("uncompressed"),
            point.y().expect("uncompressed"),
        );
        let json = format!(
            r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"{ed25519}"}},{{"kty":"EC","crv":"P-256","kid":"ec","x":"{}","y":"{}"}},{RSA_JWK}]}}"#,
            encode(x),
            encode(y),
        );
        KeySet::parse(json.as_bytes(), None).expect("a valid key set")
    }

    /// The Ed25519 signature of a message.
    #[must_use]
    pub fn eddsa(&self, message: &[u8]) -> Vec<u8> {
        self.ed25519.sk.sign(message, None).to_vec()
    }

    /// The ES256 signature of a message, in the form of a JWS.
    #[must_use]
    pub fn es256(&self, message: &[u8]) -> Vec<u8> {
        let signature: p256::ecdsa::Signature = self.es256.sign(message);
        signature.to_bytes().to_vec()
    }
}

/// The signing input of a token with this header and payload, whatever they are.
#[must_use]
pub fn signing_input(header: &[u8], payload: &[u8]) -> String {
    [header, payload]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".")
}

/// A token in the compact form.
#[must_use]
pub fn compact(signing_input: &str, signature: &[u8]) -> String {
    format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token that [`FakeSignatures`] accepts.
#[must_use]
pub fn with_fake_signature(header: &str, payload: &str) -> String {
    compact(
        &signing_input(header.as_bytes(), payload.as_bytes()),
        &FAKE_SIGNATURE,
    )
}
