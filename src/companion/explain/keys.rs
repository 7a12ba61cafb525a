//! The issuers' keys for a real token: from a file, or read from the issuers.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_core::gate::Evaluation;
use portcullis_core::json::Json;
use portcullis_core::keys::{HttpResponse, KeyRecord, KeyRequest, Keyring};
use portcullis_core::policy::suggestion;
use portcullis_core::request::Headers;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySourceId, Trust, Url};

use crate::document::{Document, Report};
use crate::issuers::{IssuerConnection, probe};
use crate::simulation::Simulator;

/// Stands for the URL of a set that comes from a file. Nothing is read there.
const NO_URL: &str = "https://localhost/";

/// How often the keys of one source are read: again where a new key of another one waits for it.
const MAX_READS: u32 = 2;

/// Where the keys come from.
pub(crate) enum KeySupply {
    /// A file.
    File(KeyFile),
    /// The issuers, by these connections.
    Issuers(BTreeMap<String, IssuerConnection>),
}

/// A file with key sets.
pub(crate) struct KeyFile {
    document: Document,
    sets: KeySets,
}

/// The key sets of a file.
enum KeySets {
    /// One set, for the only source that is needed.
    Only(Json),
    /// By the names of trust entries; the companion's is `sso`.
    Named(Vec<(String, Json)>),
}

/// The keys that the evaluation of a request needs.
pub(crate) struct KnownKeys {
    /// The keys.
    pub(crate) keyring: Keyring,
    /// What went wrong.
    pub(crate) notes: Vec<String>,
}

const FORM: &str = "write a key set like `{keys: […]}`, or several by the names of trust entries, like `{staging: {keys: […]}}`";

impl KnownKeys {
    /// Reads the keys that the evaluation of a request with these headers asks for, and no others.
    pub(crate) async fn read(
        supply: &KeySupply,
        simulator: &Simulator,
        headers: &Headers<'_>,
        now: Timestamp,
    ) -> Result<Self, Report> {
        let policy = simulator.policy();
        let mut keyring = Keyring::new(policy.key_sources(), now);
        let mut notes = Vec::new();
        let mut reads: BTreeMap<KeySourceId, u32> = BTreeMap::new();
        while let Evaluation::AwaitKeys { sources, .. } = simulator.evaluate(headers, &keyring, now)
        {
            let awaited = policy.key_sources().filter(|(id, _)| {
                sources.contains(id) && reads.get(id).is_none_or(|count| *count < MAX_READS)
            });
            let awaited: Vec<(KeySourceId, &Trust)> = awaited.collect();
            if awaited.is_empty() {
                break;
            }
            for (id, trust) in &awaited {
                let record = match supply {
                    KeySupply::File(file) => {
                        let keys = keyring.trust_keys(*id).map(|keys| keys.record().clone());
                        file.read(trust, awaited.len(), keys.unwrap_or_default(), now)?
                    }
                    KeySupply::Issuers(connections) => {
                        let connection = connections.get(&trust.name).cloned().unwrap_or_default();
                        let before = keyring.trust_keys(*id).map(|keys| keys.record().clone());
                        let before = before.unwrap_or_default().without_lease();
                        let probe = probe(trust, &connection, before, now).await;
                        notes.extend(
                            probe.error().map(|why| {
                                format!("the keys of {} can't be read: {why}", trust.name)
                            }),
                        );
                        probe.record
                    }
                };
                keyring.update(*id, record);
                keyring.observe(now);
                *reads.entry(*id).or_default() += 1;
            }
        }
        notes.dedup();
        Ok(Self { keyring, notes })
    }
}

impl KeyFile {
    /// Reads a file, or standard input for `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Report> {
        // Errors do not show the line, which may have a private key.
        let document = Document::open(path, FORM).map_err(Report::without_source)?;
        let error = |problem: &str| document.report(".", problem, FORM).without_source();
        let root = Json::parse(document.root().to_string().as_bytes())
            .map_err(|problem| error(&format!("is no key file: {problem}")))?;
        let Json::Object(members) = &root else {
            return Err(error("is no key file"));
        };
        let sets = match (root.member("keys"), root.member("trust")) {
            // The companion's mirror names the trust entry.
            (Some(_), Some(Json::String(trust))) => KeySets::Named(vec![(trust.clone(), root)]),
            (Some(_), _) => KeySets::Only(root),
            (None, _) => KeySets::Named(members.clone()),
        };
        Ok(Self { document, sets })
    }

    /// Refuses names that the policy does not have.
    pub(crate) fn check_names<'p>(
        &self,
        sources: impl Iterator<Item = (KeySourceId, &'p Trust)>,
    ) -> Result<(), Report> {
        let known: Vec<&str> = sources.map(|(_, trust)| trust.name.as_str()).collect();
        let KeySets::Named(sets) = &self.sets else {
            return Ok(());
        };
        match sets.iter().find(|(name, _)| !known.contains(&&**name)) {
            Some((name, _)) => {
                let problem = format!("the policy has no trust entry `{name}`");
                let report = self
                    .document
                    .report(name, &problem, &suggestion(name, &known));
                // The line may have a private key.
                Err(report.without_source())
            }
            None => Ok(()),
        }
    }

    /// The record of a source as if it had responded with its set of this file. `needed` is for how many sources keys are
    /// needed.
    fn read(
        &self,
        trust: &Trust,
        needed: usize,
        mut record: KeyRecord,
        now: Timestamp,
    ) -> Result<KeyRecord, Report> {
        let (path, set) = self.set_for(trust, needed)?;
        let error = |problem: &str| {
            let name = &trust.name;
            let problem = format!("has no usable keys of the trust entry `{name}`: {problem}");
            self.document.report(path, &problem, FORM).without_source()
        };
        let (Some(remote), Some(url)) = (&trust.keys.remote, Url::parse(NO_URL)) else {
            return Err(error("its keys are in the policy"));
        };
        // Serializing it can't fail.
        let body = serde_json::to_vec(set).unwrap_or_default();
        let response = HttpResponse {
            status: 200,
            content_type: None,
            content_encoding: None,
            body: &body,
        };
        record.begin(trust, remote, 0, now);
        record
            .apply_response(
                trust,
                remote,
                &KeyRequest::KeySet(url),
                Some(&response),
                now,
                0,
            )
            .map_err(|problem| error(&problem.to_string()))?;
        Ok(record)
    }

    /// The set of a source, and its path in the file.
    fn set_for(&self, trust: &Trust, needed: usize) -> Result<(&str, &Json), Report> {
        let name = &trust.name;
        let (path, problem) = match &self.sets {
            KeySets::Only(set) if needed == 1 => return Ok((".", set)),
            KeySets::Only(_) => (
                ".",
                "several trust entries have the token's issuer, and the file does not say whose keys it has".to_owned(),
            ),
            KeySets::Named(sets) => match sets.iter().find(|(own, _)| own == name) {
                Some((own, set)) => return Ok((own, set)),
                None => (".", format!("the keys of the trust entry `{name}` are missing")),
            },
        };
        Err(self.document.report(path, &problem, FORM).without_source())
    }
}
