//! Trust entries, responses and fetches for the tests of this module.

use std::time::Duration;

use crate::fixtures::{jwk, jwks};
use crate::keys::{HttpResponse, KeyRecord, KeyRequest, Keyring, ResponseError, TrustKeys};
use crate::policy::Policy;
use crate::timestamp::Timestamp;
use crate::token::Algorithm;
use crate::trust::{KeySourceId, Remote, Trust, TrustId};

/// A valid key set with these key IDs, all of one key.
pub(super) fn set_of(kids: &[&str]) -> String {
    let keys: Vec<String> = kids.iter().map(|kid| jwk(Algorithm::EdDsa, kid)).collect();
    jwks(&keys)
}

/// A trust entry with this `keys` member.
pub(super) fn trust(keys: &str) -> Trust {
    let text = format!(
        r#"{{"trust": [{{"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com",
            "former_issuers": ["https://old.example.com"], "audiences": ["portcullis"],
            "keys": {keys}}}],
          "apps": [{{"name": "app", "hosts": ["app.example.com"], "rules": [
            {{"name": "all", "allow": [{{"service_account": "blue/*/*"}}]}}]}}]}}"#
    );
    Policy::from_json(&text).unwrap().trusts()[0].clone()
}

/// A trust entry that fetches its key set from one URL, every five minutes.
pub(super) fn plain() -> Trust {
    trust(r#"{"envoy_cluster": "blue", "jwks": "https://blue.example.com/jwks"}"#)
}

/// How a trust entry's keys are fetched.
pub(super) fn remote(trust: &Trust) -> Remote {
    trust.keys.remote.clone().unwrap()
}

/// A valid response in JSON.
pub(super) fn good(body: &str) -> HttpResponse<'_> {
    HttpResponse {
        status: 200,
        content_type: Some(b"application/json"),
        content_encoding: None,
        body: body.as_bytes(),
    }
}

/// Fetches once: takes the lease at `now` and handles the response at once.
pub(super) fn fetch(
    record: &mut KeyRecord,
    trust: &Trust,
    now: Timestamp,
    response: Option<&HttpResponse<'_>>,
) -> Result<Option<KeyRequest>, ResponseError> {
    let remote = remote(trust);
    let request = record.begin(trust, &remote, 1, now);
    record.apply_response(trust, &remote, &request, response, now, 0)
}

/// When the tests start.
pub(super) const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// The source of the trust entry at this index.
pub(super) fn source(index: usize) -> KeySourceId {
    TrustId::at(index).into()
}

/// A keyring of these trust entries, before the first fetch.
pub(super) fn keyring(trusts: &[Trust]) -> Keyring {
    let sources = TrustId::enumerate(trusts).map(|(id, trust)| (id.into(), trust));
    Keyring::new(sources, START)
}

/// The time this many seconds after the start.
pub(super) fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

/// The keys of a trust entry after these fetches, each with its second and the response.
pub(super) fn after(trust: &Trust, fetches: &[(u64, Option<&[&str]>)]) -> TrustKeys {
    let mut keyring = keyring(std::slice::from_ref(trust));
    let mut record = KeyRecord::new(&trust.keys, START);
    for (seconds, kids) in fetches {
        let body = kids.map(set_of);
        let response: Option<HttpResponse<'_>> = body.as_deref().map(good);
        let _outcome = fetch(&mut record, trust, at(*seconds), response.as_ref());
    }
    keyring.update(source(0), record);
    keyring.trust_keys(source(0)).unwrap().clone()
}
