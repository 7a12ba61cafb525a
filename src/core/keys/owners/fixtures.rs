//! For the tests of the owners: entries that share an issuer, and their fetches.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::KeyOwners;
use crate::fixtures::jwks;
use crate::jwk::{Key, KeySet};
use crate::keys::fixtures::good;
use crate::keys::{KeyRequest, KeyStatus, Keyring};
use crate::policy::Policy;
use crate::timestamp::Timestamp;
use crate::trust::KeySourceId;

pub(super) const ISSUER: &str = "https://kubernetes.default.svc";
pub(super) const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A trust entry of the issuer, with these further members of `keys`.
pub(super) fn entry(name: &str, keys: &str) -> String {
    format!(
        r#"{{"name": "{name}", "kind": "kubernetes", "issuer": "{ISSUER}", "audiences": ["{name}"],
            "keys": {{"envoy_cluster": "{name}", "jwks": "https://{name}.example.com/jwks"{keys}}}}}"#
    )
}

pub(super) fn policy(entries: &[String]) -> Policy {
    let name = |entry: &String| entry.split('"').nth(3).unwrap_or_default().to_owned();
    let first = entries.first().map(name).unwrap_or_default();
    let text = format!(
        r#"{{"trust": [{}], "apps": [{{"name": "app", "hosts": ["app.example.com"], "rules": [
            {{"name": "all", "allow": [{{"service_account": "{first}/*/*"}}]}}]}}]}}"#,
        entries.join(",")
    );
    Policy::from_json(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// The members of the key with this name: an RSA key that is different for each name.
pub(super) fn members(name: &str) -> String {
    let mut modulus = [0xff; 256];
    modulus[1..=name.len()].copy_from_slice(name.as_bytes());
    let modulus = URL_SAFE_NO_PAD.encode(modulus);
    format!(r#""kty":"RSA","e":"AQAB","n":"{modulus}""#)
}

pub(super) fn key(name: &str) -> Key {
    let set = jwks(&[format!("{{{}}}", members(name))]);
    let set = KeySet::parse(set.as_bytes(), None).unwrap();
    set.keys()[0].clone()
}

/// The keys of entries that share an issuer, and their owners.
pub(super) struct Entries {
    pub(super) policy: Policy,
    pub(super) keyring: Keyring,
    pub(super) now: Timestamp,
}

impl Entries {
    pub(super) fn new(names: &[&str]) -> Self {
        let entries: Vec<String> = names.iter().map(|name| entry(name, "")).collect();
        Self::of(policy(&entries))
    }

    pub(super) fn of(policy: Policy) -> Self {
        Self {
            keyring: Keyring::new(policy.key_sources(), START),
            policy,
            now: START,
        }
    }

    /// The entries after they were all fetched twice, each with the key of its own name.
    pub(super) fn with_keys(names: &[&str]) -> Self {
        let mut entries = Self::new(names);
        for name in [names, names].concat() {
            entries.fetch(name, &[name]);
        }
        entries
    }

    pub(super) fn id(&self, name: &str) -> KeySourceId {
        let mut sources = self.policy.key_sources();
        sources.find(|(_, trust)| trust.name == name).unwrap().0
    }

    /// Begins a fetch, one second later.
    pub(super) fn begin(&mut self, name: &str) -> KeyRequest {
        self.now = self.now.after(Duration::from_secs(1));
        let id = self.id(name);
        let trust = self.policy.trust(name).unwrap();
        let mut record = self.keyring.trust_keys(id).unwrap().record().clone();
        let request = record.begin(trust, trust.keys.remote.as_ref().unwrap(), 1, self.now);
        self.keyring.update(id, record);
        self.keyring.observe(self.now);
        request
    }

    /// Ends a fetch with these keys, each `name` or `name as kid`, or with a failure.
    pub(super) fn end(&mut self, name: &str, request: &KeyRequest, keys: Option<&[&str]>) {
        let id = self.id(name);
        let body = keys.map(|keys| {
            let jwk = |key: &&str| {
                let (name, kid) = key.split_once(" as ").unwrap_or((key, key));
                format!(r#"{{"kid":"{kid}",{}}}"#, members(name))
            };
            jwks(&keys.iter().map(jwk).collect::<Vec<_>>())
        });
        let response = body.as_deref().map(good);
        let trust = self.policy.trust(name).unwrap();
        let remote = trust.keys.remote.clone().unwrap();
        let mut record = self.keyring.trust_keys(id).unwrap().record().clone();
        let _outcome =
            record.apply_response(trust, &remote, request, response.as_ref(), self.now, 0);
        self.keyring.update(id, record);
        self.keyring.observe(self.now);
    }

    pub(super) fn fetch(&mut self, name: &str, keys: &[&str]) {
        let request = self.begin(name);
        self.end(name, &request, Some(keys));
    }

    pub(super) fn fail(&mut self, name: &str) {
        let request = self.begin(name);
        self.end(name, &request, None);
    }

    pub(super) fn status(&self, name: &str, of_key: &str) -> KeyStatus {
        self.keyring.status(self.id(name), ISSUER, &key(of_key))
    }

    pub(super) fn pending(&self, names: &[&str]) -> KeyStatus {
        KeyStatus::Pending(names.iter().map(|name| self.id(name)).collect())
    }

    /// The process starts again and knows nothing.
    pub(super) fn restart(&mut self) {
        self.keyring = Keyring::new(self.policy.key_sources(), self.now);
    }

    /// The policy is replaced, and the process keeps its owners and the keys of unchanged entries.
    pub(super) fn edit(&mut self, policy: Policy) {
        let before = std::mem::replace(&mut self.policy, policy);
        let mut keyring = Keyring::new(self.policy.key_sources(), self.now);
        for (issuer, owners) in self.keyring.owners() {
            let text = owners.to_text();
            let owners = KeyOwners::from_text(text.as_bytes()).unwrap();
            keyring.update_owners(issuer, owners.into());
        }
        for (id, trust) in self.policy.key_sources() {
            let mut sources = before.key_sources();
            let same = sources.find(|(_, other)| other.keys_id() == trust.keys_id());
            if let Some((old, _)) = same {
                let record = self.keyring.trust_keys(old).unwrap().record().clone();
                keyring.update(id, record);
            }
        }
        keyring.observe(self.now);
        self.keyring = keyring;
    }
}
