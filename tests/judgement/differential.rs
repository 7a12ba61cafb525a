//! The same tokens verified here and by the crate `jsonwebtoken` with all its checks enabled. The
//! differences are listed with their reasons, and the list is complete and current.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};
use portcullis_core::keys::PureRust;
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::{Token, TokenError, verify};
use portcullis_tests::lab::token::{assemble, now, sign_bytes};
use portcullis_tests::lab::{Algorithm, SigningKey};
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example.com";

/// Tokens that `jsonwebtoken` accepts and that are refused here, and why.
const STRICTER: &[(&str, &str)] = &[
    ("a duplicate claim", "ambiguous for parsers (J08)"),
    ("a nested duplicate claim", "ambiguous for parsers (J08)"),
    (
        "a kid of 1,025 bytes",
        "longer than any that Kubernetes allows (J10)",
    ),
    ("a duplicate parameter", "ambiguous for parsers (J08)"),
    ("a lifetime of a year", "it has no `max_lifetime` (J17)"),
    ("another typ", "it does not check `typ` (J09)"),
    ("b64", "it changes what the signature covers (J06)"),
    (
        "cnf",
        "a bearer request does not prove possession of the key (M02)",
    ),
    ("crit", "the critical extension is not supported (J06)"),
    ("cty", "the payload is another token (J01)"),
    ("exp beyond 9999", "not a date (J16)"),
    (
        "exp in milliseconds",
        "not a date, and valid for 50,000 years (J16)",
    ),
    ("iat a string", "it does not check `iat` (J16)"),
    ("iat ahead", "it does not check `iat` (J16)"),
    ("iss in a list", "`iss` is one string (J18)"),
    ("jti a number", "RFC 7519 requires a string"),
    ("nested 20 deep", "depth is bounded (J03)"),
    ("sub empty", "no subject (J21)"),
    (
        "sub with a line break",
        "it would break headers and logs (J21)",
    ),
];

/// Tokens that are accepted here and that `jsonwebtoken` refuses, and why.
const BROADER: &[(&str, &str)] = &[("a jku that is not a string", "it is ignored (J07)")];

/// A token and what is special about it.
struct Case {
    name: String,
    token: String,
}

/// A key, and the tokens to verify with it.
struct Corpus {
    key: SigningKey,
    cases: Vec<Case>,
}

impl Corpus {
    fn new(key: SigningKey) -> Self {
        Self {
            key,
            cases: Vec::new(),
        }
    }

    fn push(&mut self, name: &str, token: String) {
        let name = name.to_owned();
        self.cases.push(Case { name, token });
    }

    fn header(&self) -> Value {
        json!({"alg": self.key.alg().name(), "kid": self.key.kid()})
    }

    /// Adds a token with this member in its header, verbatim.
    fn push_header(&mut self, name: &str, member: &str) {
        let header = with(&self.header(), member);
        let token = sign_bytes(
            header.as_bytes(),
            claims().to_string().as_bytes(),
            &self.key,
        );
        self.push(name, token);
    }

    /// Adds a token with this claim, verbatim, replacing the claim with the same name.
    fn push_claim(&mut self, name: &str, member: &str) {
        let mut claims = claims();
        let own: String = member.split('"').nth(1).expect("a name").to_owned();
        claims.as_object_mut().expect("an object").remove(&own);
        let payload = with(&claims, member);
        self.push_payload(name, payload.as_bytes());
    }

    /// Adds a token with this payload.
    fn push_payload(&mut self, name: &str, payload: &[u8]) {
        let header = self.header().to_string();
        self.push(name, sign_bytes(header.as_bytes(), payload, &self.key));
    }

    /// Adds tokens signed with the key, and changes to them in transit.
    fn push_signatures(&mut self) {
        let header = self.header().to_string();
        let claims = claims().to_string();
        let good = sign_bytes(header.as_bytes(), claims.as_bytes(), &self.key);
        let (signed, signature) = good.rsplit_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let forged = |signature: &[u8]| assemble(header.as_bytes(), claims.as_bytes(), signature);

        self.push("in order", good.clone());
        for at in (0..signature.len()).step_by(5) {
            let mut flipped = signature.clone();
            flipped[at] ^= 0x10;
            self.push("a signature with a bit flipped", forged(&flipped));
        }
        self.push("a signature too short", forged(&signature[1..]));
        self.push(
            "a signature too long",
            forged(&[&signature[..], &[0]].concat()),
        );
        self.push("a signature of zeros", forged(&vec![0; signature.len()]));
        self.push("an empty signature", format!("{signed}."));
        self.push("no signature", signed.to_owned());
        let other = json!({"iss": ISSUER, "sub": "admin", "aud": "gate", "exp": now() + 600});
        let other = assemble(header.as_bytes(), other.to_string().as_bytes(), &signature);
        self.push("another payload", other);
        for alg in ["none", "None", "HS256", "ES512", "rs256", "", "RSA-OAEP"] {
            let header = json!({"alg": alg}).to_string();
            let token = sign_bytes(header.as_bytes(), claims.as_bytes(), &self.key);
            self.push("an algorithm that is never accepted", token);
        }
        for alg in [
            "RS256", "RS384", "PS256", "PS512", "ES256", "ES384", "EdDSA",
        ] {
            if alg != self.key.alg().name() {
                let header = json!({"alg": alg}).to_string();
                let token = sign_bytes(header.as_bytes(), claims.as_bytes(), &self.key);
                self.push("the algorithm of another key", token);
            }
        }
    }

    /// Adds changes to the compact serialization.
    fn push_spellings(&mut self) {
        let header = self.header().to_string();
        let good = sign_bytes(
            header.as_bytes(),
            claims().to_string().as_bytes(),
            &self.key,
        );
        let (signed, signature) = good.rsplit_once('.').expect("three parts");
        self.push("padding after a signature", format!("{good}=="));
        self.push("white space around", format!(" {good}\n"));
        self.push("a fourth part", format!("{good}.AAAA"));
        self.push("a leading dot", format!(".{good}"));
        let last = signature.chars().last().expect("a signature");
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let position = alphabet.find(last).expect("base64url");
        let unused = &alphabet[position + 1..position + 2];
        let spelling = format!("{signed}.{}{unused}", &signature[..signature.len() - 1]);
        self.push("unused bits that are set", spelling);
        let plain = good.replace('-', "+").replace('_', "/");
        self.push("the standard base64 alphabet", format!("{plain}+"));
    }

    fn push_headers(&mut self) {
        for crit in ["[]", r#"["exp"]"#, r#"["b64"]"#, "null"] {
            self.push_header("crit", &format!(r#""crit":{crit}"#));
        }
        self.push_header("b64", r#""b64":true"#);
        self.push_header("b64", r#""b64":false"#);
        for typ in ["JWT", "at+jwt", "application/at+jwt"] {
            self.push_header("a typ for bearers", &format!(r#""typ":"{typ}""#));
        }
        for typ in ["logout+jwt", "dpop+jwt", "portcullis-session+jwt", ""] {
            self.push_header("another typ", &format!(r#""typ":"{typ}""#));
        }
        self.push_header("a typ that is not a string", r#""typ":7"#);
        self.push_header("cty", r#""cty":"JWT""#);
        self.push_header("an unknown parameter", r#""x":{"y":[1]}"#);
        self.push_header("jku", r#""jku":"https://evil.example.com/keys""#);
        self.push_header("a jku that is not a string", r#""jku":7"#);
        self.push_header("jwk", r#""jwk":{"kty":"oct","k":"AAAA"}"#);
        self.push_header("an empty jwk", r#""jwk":{}"#);
        self.push_header("a duplicate parameter", r#""x":1,"x":2"#);
        self.push_header("alg twice", r#""alg":"none""#);
        self.push_header("kid twice", r#""kid":"other""#);
        let header = json!({"alg": self.key.alg().name(), "kid": "k".repeat(1025)}).to_string();
        let claims = claims().to_string();
        let token = sign_bytes(header.as_bytes(), claims.as_bytes(), &self.key);
        self.push("a kid of 1,025 bytes", token);
        let header = json!({"alg": self.key.alg().name(), "kid": 7}).to_string();
        let token = sign_bytes(header.as_bytes(), claims.as_bytes(), &self.key);
        self.push("a kid that is not a string", token);
    }

    fn push_claims(&mut self) {
        let (now, soon) = (now(), now() + 600);
        self.push_claim("iss of another", r#""iss":"https://other.example.com""#);
        self.push_claim("iss with a slash", &format!(r#""iss":"{ISSUER}/""#));
        self.push_claim("iss in a list", &format!(r#""iss":["{ISSUER}"]"#));
        self.push_claim("iss null", r#""iss":null"#);
        self.push_claim("iss a number", r#""iss":7"#);
        self.push_claim("aud in a list", r#""aud":["other","gate"]"#);
        self.push_claim("aud of another", r#""aud":"other""#);
        self.push_claim("aud of others", r#""aud":["other","Gate"]"#);
        self.push_claim("an empty aud", r#""aud":[]"#);
        self.push_claim("aud with a number", r#""aud":["gate",7]"#);
        self.push_claim("aud null", r#""aud":null"#);
        self.push_claim("exp long ago", r#""exp":1700000000"#);
        self.push_claim("exp with a fraction", &format!(r#""exp":{soon}.5"#));
        self.push_claim("exp with an exponent", &format!(r#""exp":{soon}e0"#));
        self.push_claim("exp a string", &format!(r#""exp":"{soon}""#));
        self.push_claim("exp null", r#""exp":null"#);
        self.push_claim("exp negative", r#""exp":-1"#);
        self.push_claim("exp beyond 9999", r#""exp":253402300800"#);
        self.push_claim("exp in milliseconds", &format!(r#""exp":{soon}000"#));
        self.push_claim("exp beyond 64 bits", r#""exp":18446744073709551616"#);
        self.push_claim("exp beyond f64", r#""exp":1e400"#);
        self.push_claim(
            "a lifetime of a year",
            &format!(r#""exp":{}"#, now + 31_536_000),
        );
        self.push_claim("nbf ahead", &format!(r#""nbf":{soon}"#));
        self.push_claim("nbf a string", r#""nbf":"0""#);
        self.push_claim("nbf null", r#""nbf":null"#);
        self.push_claim("iat ahead", &format!(r#""iat":{soon}"#));
        self.push_claim("iat a string", r#""iat":"0""#);
        self.push_claim("sub empty", r#""sub":"""#);
        self.push_claim("sub with a line break", r#""sub":"a\nb""#);
        self.push_claim("sub a number", r#""sub":7"#);
        self.push_claim("sub null", r#""sub":null"#);
        self.push_claim("jti a number", r#""jti":7"#);
        self.push_claim("cnf", r#""cnf":{"jkt":"x"}"#);
        self.push_claim("an unknown claim", r#""x":{"y":[1,2.5,null]}"#);
        self.push_claim("a duplicate claim", r#""x":1,"x":2"#);
        self.push_claim("a nested duplicate claim", r#""x":[{"y":1,"y":2}]"#);
        self.push_claim("iss twice", &format!(r#""iss":"x","iss":"{ISSUER}""#));
        self.push_claim("aud twice, once escaped", r#""aud":"x","\u0061ud":"gate""#);
        self.push_claim("a lone surrogate", r#""x":"\ud800""#);
        let deep = |depth: usize| format!(r#""x":{}{}"#, "[".repeat(depth), "]".repeat(depth));
        self.push_claim("nested 15 deep", &deep(14));
        self.push_claim("nested 20 deep", &deep(20));
        self.push_claim("nested 200 deep", &deep(200));
        for name in ["iss", "aud", "exp", "sub", "iat", "nbf", "jti"] {
            let mut claims = claims();
            claims.as_object_mut().expect("an object").remove(name);
            let payload = claims.to_string();
            self.push_payload(&format!("no {name}"), payload.as_bytes());
        }
        let good = claims().to_string();
        self.push_payload("a byte order mark", format!("\u{feff}{good}").as_bytes());
        self.push_payload(
            "trailing bytes after the claims",
            format!("{good}{{}}").as_bytes(),
        );
        self.push_payload(
            "white space around the claims",
            format!(" {good}\n").as_bytes(),
        );
        self.push_payload("claims in a list", format!("[{good}]").as_bytes());
        let latin = with(&claims(), "\"x\":\"\u{1}\"").replace('\u{1}', "~");
        let latin: Vec<u8> = latin
            .bytes()
            .map(|byte| if byte == b'~' { 0xff } else { byte })
            .collect();
        self.push_payload("invalid UTF-8", &latin);
    }
}

/// Valid claims.
fn claims() -> Value {
    let now = now();
    json!({"iss": ISSUER, "sub": "somebody", "aud": "gate", "iat": now, "nbf": now,
        "exp": now + 3600, "jti": "a"})
}

/// An object with one more member, verbatim.
fn with(object: &Value, member: &str) -> String {
    let text = object.to_string();
    let open = text.strip_suffix('}').expect("an object");
    format!("{open},{member}}}")
}

fn accepted_here(key: &SigningKey, text: &str) -> Result<(), TokenError> {
    let policy = json!({
        "trust": [{"name": "blue", "kind": "oidc", "issuer": ISSUER, "audiences": ["gate"],
            "keys": {"inline": {"keys": [key.jwk()]}}}],
        "apps": [{"name": "app", "hosts": ["app.example.com"],
            "rules": [{"name": "all", "allow": [{"from": "blue", "anyone": true}]}]}],
    });
    let policy = Policy::from_json(&policy.to_string()).expect("a valid policy");
    let trust = &policy.trusts()[0];
    let set = trust.keys.inline.as_ref().expect("the inline keys");
    let now = Timestamp::from_secs(now().try_into().expect("a clock after 1970"));
    let token = Arc::new(Token::parse(text)?);
    verify(&token, trust, &set.keys()[0], &PureRust, now).map(drop)
}

fn accepted_there(key: &SigningKey, text: &str) -> jsonwebtoken::errors::Result<()> {
    let jwk: Jwk = serde_json::from_value(key.jwk()).expect("a JWK");
    let algorithm = key.alg().name().parse()?;
    let mut validation = Validation::new(algorithm);
    validation.leeway = 30;
    validation.validate_nbf = true;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&["gate"]);
    validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
    let key = DecodingKey::from_jwk(&jwk)?;
    jsonwebtoken::decode::<Value>(text, &key, &validation).map(drop)
}

fn corpora() -> Vec<Corpus> {
    let rsa = SigningKey::rsa("differential");
    let keys = [
        rsa.clone(),
        rsa.clone().algorithm(Algorithm::Rs512),
        rsa.algorithm(Algorithm::Ps256),
        SigningKey::p256(),
        SigningKey::p384(),
        SigningKey::ed25519(),
    ];
    keys.into_iter()
        .map(|key| {
            let mut corpus = Corpus::new(key);
            corpus.push_signatures();
            // Every check but the signature's is the same for all keys, and fastest for this one.
            if corpus.key.alg() == Algorithm::EdDsa {
                corpus.push_spellings();
                corpus.push_headers();
                corpus.push_claims();
            }
            corpus
        })
        .collect()
}

#[test]
fn every_difference_from_jsonwebtoken_is_listed() {
    let mut verdicts: BTreeMap<String, (Result<(), TokenError>, bool)> = BTreeMap::new();
    for Corpus { key, cases } in corpora() {
        for Case { name, token } in cases {
            let (here, there) = (accepted_here(&key, &token), accepted_there(&key, &token));
            let verdict = (here, there.is_ok());
            let first = verdicts.entry(name.clone()).or_insert(verdict);
            // Otherwise one case would hide another with the same name.
            let alike = (first.0.is_ok(), first.1) == (here.is_ok(), there.is_ok());
            assert!(alike, "{name}, {}: {here:?}, {there:?}", key.alg().name());
        }
    }
    let of = |ours: bool, theirs: bool| {
        let matching = verdicts
            .iter()
            .filter(move |(_, (here, there))| (here.is_ok(), *there) == (ours, theirs));
        matching.map(|(name, _)| name.as_str())
    };
    let known = |list: &[(&'static str, &str)]| -> BTreeSet<&str> {
        list.iter().map(|(name, _)| *name).collect()
    };
    assert_eq!(of(false, true).collect::<BTreeSet<_>>(), known(STRICTER));
    assert_eq!(of(true, false).collect::<BTreeSet<_>>(), known(BROADER));
    let (accepted, refused) = (of(true, true).count(), of(false, false).count());
    assert!(accepted > 10 && refused > 30, "{accepted} {refused}");
}
