//! From paths to files. A folder is searched for YAML and JSON; one that is a policy as a whole is read as one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::FoundPolicy;
use super::folder::PolicyFolder;
use crate::document::{self, Document, Report};
use crate::{files, watch};

/// The file of a policy folder that has all but the apps.
const POLICY_FILE: &str = "portcullis.yaml";

/// The folder in a policy folder that has the files with apps.
const APPS: &str = "apps";

/// How deeply folders are searched: a cycle of links must end.
const MAX_DEPTH: usize = 32;

/// The maximum number of files and folders in folders: two links to a folder around them double both at each level.
const MAX_ENTRIES: usize = 20_000;

/// The maximum size of all files of one policy folder, in bytes.
const MAX_FOLDER_BYTES: usize = 32 << 20;

const LINK_HELP: &str = "name the folders in it, and check that no link leads back";

const EMPTY: &str = "write a policy; `portcullis check --help` shows a small one";

/// What is read as a whole.
pub(super) enum Part {
    /// A file with any number of documents.
    File(File),
    /// A folder with one policy.
    Folder(PolicyFolder),
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

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The policy that it is, which is not validated.
    pub(super) fn into_policy(self) -> Result<FoundPolicy, Report> {
        let document = Document::parse(self.name, self.bytes, EMPTY)?;
        Ok(FoundPolicy::whole(&document.into()))
    }

    /// Its documents, and the error where the syntax is wrong.
    pub(super) fn parse(&self) -> (Vec<Document>, Option<Report>) {
        let (documents, error) = Document::parse_all(&self.name, self.bytes.clone());
        (documents, error.map(|report| self.explained(report)))
    }

    /// Whether a line begins with this field, as in YAML, or the text has it, as in JSON.
    pub(super) fn has_field(&self, field: &str) -> bool {
        let text = String::from_utf8_lossy(&self.bytes);
        let is_field = |line: &str| {
            let rest = line.strip_prefix(field);
            rest.is_some_and(|rest| rest.trim_start().starts_with(':'))
        };
        let is_json = text.trim_start().starts_with('{');
        text.lines().any(is_field) || is_json && text.contains(&format!("\"{field}\""))
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
        } else if let Some(file) = search.read_named(path) {
            search.parts.push(Part::File(file));
        }
    }
    (search.parts, search.errors)
}

/// Reads the policy file at a path.
pub(super) fn policy_file(path: &Path) -> Result<File, Report> {
    let name = path.display().to_string();
    let bytes = files::read(path).map_err(|error| watch::unreadable(&name, &error))?;
    Ok(File::of(&name, bytes))
}

/// Reads a folder with one policy.
pub(super) fn policy_folder(path: &Path) -> Result<PolicyFolder, Report> {
    let mut search = Search::default();
    let folder = match search.entries(path) {
        Some(entries) if has_policy(path, &entries) => search.policy_folder(path, MAX_DEPTH),
        _ => None,
    };
    let first_error = search.errors.into_iter().next();
    match (folder, first_error) {
        (Some(folder), None) => Ok(folder),
        (_, Some(report)) => Err(report),
        (None, None) => {
            let problem = format!("has no `{POLICY_FILE}` and folder `{APPS}`");
            let help = "write all but the apps to `portcullis.yaml`, and the apps to files in the folder `apps`; \
                        or name a policy file";
            Err(Report::of(&path.display().to_string(), &problem, help))
        }
    }
}

/// Whether a folder with these entries has one policy.
fn has_policy(path: &Path, entries: &[PathBuf]) -> bool {
    entries.contains(&path.join(POLICY_FILE)) && path.join(APPS).is_dir()
}

#[derive(Default)]
struct Search {
    parts: Vec<Part>,
    errors: Vec<Report>,
    /// How many files and folders were found in folders.
    found: usize,
    /// The policy folder that is read, which no link leads out of.
    boundary: Option<Boundary>,
}

/// The limits of a policy folder.
struct Boundary {
    /// Its path without links.
    root: PathBuf,
    /// How many bytes its files may still have.
    bytes: usize,
}

impl Search {
    fn folder(&mut self, path: &Path, depth: usize) {
        let Some(entries) = self.entries(path) else {
            return;
        };
        let Some(depth) = self.deeper(path, depth) else {
            return;
        };
        let is_policy = has_policy(path, &entries);
        if is_policy && let Some(folder) = self.policy_folder(path, depth) {
            self.parts.push(Part::Folder(folder));
        }
        let (policy, apps) = (path.join(POLICY_FILE), path.join(APPS));
        for entry in entries {
            if entry.is_dir() {
                if !(is_policy && entry == apps) {
                    self.folder(&entry, depth);
                }
            } else if is_document(&entry)
                && !(is_policy && entry == policy)
                && let Some(file) = self.read_found(&entry)
            {
                self.parts.push(Part::File(file));
            }
        }
    }

    /// A folder that is one policy.
    fn policy_folder(&mut self, path: &Path, depth: usize) -> Option<PolicyFolder> {
        let root = match fs::canonicalize(path) {
            Ok(root) => root,
            Err(error) => {
                self.unreadable(path, &error);
                return None;
            }
        };
        let bytes = MAX_FOLDER_BYTES;
        let outer = self.boundary.replace(Boundary { root, bytes });
        let folder = self.files_of_policy(path, depth);
        self.boundary = outer;
        folder
    }

    fn files_of_policy(&mut self, path: &Path, depth: usize) -> Option<PolicyFolder> {
        let policy = self.read_found(&path.join(POLICY_FILE))?;
        let mut files = Vec::new();
        self.apps(&path.join(APPS), depth, &mut files);
        let apps = files.into_iter().map(|(found, file)| {
            let within = found.strip_prefix(path).unwrap_or(&found);
            (within.to_string_lossy().into_owned(), file)
        });
        let apps = apps.collect();
        Some(PolicyFolder { policy, apps })
    }

    /// The files with apps in a folder of a policy.
    fn apps(&mut self, path: &Path, depth: usize, files: &mut Vec<(PathBuf, File)>) {
        if !self.is_inside(path) {
            return;
        }
        let Some(depth) = self.deeper(path, depth) else {
            return;
        };
        for entry in self.entries(path).unwrap_or_default() {
            if entry.is_dir() {
                self.apps(&entry, depth, files);
            } else if is_document(&entry)
                && let Some(file) = self.read_found(&entry)
            {
                files.push((entry, file));
            }
        }
    }

    /// The remaining depth in a folder. `None` if there is none, or the search has ended.
    fn deeper(&mut self, path: &Path, depth: usize) -> Option<usize> {
        if !self.has_room(path) {
            return None;
        }
        let deeper = depth.checked_sub(1);
        if deeper.is_none() {
            self.end(path, "nested too deeply", LINK_HELP);
        }
        deeper
    }

    /// Ends the search with an error: after a link that leads back, all else would be found again and again.
    fn end(&mut self, path: &Path, problem: &str, help: &str) {
        let name = path.display().to_string();
        self.errors.push(Report::of(&name, problem, help));
        self.found = MAX_ENTRIES + 1;
    }

    /// Counts a file or a folder. `false` if there are too many.
    fn has_room(&mut self, path: &Path) -> bool {
        if self.found == MAX_ENTRIES {
            let problem = format!("more than {MAX_ENTRIES} files and folders");
            self.end(path, &problem, LINK_HELP);
        }
        let has_room = self.found < MAX_ENTRIES;
        self.found += 1;
        has_room
    }

    /// Whether a file or a folder of a policy folder is really in it. Else it is an error: a link to another file of the
    /// machine, such as a secret, would be read with the rights of this process.
    fn is_inside(&mut self, path: &Path) -> bool {
        let Some(Boundary { root, .. }) = &self.boundary else {
            return true;
        };
        match fs::canonicalize(path) {
            Ok(target) if target.starts_with(root) => true,
            Ok(_) => {
                let problem = "is a link out of the policy folder";
                let help = "replace the link with the file or folder itself";
                let name = path.display().to_string();
                self.errors.push(Report::of(&name, problem, help));
                false
            }
            Err(error) => {
                self.unreadable(path, &error);
                false
            }
        }
    }

    /// Takes the bytes of a file from what its policy folder may have. `false` if it has too many.
    fn has_bytes(&mut self, path: &Path, count: usize) -> bool {
        let Some(boundary) = &mut self.boundary else {
            return true;
        };
        match boundary.bytes.checked_sub(count) {
            Some(rest) => boundary.bytes = rest,
            None => {
                let problem = "the files of the policy folder have more than 32 MiB";
                self.end(path, problem, "remove files that the policy does not need");
                return false;
            }
        }
        true
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let name = path.display().to_string();
        self.errors.push(watch::unreadable(&name, error));
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

    /// Reads a file that was named.
    fn read_named(&mut self, path: &Path) -> Option<File> {
        let name = document::name_of(path);
        let bytes = Document::read(path, &name);
        let bytes = bytes.map_err(|report| self.errors.push(report)).ok()?;
        Some(File::of(&name, bytes))
    }

    /// Reads a file in a folder: a regular one, because nobody named it.
    fn read_found(&mut self, path: &Path) -> Option<File> {
        if !self.has_room(path) || !self.is_inside(path) {
            return None;
        }
        match files::read(path) {
            Ok(bytes) => self.has_bytes(path, bytes.len()).then(|| File {
                name: path.display().to_string(),
                bytes,
                is_named: false,
            }),
            Err(error) => {
                self.unreadable(path, &error);
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
