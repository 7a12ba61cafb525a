//! Shares with the other workers which trust entry each key of an issuer belongs to.

use std::collections::VecDeque;
use std::sync::Arc;

use log::Level;
use portcullis_core::keys::{KeyOwners, KeyRecord, Owner, OwnerEntry};
use portcullis_core::policy::Policy;
use portcullis_core::trust::{KeySource, KeySourceId};

use super::shared_cell::{ParsedCell, SharedCell};
use super::{CellContent, CellId, ReaderEffect, TimeAndRandom};
use crate::update::Update;

/// The prefix of record names: the product and the format version.
const PREFIX: &str = "portcullis/1/owners/";

/// Shares the owners of one issuer's keys.
#[derive(Debug)]
pub(super) struct OwnersReader {
    issuer: Arc<str>,
    name: String,
    /// The trust entries of the issuer, with their keys as this worker knows them.
    entries: Vec<Entry>,
    cell: SharedCell,
    /// The shared owners, as this worker has last seen them.
    owners: Arc<KeyOwners>,
    /// Whether the keys or the owners have changed since they were last compared.
    is_changed: bool,
    pub(super) effects: VecDeque<ReaderEffect>,
}

#[derive(Debug)]
struct Entry {
    source: KeySourceId,
    owner: Owner,
    keys: KeySource,
    record: Arc<KeyRecord>,
}

impl OwnersReader {
    /// A reader for each issuer in the policy.
    pub(super) fn of(policy: &Policy, now: TimeAndRandom) -> Vec<Self> {
        let mut readers: Vec<Self> = Vec::new();
        for (source, trust) in policy.key_sources() {
            if source == KeySourceId::Companion {
                continue;
            }
            for issuer in trust.issuers() {
                let entry = Entry {
                    source,
                    owner: Owner::of(trust),
                    keys: trust.keys.clone(),
                    record: Arc::new(KeyRecord::new(&trust.keys, now.time)),
                };
                match readers.iter_mut().find(|reader| *reader.issuer == *issuer) {
                    Some(reader) => reader.entries.push(entry),
                    None => readers.push(Self {
                        issuer: issuer.into(),
                        name: [PREFIX, &KeyOwners::id(issuer)].concat(),
                        entries: vec![entry],
                        cell: SharedCell::default(),
                        owners: Arc::default(),
                        is_changed: true,
                        effects: VecDeque::new(),
                    }),
                }
            }
        }
        readers
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes new keys of an entry. They are compared with those of the other entries on the tick,
    /// after all records were read.
    pub(super) fn update_keys(&mut self, source: KeySourceId, record: &Arc<KeyRecord>) {
        for entry in &mut self.entries {
            if entry.source == source {
                entry.record = Arc::clone(record);
                self.is_changed = true;
            }
        }
    }

    /// Reads the shared owners if they have changed, and returns their version; `None` if there are
    /// no valid ones.
    pub(super) fn read_record(&mut self, shared: Option<CellContent<'_>>) -> Option<u32> {
        match self.cell.read(shared, KeyOwners::from_text) {
            Ok(seen) => {
                let ParsedCell { version, changed } = seen?;
                if let Some(owners) = changed {
                    self.owners = Arc::new(owners);
                    self.is_changed = true;
                    let (issuer, owners) = (Arc::clone(&self.issuer), Arc::clone(&self.owners));
                    self.effects
                        .push_back(ReaderEffect::Update(Update::Owners(issuer, owners)));
                }
                Some(version)
            }
            Err(error) => {
                let line = format!("portcullis: issuer {}: {error}", self.issuer);
                self.effects
                    .push_back(ReaderEffect::Log(Level::Error, line));
                None
            }
        }
    }

    /// Writes this worker's owners if there are none, or over invalid ones.
    pub(super) fn seed(&mut self) {
        self.write(&Arc::clone(&self.owners), self.cell.unreadable());
    }

    /// Updates the owners, if the keys have changed and no other worker was faster.
    pub(super) fn tick(&mut self, shared: Option<CellContent<'_>>, now: TimeAndRandom) {
        let Some(version) = self.read_record(shared) else {
            return self.seed();
        };
        if !std::mem::take(&mut self.is_changed) {
            return;
        }
        let entries: Vec<OwnerEntry<'_>> = self
            .entries
            .iter()
            .map(|entry| OwnerEntry {
                owner: &entry.owner,
                keys: &entry.keys,
                record: &entry.record,
            })
            .collect();
        if let Some(owners) = self.owners.observe(&entries, now.time) {
            self.write(&owners, Some(version));
        }
    }

    /// Continues after a write. If it was not done, another worker was faster: its owners are read
    /// and compared on the next tick.
    pub(super) fn written(&mut self, is_done: bool) {
        self.is_changed = true;
        if is_done {
            self.effects.push_back(ReaderEffect::Read(CellId::Record));
        }
    }

    fn write(&mut self, owners: &KeyOwners, over: Option<u32>) {
        self.effects.push_back(ReaderEffect::Write {
            cell: CellId::Record,
            text: owners.to_text(),
            over,
        });
    }
}
