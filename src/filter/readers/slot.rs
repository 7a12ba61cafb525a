//! What workers share under one name.

use std::fmt::Display;

use crate::host::{self, Shared};

/// A text that the workers share under one name, and what this worker has seen of it.
#[derive(Debug)]
pub(super) struct Slot {
    name: String,
    /// What the text is about, for the log.
    subject: String,
    /// The version that this worker has taken over last.
    version: Option<u32>,
    /// The version of what stands in the text's place and is none.
    broken: Option<u32>,
}

/// A text that is there.
#[derive(Debug)]
pub(super) struct Seen<T> {
    /// Its version.
    pub(super) version: u32,
    /// What it says, if that is news to this worker.
    pub(super) news: Option<T>,
}

impl Slot {
    /// The slot of this name.
    pub(super) const fn new(name: String, subject: String) -> Self {
        Self {
            name,
            subject,
            version: None,
            broken: None,
        }
    }

    /// Looks at what is there; `None` where nothing is that can be read.
    pub(super) fn look<T, E: Display>(
        &mut self,
        read: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Option<Seen<T>> {
        let Shared { value, cas } = host::shared_data(&self.name).ok()??;
        self.broken = None;
        let news = if self.version == Some(cas) {
            None
        } else {
            match read(&value) {
                Ok(news) => Some(news),
                Err(error) => {
                    log::error!("portcullis: {}: {error}", self.subject);
                    self.broken = Some(cas);
                    return None;
                }
            }
        };
        self.version = Some(cas);
        Some(Seen { version: cas, news })
    }

    /// Writes a text where there is none, or in the place of something else that was written over
    /// it.
    pub(super) fn seed(&self, text: &str) {
        self.write(text, self.broken);
    }

    /// Writes a text, over the version that it was made from. `false` means that another worker was
    /// faster, or that the host refused.
    pub(super) fn write(&self, text: &str, version: Option<u32>) -> bool {
        match host::set_shared_data(&self.name, text.as_bytes(), version) {
            Ok(()) => true,
            Err(host::Error::CasMismatch) => false,
            Err(error) => {
                log::error!(
                    "portcullis: {}: nothing can be shared between workers: {error}",
                    self.subject
                );
                false
            }
        }
    }
}
