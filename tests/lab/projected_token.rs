//! A projected service-account token, as the kubelet mounts it into a pod.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The file's name in the volume, as in a pod's `serviceAccountToken.path`.
const FILE: &str = "token";

/// A volume that holds one token and is updated as the kubelet updates it: a new folder with the new
/// content, then a rename of the symbolic link `..data`, then the removal of the old folder. The token's
/// path is `token`, a symbolic link to `..data/token`, and never changes.
///
/// It stays on disk when dropped, as the lab's other files do.
#[derive(Debug)]
pub struct ProjectedToken {
    volume: PathBuf,
    /// How often it was updated, which names the folders.
    version: u64,
}

impl ProjectedToken {
    /// Makes the volume in `folder`, which is created if it is absent. The file holds `token` without a
    /// newline, as the kubelet writes it.
    ///
    /// # Panics
    /// If the files can't be made.
    #[must_use]
    pub fn create(folder: &Path, token: &str) -> Self {
        fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut volume = Self {
            volume: folder.to_owned(),
            version: 0,
        };
        volume.rotate(token);
        volume
    }

    /// The token's path, the same for as long as the volume exists.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.volume.join(FILE)
    }

    /// The folder that is mounted.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.volume
    }

    /// Replaces the token, as the kubelet does when it has another.
    ///
    /// # Panics
    /// If the files can't be made.
    pub fn rotate(&mut self, token: &str) {
        self.write(token.as_bytes());
    }

    /// Replaces the file by any content, which need not be a token: nothing, a newline behind a token,
    /// bytes that are no text.
    ///
    /// # Panics
    /// If the files can't be made.
    pub fn write(&mut self, content: &[u8]) {
        self.update(Some(content));
        let path = self.path();
        match symlink(Path::new("..data").join(FILE), &path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                panic!("{}: {error}", path.display())
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Removes the token. The volume stays, and [`Self::rotate`] brings the token back.
    ///
    /// # Panics
    /// If it can't be removed.
    pub fn remove(&mut self) {
        self.update(None);
        let path = self.path();
        fs::remove_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Makes the next folder, points `..data` to it and removes the folder before it.
    fn update(&mut self, content: Option<&[u8]>) {
        let before = self.data_folder();
        self.version += 1;
        let data = self.data_folder();
        fs::create_dir(&data).unwrap_or_else(|error| panic!("{}: {error}", data.display()));
        if let Some(content) = content {
            fs::write(data.join(FILE), content).expect("a new folder can be written to");
        }
        let link = self.volume.join("..data_tmp");
        symlink(data.file_name().expect("a folder has a name"), &link).expect("a new link");
        fs::rename(&link, self.volume.join("..data")).expect("a link can be replaced");
        // The first folder has none before it.
        let _absent = fs::remove_dir_all(before);
    }

    fn data_folder(&self) -> PathBuf {
        self.volume.join(format!("..version_{}", self.version))
    }
}
