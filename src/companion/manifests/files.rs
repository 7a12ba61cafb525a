//! From paths to files. A folder is searched for YAML and JSON; one that is a policy as a whole is read as one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::document::{Document, Report};

/// The file of a policy folder that has all but the apps.
const POLICY_FILE: &str = "portcullis.yaml";

/// The folder in a policy folder that has the files with apps.
const APPS: &str = "apps";

/// How deeply folders are searched: a cycle of links must end.
const MAX_DEPTH: usize = 32;

/// What is read as a whole.
pub(super) enum Part {
    /// A file with any number of documents.
    File(File),
    /// A folder with one policy.
    Folder {
        /// The file with all but the apps.
        policy: File,
        /// The files with apps, in the order of their paths.
        apps: Vec<File>,
    },
}

/// A file that was read.
pub(super) struct File {
    pub(super) name: String,
    bytes: Vec<u8>,
    /// Whether it was named itself, not found in a folder.
    pub(super) is_named: bool,
}

impl File {
    /// A file that was named, with these bytes.
    pub(super) fn of(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.to_owned(),
            bytes: bytes.into(),
            is_named: true,
        }
    }

    /// Its documents, and the error where the syntax is wrong.
    pub(super) fn parse(&self) -> (Vec<Document>, Option<Report>) {
        let (documents, error) = Document::parse_all(&self.name, self.bytes.clone());
        (documents, error.map(|report| self.explained(report)))
    }

    /// Its only document.
    pub(super) fn parse_one(self) -> Result<Document, Report> {
        let (documents, error) = self.parse();
        if let Some(report) = error {
            return Err(report);
        }
        let mut documents = documents.into_iter();
        match (documents.next(), documents.next()) {
            (Some(document), None) => Ok(document),
            (None, _) => Err(Report::of(&self.name, "the file is empty", "write `apps`")),
            (Some(_), Some(_)) => Err(Report::of(
                &self.name,
                "more than one document",
                "keep one document, and write the others to files of their own",
            )),
        }
    }

    /// A template is no YAML before it is rendered.
    fn explained(&self, report: Report) -> Report {
        if String::from_utf8_lossy(&self.bytes).contains("{{") {
            let help =
                "this is a template: check what it renders, `helm template … | portcullis check -`";
            return report.with_help(help);
        }
        report
    }
}

/// Reads the files at these paths. What can't be read is an error.
pub(super) fn find(paths: &[PathBuf]) -> (Vec<Part>, Vec<Report>) {
    let mut search = Search::default();
    for path in paths {
        if path != Path::new("-") && path.is_dir() {
            search.folder(path, MAX_DEPTH);
        } else if let Some(file) = search.read(path, true) {
            search.parts.push(Part::File(file));
        }
    }
    (search.parts, search.errors)
}

#[derive(Default)]
struct Search {
    parts: Vec<Part>,
    errors: Vec<Report>,
}

impl Search {
    fn folder(&mut self, path: &Path, depth: usize) {
        let Some(entries) = self.entries(path) else {
            return;
        };
        let Some(depth) = depth.checked_sub(1) else {
            let help = "name the folders in it, and check that no link leads back";
            let name = path.display().to_string();
            self.errors
                .push(Report::of(&name, "nested too deeply", help));
            return;
        };
        let policy = path.join(POLICY_FILE);
        let apps = path.join(APPS);
        let is_policy = entries.contains(&policy) && apps.is_dir();
        if is_policy && let Some(policy) = self.read(&policy, false) {
            let mut files = Vec::new();
            self.apps(&apps, depth, &mut files);
            self.parts.push(Part::Folder {
                policy,
                apps: files,
            });
        }
        for entry in entries {
            if entry.is_dir() {
                if !(is_policy && entry == apps) {
                    self.folder(&entry, depth);
                }
            } else if is_document(&entry)
                && !(is_policy && entry == policy)
                && let Some(file) = self.read(&entry, false)
            {
                self.parts.push(Part::File(file));
            }
        }
    }

    /// The files with apps in a folder of a policy.
    fn apps(&mut self, path: &Path, depth: usize, files: &mut Vec<File>) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        for entry in self.entries(path).unwrap_or_default() {
            if entry.is_dir() {
                self.apps(&entry, depth, files);
            } else if is_document(&entry) {
                files.extend(self.read(&entry, false));
            }
        }
    }

    /// What is in a folder, in the order of the names. Hidden entries are not searched: a mounted ConfigMap has its
    /// files twice.
    fn entries(&mut self, path: &Path) -> Option<Vec<PathBuf>> {
        let is_visible = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default();
            !name.to_string_lossy().starts_with('.')
        };
        let entries = fs::read_dir(path).and_then(|entries| {
            let paths = entries.map(|entry| entry.map(|entry| entry.path()));
            paths.collect::<io::Result<Vec<_>>>()
        });
        match entries {
            Ok(mut entries) => {
                entries.retain(is_visible);
                entries.sort();
                Some(entries)
            }
            Err(error) => {
                let problem = format!("can't be read: {error}");
                let help = "give this user read permission";
                let name = path.display().to_string();
                self.errors.push(Report::of(&name, &problem, help));
                None
            }
        }
    }

    fn read(&mut self, path: &Path, is_named: bool) -> Option<File> {
        let name = match path == Path::new("-") {
            true => "<stdin>".to_owned(),
            false => path.display().to_string(),
        };
        match Document::read(path, &name) {
            Ok(bytes) => Some(File {
                name,
                bytes,
                is_named,
            }),
            Err(report) => {
                self.errors.push(report);
                None
            }
        }
    }
}

/// Whether a file in a folder is read.
fn is_document(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["yaml", "yml", "json"]
        .iter()
        .any(|known| extension == *known)
}
