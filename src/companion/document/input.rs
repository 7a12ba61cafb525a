//! Reads files as text.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::report::Diagnostic;
use crate::files;

#[cfg(test)]
mod tests;

/// Reads a file, or standard input where the path is `-`, and never more than [`files::MAX_BYTES`], which a policy of
/// ten thousand rules does not reach.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    if path == Path::new("-") {
        return bounded(io::stdin().lock());
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    bounded(file)
}

fn bounded(reader: impl Read) -> Result<Vec<u8>, Diagnostic> {
    files::read_bounded(reader).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => Diagnostic::whole(
            "larger than 16 MiB",
            "split it, or remove what is not needed",
        ),
        _ => unreadable(&error),
    })
}

/// Why a file can't be read.
pub(super) fn unreadable(error: &io::Error) -> Diagnostic {
    let help = match error.kind() {
        ErrorKind::NotFound => "check the path, or write `-` to read standard input",
        ErrorKind::IsADirectory => "write the path of a file in it",
        ErrorKind::PermissionDenied => "give this user read permission",
        _ => "check that it is a readable file",
    };
    Diagnostic::whole(&format!("can't be read: {error}"), help)
}

/// Decodes UTF-8 without a byte order mark and without control characters. An error comes with the text
/// to show.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, (String, Diagnostic)> {
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let diagnostic = Diagnostic::at(good..good + 1, "not UTF-8", "save the file as UTF-8");
        (text, diagnostic)
    })?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    // The YAML parser takes a NUL for the end of the file and would ignore the rest.
    let stray = |c: char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\x7f');
    if let Some(at) = text.find(stray) {
        let help = "remove it";
        return Err((
            text,
            Diagnostic::at(at..at + 1, "unexpected control character", help),
        ));
    }
    Ok(text)
}
