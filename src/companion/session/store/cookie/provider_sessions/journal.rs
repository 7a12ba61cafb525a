//! The journal: a line for each session, so that the links survive a restart.
//!
//! A line is appended at each sign-in, and the file is replaced when the sessions of most lines have
//! expired. A crash of the machine can lose the last lines: a back-channel logout then misses those
//! sessions, which end when their provider rejects the refresh token.
//!
//! A line begins with the version of its format. In version 1, which had none, handles did not begin with
//! their provider, so a revocation with such a handle would revoke nothing: those lines count as missing.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::MAX_SESSIONS;
use crate::session::atomic_file;

/// The version of a line.
const VERSION: &str = "2";

/// The maximum length of a line, in bytes.
const MAX_LINE: usize = 96;

/// How many lines of expired sessions are allowed, in addition to the number of active ones.
const MAX_EXPIRED: usize = 4096;

/// A session, as a line of the journal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Line {
    pub(super) provider_session: Id,
    pub(super) sid: Id,
    /// The handle of the user.
    pub(super) user: Id,
    pub(super) ends: Timestamp,
}

/// The file that lines are appended to.
#[derive(Debug, Default)]
pub(super) struct Journal {
    path: PathBuf,
    /// `None` until the file is created.
    file: Option<File>,
    lines: usize,
}

/// The lines of a journal, and whether it is complete: it exists, and all lines are valid.
pub(super) fn read(path: &Path) -> io::Result<(Vec<Line>, bool)> {
    let text = match atomic_file::read(path, MAX_LINE * (2 * MAX_SESSIONS + 2 * MAX_EXPIRED)) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok((Vec::new(), false)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Ok((Vec::new(), false));
        }
        Err(error) => return Err(error),
    };
    let mut is_complete = true;
    let mut lines = Vec::new();
    for text in text
        .split(|byte| *byte == b'\n')
        .filter(|text| !text.is_empty())
    {
        let text = std::str::from_utf8(text).ok();
        match text.and_then(Line::parse) {
            Some(line) => lines.push(line),
            None => is_complete = false,
        }
    }
    Ok((lines, is_complete))
}

impl Journal {
    /// Writes a journal with these lines, and opens it.
    pub(super) fn create(path: &Path, lines: impl Iterator<Item = Line>) -> io::Result<Self> {
        let mut journal = Self {
            path: path.to_owned(),
            file: None,
            lines: 0,
        };
        journal.replace(lines)?;
        Ok(journal)
    }

    /// Whether most lines are of expired sessions. `active` is the number of the others.
    pub(super) const fn is_due(&self, active: usize) -> bool {
        2 * active + MAX_EXPIRED <= self.lines
    }

    pub(super) fn replace(&mut self, lines: impl Iterator<Item = Line>) -> io::Result<()> {
        let mut text = String::new();
        let mut count = 0;
        for line in lines {
            text.push_str(&line.to_string());
            count += 1;
        }
        atomic_file::write(&self.path, text.as_bytes())?;
        self.file = Some(OpenOptions::new().append(true).open(&self.path)?);
        self.lines = count;
        Ok(())
    }

    pub(super) fn append(&mut self, line: Line) -> io::Result<()> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.write_all(line.to_string().as_bytes())?;
        self.lines += 1;
        Ok(())
    }
}

impl Line {
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(' ');
        if fields.next() != Some(VERSION) {
            return None;
        }
        let mut id = || fields.next().and_then(Id::parse);
        let (provider_session, sid, user) = (id()?, id()?, id()?);
        let ends = Timestamp::from_secs(fields.next()?.parse().ok()?);
        fields.next().is_none().then_some(Self {
            provider_session,
            sid,
            user,
            ends,
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            provider_session,
            sid,
            user,
            ends,
        } = self;
        let ends = ends.secs();
        writeln!(f, "{VERSION} {provider_session} {sid} {user} {ends}")
    }
}
