//! Removes credentials from messages: a user and a password in a URL, and its query.
//!
//! Secrets are read from files only, so a value with one is an error, and an error quotes values and lines.

use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// What stands for a credential.
const REMOVED: &str = "…";

/// The ends of a user and a password: `@`, also as it is mistyped or encoded in them.
const ENDS: [&str; 3] = ["@", "%40", "\u{ff20}"];

/// What the names of fields with a credential contain, however they are spelled.
const NAMES: [&str; 5] = ["secret", "passw", "passphrase", "credential", "apikey"];

/// Other names of such fields.
const SHORT_NAMES: [&str; 3] = ["pass", "pw", "pwd"];

/// What the names of further fields end in that name the file of a credential.
const FILE_NAMES: [&str; 3] = ["assertionfile", "keysfile", "tokenfile"];

/// Whether a line of a file has a credential: a field with such a name, or a URL. A field for the path of a file
/// counts, because the credential itself may stand there.
pub(super) fn are_in(line: &str) -> bool {
    let is_set = |(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        is_credential(before.trim_end_matches(is_separator))
    };
    line.match_indices(':').any(is_set) || matches!(removed(line), Cow::Owned(_))
}

/// Whether the name at the end of a text is that of a field with a credential.
fn is_credential(text: &str) -> bool {
    let in_name = |one: char| one.is_alphanumeric() || matches!(one, '_' | '-' | '.');
    let start = text.rfind(|one| !in_name(one));
    let name = start.and_then(|at| text.get(at..)).unwrap_or(text);
    let name: String = name.chars().filter(|one| one.is_alphanumeric()).collect();
    let name = name.to_lowercase();
    SHORT_NAMES.contains(&name.as_str())
        || NAMES.iter().any(|part| name.contains(part))
        || FILE_NAMES.iter().any(|end| name.ends_with(end))
}

/// The text without credentials. Borrowed where it has none.
pub(super) fn removed(text: &str) -> Cow<'_, str> {
    let mut output = String::new();
    let mut changed = false;
    for part in text.split_inclusive(is_separator) {
        let word = part.trim_end_matches(is_separator);
        match removed_from_word(word) {
            Some(word) => {
                changed = true;
                output.push_str(&word);
            }
            None => output.push_str(word),
        }
        output.push_str(part.get(word.len()..).unwrap_or_default());
    }
    if changed {
        Cow::Owned(output)
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a character ends a word. Everything else may be in a password that was not encoded.
fn is_separator(one: char) -> bool {
    one.is_whitespace() || matches!(one, '"' | '\'' | '`')
}

/// The word without its credentials; `None` if it has none. A colon distinguishes them from an address.
fn removed_from_word(word: &str) -> Option<String> {
    let scheme = word.find("://").map(|at| at + "://".len());
    let start = scheme.unwrap_or_default();
    let (before, rest) = word.split_at_checked(start)?;
    let end = ENDS.iter().filter_map(|end| rest.rfind(end)).max();
    let is_address = scheme.is_none() && word.contains("mailto:");
    let end = end.filter(|end| {
        let user = rest.get(..*end).unwrap_or_default();
        (scheme.is_some() || user.contains(':')) && !is_address
    });
    let (user, host) = rest.split_at_checked(end.unwrap_or_default())?;
    let query = scheme.and_then(|_| host.find('?')).map(|at| at + 1);
    let (host, query) = host.split_at_checked(query.unwrap_or(host.len()))?;
    let mark = |text: &str| if text.is_empty() { "" } else { REMOVED };
    (!user.is_empty() || !query.is_empty())
        .then(|| [before, mark(user), host, mark(query)].concat())
}
