//! The two files that are written: both or none, and never over others.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::tree::Tree;
use crate::document::Report;
use crate::files;

/// The contents of the two files.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) policy: String,
    pub(crate) companion: String,
}

const POLICY: &str = "portcullis.yaml";
const COMPANION: &str = "companion.yaml";

const ABOUT_POLICY: &str = "\
# The policy, made by `portcullis import oauth2-proxy`. Read it before you use it: `portcullis check portcullis.yaml`.

";

const ABOUT_COMPANION: &str = "\
# The companion, made by `portcullis import oauth2-proxy`: `portcullis serve --config companion.yaml`.

";

// === impl Files ===

impl Files {
    pub(super) fn of(policy: &Tree, companion: &Tree) -> Self {
        Self {
            policy: [ABOUT_POLICY, &policy.yaml()].concat(),
            companion: [ABOUT_COMPANION, &companion.yaml()].concat(),
        }
    }
}

/// Refuses a folder that has one of the files.
pub(crate) fn refuse_existing(folder: &Path) -> Result<(), Report> {
    for name in [POLICY, COMPANION] {
        let path = folder.join(name);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unwritable(&path, &error)),
            Ok(_) => {
                let help = "write another folder to `--out`, or move the file away: nothing is overwritten";
                return Err(Report::of(
                    &path.display().to_string(),
                    "the file exists",
                    help,
                ));
            }
        }
    }
    Ok(())
}

/// Writes the files to a folder, which is created if only it is missing. They are readable by their owner alone.
pub(crate) fn write(folder: &Path, files: &Files) -> Result<(), Report> {
    refuse_existing(folder)?;
    let is_new = match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(error) => return Err(unwritable(folder, &error)),
    };
    let mut written: Vec<PathBuf> = Vec::new();
    for (name, content) in [(POLICY, &files.policy), (COMPANION, &files.companion)] {
        let path = folder.join(name);
        if let Err(error) = create(&path, content, &mut written) {
            for path in &written {
                // The first error is the one to report.
                let _ = fs::remove_file(path);
            }
            if is_new {
                let _ = fs::remove_dir(folder);
            }
            return Err(unwritable(&path, &error));
        }
    }
    Ok(())
}

/// Creates a file. Another program may have created it in the meantime: then it is not touched.
fn create(path: &Path, content: &str, written: &mut Vec<PathBuf>) -> io::Result<()> {
    let file = files::create_private(path)?;
    written.push(path.to_owned());
    files::write_all(file, content.as_bytes())
}

fn unwritable(path: &Path, error: &io::Error) -> Report {
    let help = match error.kind() {
        ErrorKind::NotFound => "create the folder around it first",
        ErrorKind::PermissionDenied => {
            "give this user write permission, or write another folder to `--out`"
        }
        _ => "write the path of a folder to `--out`",
    };
    Report::of(
        &path.display().to_string(),
        &format!("can't be written: {error}"),
        help,
    )
}
