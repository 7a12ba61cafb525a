//! Who besides root and the companion's user may change a file, by the permissions of the file and of
//! its folder.
//!
//! Symbolic links are followed one by one, because write access to a link's folder decides which file is
//! read. In a folder with the sticky bit, such as `/tmp` or a Secret volume of Kubernetes, others may
//! create entries but not replace those of root and of this user. The folders above are not checked.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

#[cfg(test)]
mod tests;

/// How many symbolic links are followed, as by Linux.
const MAX_LINKS: usize = 40;

const STICKY: u32 = 0o1000;
const GROUP_WRITE: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// Write access of another user to a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct WriteAccess {
    /// The file, or its folder.
    path: PathBuf,
    is_folder: bool,
    writer: Writer,
}

/// Who may write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Writer {
    /// Every user.
    Everyone,
    /// The members of a group.
    Group,
    /// The owner, who is neither root nor this user.
    Owner(u32),
}

/// A path that is resolved component by component.
struct Resolver {
    user: u32,
    /// The folder that was reached, without links. Empty for the working directory.
    folder: PathBuf,
    remaining: VecDeque<OsString>,
    links: usize,
}

impl WriteAccess {
    /// Who else may change or replace the file at this path or, if there is none, create it.
    pub(crate) fn of_others(path: &Path) -> io::Result<Option<Self>> {
        Self::besides(rustix::process::geteuid().as_raw(), path)
    }

    fn besides(user: u32, path: &Path) -> io::Result<Option<Self>> {
        let mut resolver = Resolver {
            user,
            folder: PathBuf::new(),
            remaining: VecDeque::new(),
            links: 0,
        };
        resolver.push(path);
        resolver.run()
    }

    /// Who may write.
    pub(crate) const fn writer(&self) -> Writer {
        self.writer
    }

    /// How to fix it.
    pub(crate) fn help(&self) -> String {
        let path = self.path.display();
        match self.writer {
            Writer::Everyone | Writer::Group => format!("`chmod go-w {path}`"),
            Writer::Owner(_) => format!("`chown` {path} to the companion's user"),
        }
    }
}

impl fmt::Display for WriteAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_folder {
            write!(f, "its folder {} ", self.path.display())?;
        } else {
            f.write_str("it ")?;
        }
        match self.writer {
            Writer::Everyone => f.write_str("is writable by every user"),
            Writer::Group => f.write_str("is writable by its group"),
            Writer::Owner(user) => write!(f, "is owned by another user (UID {user})"),
        }
    }
}

// === impl Resolver ===

impl Resolver {
    fn run(mut self) -> io::Result<Option<WriteAccess>> {
        while let Some(name) = self.remaining.pop_front() {
            let entry = self.folder.join(name);
            let metadata = match fs::symlink_metadata(&entry) {
                Ok(metadata) => Some(metadata),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            let is_link = metadata.as_ref().is_some_and(Metadata::is_symlink);
            if !is_link && !self.remaining.is_empty() {
                self.folder = entry;
                continue;
            }
            if let Some(access) = self.folder_access(metadata.as_ref())? {
                return Ok(Some(access));
            }
            let Some(metadata) = metadata else {
                return Ok(None);
            };
            if !is_link {
                return Ok(self.file_access(&entry, &metadata));
            }
            self.links += 1;
            if self.links > MAX_LINKS {
                return Err(io::Error::other("too many symbolic links"));
            }
            self.push(&fs::read_link(&entry)?);
        }
        Ok(None)
    }

    /// Puts a path before the remaining components.
    fn push(&mut self, path: &Path) {
        let mut names = VecDeque::new();
        for component in path.components() {
            match component {
                Component::Prefix(_) | Component::CurDir => {}
                Component::RootDir => self.folder = PathBuf::from("/"),
                Component::ParentDir => names.push_back(OsString::from("..")),
                Component::Normal(name) => names.push_back(name.to_owned()),
            }
        }
        names.append(&mut self.remaining);
        self.remaining = names;
    }

    /// Who else may replace this entry of the current folder, or create it.
    fn folder_access(&self, entry: Option<&Metadata>) -> io::Result<Option<WriteAccess>> {
        let path = match &self.folder {
            folder if folder.as_os_str().is_empty() => PathBuf::from("."),
            folder => folder.clone(),
        };
        let folder = match fs::metadata(&path) {
            Ok(folder) => folder,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mode = folder.mode();
        // Many distributions give each user a group of the same number, and group write access by default.
        let is_private_group =
            self.user != 0 && folder.uid() == self.user && folder.gid() == self.user;
        let writer = if !self.is_trusted(&folder) {
            Writer::Owner(folder.uid())
        } else if mode & STICKY != 0 && entry.is_none_or(|entry| self.is_trusted(entry)) {
            return Ok(None);
        } else if mode & OTHERS_WRITE != 0 {
            Writer::Everyone
        } else if mode & GROUP_WRITE != 0 && !is_private_group {
            Writer::Group
        } else {
            return Ok(None);
        };
        Ok(Some(WriteAccess {
            path,
            is_folder: true,
            writer,
        }))
    }

    fn file_access(&self, path: &Path, file: &Metadata) -> Option<WriteAccess> {
        let writer = match file.mode() {
            mode if mode & OTHERS_WRITE != 0 => Writer::Everyone,
            mode if mode & GROUP_WRITE != 0 => Writer::Group,
            _ if !self.is_trusted(file) => Writer::Owner(file.uid()),
            _ => return None,
        };
        Some(WriteAccess {
            path: path.to_owned(),
            is_folder: false,
            writer,
        })
    }

    /// Whether root or this user owns it.
    fn is_trusted(&self, metadata: &Metadata) -> bool {
        metadata.uid() == 0 || metadata.uid() == self.user
    }
}
