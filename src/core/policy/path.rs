//! Paths: what a rule is about.

use std::fmt;

#[cfg(test)]
mod tests;

/// How many segments a pattern may have.
const MAX_SEGMENTS: usize = 64;

/// A pattern for the path of a request, without its query.
///
/// `*` is exactly one non-empty segment, `**` any number of whole segments, none included, at any
/// place. Everything else is compared byte for byte, so a trailing slash makes another path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern(Vec<Segment>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Segment {
    /// `*`
    One,
    /// `**`
    Any,
    Exact(String),
}

/// Why a text is not a pattern: the problem and the mend.
pub(super) type Fault = (&'static str, &'static str);

// === impl Pattern ===

impl Pattern {
    /// Reads a pattern. What no accepted request can have in its path is refused, because such a
    /// pattern would look like a rule and never fit.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let rest = text
            .strip_prefix('/')
            .ok_or(("does not begin with a slash", "write `/` in front"))?;
        let mut segments: Vec<&str> = rest.split('/').collect();
        if segments.len() > MAX_SEGMENTS {
            return Err(("has more than 64 segments", "end it with `/**`"));
        }
        // Two `**` in a row say what one says.
        segments.dedup_by(|one, other| one == other && *one == "**");
        let last = segments.len();
        let segments = segments.into_iter().zip(1_usize..);
        segments
            .map(|(segment, number)| Segment::parse(segment, number == last))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a path fits: canonical, with its slash in front and without its query.
    ///
    /// Only the last `**` is ever tried again, so the work is bounded by the number of segments of
    /// the path times that of the pattern, whatever a client sends.
    pub fn fits(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix('/') else {
            return false;
        };
        let mut pattern = self.0.as_slice();
        let mut segments = rest.split('/');
        let mut retry = None;
        loop {
            let mut ahead = segments.clone();
            match (pattern.split_first(), ahead.next()) {
                (None, None) => return true,
                (Some((Segment::Any, [])), _) => return true,
                (Some((Segment::Any, behind)), _) => {
                    retry = Some((behind, segments.clone()));
                    pattern = behind;
                    continue;
                }
                (Some((segment, behind)), Some(text)) if segment.fits(text) => {
                    pattern = behind;
                    segments = ahead;
                    continue;
                }
                _ => {}
            }
            // Let the last `**` take one more segment.
            let Some((behind, from)) = &mut retry else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            pattern = *behind;
            segments = from.clone();
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            f.write_str("/")?;
            f.write_str(match segment {
                Segment::One => "*",
                Segment::Any => "**",
                Segment::Exact(text) => text,
            })?;
        }
        Ok(())
    }
}

// === impl Segment ===

impl Segment {
    fn parse(text: &str, last: bool) -> Result<Self, Fault> {
        match text {
            "*" => return Ok(Self::One),
            "**" => return Ok(Self::Any),
            "" if !last => return Err(("has an empty segment", "write a single slash")),
            "." | ".." => return Err(("has a dot segment", "write the path that it leads to")),
            _ => {}
        }
        if text.contains('*') {
            return Err((
                "has a wildcard inside a segment",
                "let `*` or `**` stand for the whole segment",
            ));
        }
        if text.contains(['?', '#']) {
            return Err((
                "has a query or a fragment",
                "leave it out; rules look at the path alone",
            ));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['\\', ';']) {
            return Err((
                "has a byte that is refused in every request",
                "write visible ASCII without `\\` and `;`, the rest percent-encoded",
            ));
        }
        if text.split('%').skip(1).any(|code| !is_kept(code)) {
            return Err((
                "has a percent-encoding that is refused in every request",
                "write the character itself; an encoded slash, backslash or dot never passes",
            ));
        }
        Ok(Self::Exact(text.to_owned()))
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::One => !text.is_empty(),
            Self::Any => true,
            Self::Exact(exact) => exact == text,
        }
    }
}

/// Whether what stands behind a `%` is two digits, and not of a byte that splits or moves paths.
fn is_kept(code: &str) -> bool {
    let digits = code.get(..2).unwrap_or_default();
    let byte = u8::from_str_radix(digits, 16).ok();
    digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        && byte.is_some_and(|byte| byte >= b' ' && !b"/\\.;%?#\x7f".contains(&byte))
}
