//! A policy in a file or a folder, for programs that read it again when it changes.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::files::{self, File};
use super::{FoundPolicy, policy_fields, teams};
use crate::document::{Node, Report};
use crate::watch::Contents;

/// The files of a policy folder, read and not parsed.
pub(super) struct PolicyFolder {
    /// The file with all but the apps.
    pub(super) policy: File,
    /// The files with apps, each with its path in the folder, in the order of the paths.
    pub(super) apps: Vec<(String, File)>,
}

/// The files of one policy, read and not parsed.
pub(crate) struct PolicyFiles(Files);

enum Files {
    One(File),
    Folder(PolicyFolder),
}

impl PolicyFolder {
    /// How many files it has.
    pub(super) const fn files(&self) -> usize {
        1 + self.apps.len()
    }

    /// The policy, which is not validated.
    pub(super) fn parse(self) -> Result<FoundPolicy, Vec<Report>> {
        let mut errors = Vec::new();
        // A file of something else, such as a secret, must not appear in a log.
        let mut read = |file: File, is_expected: bool| {
            let shown = |report: Report| {
                if is_expected {
                    report
                } else {
                    report.without_source()
                }
            };
            let document = file.parse_one();
            let document = document.map_err(|report| errors.push(shown(report))).ok()?;
            errors.extend(document.errors().map(shown));
            Some(Rc::new(document))
        };
        let has_policy = own_fields().any(|field| self.policy.has_field(field));
        let policy = read(self.policy, has_policy);
        let apps = self.apps.into_iter();
        let apps: Vec<_> = apps
            .filter_map(|(path, file)| {
                let has_apps = file.has_field("apps");
                Some((path, read(file, has_apps)?))
            })
            .collect();
        let Some(policy) = policy else {
            return Err(errors);
        };
        if !may_be_policy(policy.root()) {
            let help = "write all but the apps of the policy, such as `trust` and `sso`";
            errors.push(Report::of(policy.name(), "is not a policy", help));
            return Err(errors);
        }
        match FoundPolicy::folder(policy, apps) {
            Ok(policy) if errors.is_empty() => Ok(policy),
            Ok(_) => Err(errors),
            Err(reports) => {
                errors.extend(reports);
                Err(errors)
            }
        }
    }
}

/// The fields of the file with all but the apps.
fn own_fields() -> impl Iterator<Item = &'static str> {
    policy_fields().chain(std::iter::once(teams::FIELD))
}

/// Whether the file with all but the apps has a field of a policy, or is empty: public apps need nothing else.
fn may_be_policy(root: &Node) -> bool {
    let is_empty = root.as_map().is_some_and(<[_]>::is_empty);
    is_empty || own_fields().any(|field| root.member(field).is_some())
}

impl PolicyFiles {
    /// A policy file with these contents.
    pub(crate) fn one(name: &str, bytes: Vec<u8>) -> Self {
        Self(Files::One(File::of(name, bytes)))
    }

    /// Reads a policy file, or a folder with one policy.
    pub(crate) fn read(path: &Path) -> Result<Self, Report> {
        let files = if path.is_dir() {
            files::policy_folder(path).map(Files::Folder)
        } else {
            files::policy_file(path).map(Files::One)
        };
        files.map(Self)
    }

    /// The paths of the files of a policy; of one that can't be read, the path itself.
    pub(crate) fn paths(path: &Path) -> Vec<PathBuf> {
        let files = if path.is_dir() {
            files::policy_folder(path).ok()
        } else {
            None
        };
        let Some(folder) = files else {
            return vec![path.to_owned()];
        };
        let apps = folder.apps.iter().map(|(_, file)| file);
        let all = std::iter::once(&folder.policy).chain(apps);
        all.map(|file| PathBuf::from(&file.name)).collect()
    }

    /// The policy, which is not validated. The error is the first.
    pub(crate) fn parse(self) -> Result<FoundPolicy, Report> {
        match self.0 {
            Files::One(file) => file.into_policy(),
            Files::Folder(folder) => {
                let name = folder.policy.name.clone();
                folder.parse().map_err(|reports| {
                    let first = reports.into_iter().next();
                    first.unwrap_or_else(|| Report::of(&name, "invalid", "run `portcullis check`"))
                })
            }
        }
    }
}

impl Contents for PolicyFiles {
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut add = |path: &str, file: &File| {
            for part in [path.as_bytes(), file.bytes()] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part);
            }
        };
        match &self.0 {
            Files::One(file) => add("", file),
            Files::Folder(folder) => {
                add("", &folder.policy);
                for (path, file) in &folder.apps {
                    add(path, file);
                }
            }
        }
        digest.finalize().into()
    }
}
