//! From a path to text.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::report::Fault;

#[cfg(test)]
mod tests;

/// The longest file that is read, in bytes. Ten thousand rules are shorter.
const MAX_BYTES: usize = 1 << 20;

/// Reads a file, or standard input where the path is `-`, and never more than [`MAX_BYTES`].
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    if path == Path::new("-") {
        return bounded(io::stdin().lock());
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    bounded(file)
}

fn bounded(reader: impl Read) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let mut reader = reader.take(MAX_BYTES as u64 + 1);
    let read = reader.read_to_end(&mut bytes);
    read.map_err(|error| unreadable(&error))?;
    if bytes.len() > MAX_BYTES {
        return Err(Fault::whole(
            "longer than a mebibyte",
            "make it shorter; a policy or a configuration is read whole",
        ));
    }
    Ok(bytes)
}

fn unreadable(error: &io::Error) -> Fault {
    let help = match error.kind() {
        ErrorKind::NotFound => "check the name, or write `-` to read standard input",
        ErrorKind::IsADirectory => "name the file in it",
        ErrorKind::PermissionDenied => "let this user read it",
        _ => "check that it is a file and can be read",
    };
    Fault::whole(&format!("cannot be read: {error}"), help)
}

/// Reads bytes as text: UTF-8, a byte order mark taken off, no control characters. The fault comes
/// with the text that is shown beside it.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, (String, Fault)> {
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let fault = Fault::at(good..good + 1, "not UTF-8", "save the file as UTF-8");
        (text, fault)
    })?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    // The YAML parser takes a NUL for the end of the file, and what stands behind would be lost.
    let stray = |c: char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\x7f');
    if let Some(at) = text.find(stray) {
        let help = "take it out; this is a file of plain text";
        return Err((text, Fault::at(at..at + 1, "a control character", help)));
    }
    Ok(text)
}
