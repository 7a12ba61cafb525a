//! Signing keys of issuers.

use std::collections::BTreeMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey};
use rand_core::{OsRng, RngCore as _};
use rsa::pkcs8::LineEnding;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// A signature algorithm by its JOSE name (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
}

impl Algorithm {
    /// The value of `alg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }
}

/// A private key, with the key ID that its issuer publishes it under.
#[derive(Clone, Debug)]
pub struct SigningKey {
    secret: Secret,
    kid: String,
    algorithm: Algorithm,
}

#[derive(Clone)]
enum Secret {
    Ed25519(ed25519_compact::KeyPair),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Rsa(rsa::RsaPrivateKey),
}

impl SigningKey {
    /// An RSA key of 2048 bits for RS256. Generating one takes long, so `name` returns the same key
    /// throughout the process.
    ///
    /// # Panics
    /// If none can be generated.
    #[must_use]
    pub fn rsa(name: &str) -> Self {
        static KNOWN: Mutex<BTreeMap<String, rsa::RsaPrivateKey>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().expect("no panic while it is held");
        let key = known
            .entry(name.to_owned())
            .or_insert_with(|| rsa::RsaPrivateKey::new(&mut OsRng, 2048).expect("an RSA key"));
        Self::new(Secret::Rsa(key.clone()), Algorithm::Rs256)
    }

    /// A new key on P-256 for ES256.
    #[must_use]
    pub fn p256() -> Self {
        loop {
            let secret = Secret::P256(p256::ecdsa::SigningKey::random(&mut OsRng));
            let key = Self::new(secret, Algorithm::Es256);
            // Logs have the `kid`, and are searched for what tokens begin with.
            if !key.kid.starts_with("eyJ") {
                return key;
            }
        }
    }

    /// A new key on P-384 for ES384.
    #[must_use]
    pub fn p384() -> Self {
        Self::new(
            Secret::P384(p384::ecdsa::SigningKey::random(&mut OsRng)),
            Algorithm::Es384,
        )
    }

    /// A new Ed25519 key for EdDSA.
    #[must_use]
    pub fn ed25519() -> Self {
        let mut seed = [0; 32];
        OsRng.fill_bytes(&mut seed);
        let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new(seed));
        Self::new(Secret::Ed25519(pair), Algorithm::EdDsa)
    }

    /// A key for each algorithm. No two share an RSA key, because a key is for one algorithm.
    #[must_use]
    pub fn one_per_algorithm() -> Vec<Self> {
        let rsa = [
            Algorithm::Rs256,
            Algorithm::Rs384,
            Algorithm::Rs512,
            Algorithm::Ps256,
            Algorithm::Ps384,
            Algorithm::Ps512,
        ];
        let rsa = rsa.map(|algorithm| Self::rsa(algorithm.name()).algorithm(algorithm));
        let others = [Self::p256(), Self::p384(), Self::ed25519()];
        others.into_iter().chain(rsa).collect()
    }

    fn new(secret: Secret, algorithm: Algorithm) -> Self {
        // The `kid` that a Kubernetes API server uses.
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(secret.public_der()));
        Self {
            secret,
            kid,
            algorithm,
        }
    }

    /// The same key with another `kid`.
    #[must_use]
    pub fn named(mut self, kid: &str) -> Self {
        kid.clone_into(&mut self.kid);
        self
    }

    /// The same key for another algorithm: the `alg` of its JWK, and the algorithm that tokens are
    /// signed with.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The `kid`.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm.
    #[must_use]
    pub fn alg(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key as a JWK (RFC 7517), with the members that Kubernetes publishes: `use`,
    /// `kty`, `kid`, `alg` and the members of the key type.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.secret {
            Secret::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&pair.pk[..])})
            }
            Secret::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                json!({"kty": "EC", "crv": "P-256", "x": encode(&point.as_bytes()[1..33]),
                    "y": encode(&point.as_bytes()[33..])})
            }
            Secret::P384(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                json!({"kty": "EC", "crv": "P-384", "x": encode(&point.as_bytes()[1..49]),
                    "y": encode(&point.as_bytes()[49..])})
            }
            Secret::Rsa(key) => json!({"kty": "RSA", "n": encode(&key.n().to_bytes_be()),
                "e": encode(&key.e().to_bytes_be())}),
        };
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.algorithm.name());
        jwk["use"] = json!("sig");
        jwk
    }

    /// The same with its private members (RFC 7518, section 6), for a server that signs by itself.
    ///
    /// # Panics
    /// For a key that is neither RSA nor on P-256.
    #[must_use]
    pub fn private_jwk(&self) -> Value {
        let mut jwk = self.jwk();
        let mut add = |name: &str, bytes: &[u8]| jwk[name] = json!(encode(bytes));
        match &self.secret {
            Secret::P256(key) => add("d", &key.to_bytes()),
            Secret::Rsa(key) => {
                let [p, q] = key.primes() else {
                    panic!("an RSA key of two primes");
                };
                let one = rsa::BigUint::from(1_u8);
                let inverse = key.crt_coefficient().expect("primes have inverses");
                for (name, number) in [
                    ("d", key.d()),
                    ("p", p),
                    ("q", q),
                    ("dp", &(key.d() % (p - &one))),
                    ("dq", &(key.d() % (q - &one))),
                    ("qi", &inverse),
                ] {
                    add(name, &number.to_bytes_be());
                }
            }
            Secret::Ed25519(_) | Secret::P384(_) => panic!("neither RSA nor on P-256"),
        }
        jwk
    }

    /// The public key as DER (SubjectPublicKeyInfo, RFC 5280).
    #[must_use]
    pub fn public_der(&self) -> Vec<u8> {
        self.secret.public_der()
    }

    /// The public key as PEM (RFC 7468), which an attacker may use as an HMAC secret.
    ///
    /// # Panics
    /// For Ed25519.
    #[must_use]
    pub fn public_pem(&self) -> String {
        match &self.secret {
            Secret::Ed25519(_) => panic!("no PEM of an Ed25519 key"),
            Secret::P256(key) => key.verifying_key().to_public_key_pem(LineEnding::LF),
            Secret::P384(key) => key.verifying_key().to_public_key_pem(LineEnding::LF),
            Secret::Rsa(key) => key.to_public_key().to_public_key_pem(LineEnding::LF),
        }
        .expect("a public key has a PEM")
    }

    /// The private key as PEM (PKCS #8), for a server that signs by itself.
    ///
    /// # Panics
    /// For a key that is neither RSA nor on P-256.
    #[must_use]
    pub fn private_pem(&self) -> String {
        let pem = match &self.secret {
            Secret::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
            Secret::Rsa(key) => key.to_pkcs8_pem(LineEnding::LF),
            Secret::Ed25519(_) | Secret::P384(_) => panic!("neither RSA nor on P-256"),
        };
        pem.expect("a private key has a PEM").to_string()
    }

    /// The signature of `message` in the format of JWS (RFC 7515), with the key's algorithm.
    ///
    /// # Panics
    /// If the algorithm does not fit the key type.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match (&self.secret, self.algorithm) {
            (Secret::Ed25519(pair), Algorithm::EdDsa) => pair.sk.sign(message, None).to_vec(),
            (Secret::P256(key), Algorithm::Es256) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_vec()
            }
            (Secret::P384(key), Algorithm::Es384) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_vec()
            }
            (Secret::Rsa(key), algorithm) => rsa_sign(key.clone(), algorithm, message),
            (_, other) => panic!("{} is not for this kind of key", other.name()),
        }
    }
}

impl Secret {
    fn public_der(&self) -> Vec<u8> {
        match self {
            // The fixed prefix of RFC 8410, then the key.
            Self::Ed25519(pair) => [
                &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0],
                &pair.pk[..],
            ]
            .concat(),
            Self::P256(key) => der(key.verifying_key()),
            Self::P384(key) => der(key.verifying_key()),
            Self::Rsa(key) => der(&key.to_public_key()),
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ed25519(_) => "Ed25519",
            Self::P256(_) => "P-256",
            Self::P384(_) => "P-384",
            Self::Rsa(_) => "RSA",
        })
    }
}

fn rsa_sign(key: rsa::RsaPrivateKey, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    use rsa::{pkcs1v15, pss};
    match algorithm {
        Algorithm::Rs256 => pkcs1v15::SigningKey::<Sha256>::new(key)
            .sign(message)
            .to_vec(),
        Algorithm::Rs384 => pkcs1v15::SigningKey::<Sha384>::new(key)
            .sign(message)
            .to_vec(),
        Algorithm::Rs512 => pkcs1v15::SigningKey::<Sha512>::new(key)
            .sign(message)
            .to_vec(),
        Algorithm::Ps256 => pss::SigningKey::<Sha256>::new(key)
            .sign_with_rng(&mut OsRng, message)
            .to_vec(),
        Algorithm::Ps384 => pss::SigningKey::<Sha384>::new(key)
            .sign_with_rng(&mut OsRng, message)
            .to_vec(),
        Algorithm::Ps512 => pss::SigningKey::<Sha512>::new(key)
            .sign_with_rng(&mut OsRng, message)
            .to_vec(),
        Algorithm::EdDsa | Algorithm::Es256 | Algorithm::Es384 => {
            panic!("{} is not for an RSA key", algorithm.name())
        }
    }
}

fn der(key: &impl EncodePublicKey) -> Vec<u8> {
    key.to_public_key_der()
        .expect("a public key has a DER")
        .into_vec()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
