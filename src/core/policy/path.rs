//! The path patterns of rules.

use std::fmt;

use crate::request::{self, Ambiguity};

mod uncovered;

#[cfg(test)]
mod tests;

/// The maximum number of segments in a pattern.
const MAX_SEGMENTS: usize = 64;

/// A pattern for the path of a request, without its query.
///
/// `*` matches exactly one non-empty segment, `**` any number of segments, including none. Other
/// segments are compared byte for byte, so a path with a trailing slash is another path.
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

pub use uncovered::Uncovered;

/// Why a text is not a valid pattern: the problem and how to fix it.
pub(super) type PatternProblem = (&'static str, &'static str);

// === impl Pattern ===

impl Pattern {
    /// Parses a pattern. A pattern that no accepted path can match is refused.
    pub(super) fn parse(text: &str) -> Result<Self, PatternProblem> {
        if text.contains('?') {
            return Err(("has a query", "remove it; rules match the path only"));
        }
        let path = request::path(text.as_bytes()).map_err(problem_of)?;
        let segments = path.strip_prefix('/').unwrap_or(path).split('/');
        let mut segments: Vec<Segment> = segments.map(Segment::parse).collect::<Result<_, _>>()?;
        // Consecutive `**` are equivalent to one.
        segments.dedup_by(|one, other| *one == Segment::Any && one == other);
        if segments.len() > MAX_SEGMENTS {
            return Err(("has more than 64 segments", "end it with `/**`"));
        }
        Ok(Self(segments))
    }

    /// Whether a path matches. It must be canonical, start with a slash and have no query.
    ///
    /// Only the last `**` backtracks, so the work is bounded by the number of segments of the path
    /// times that of the pattern.
    pub fn matches(&self, path: &str) -> bool {
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
                (Some((Segment::Any, after)), _) => {
                    retry = Some((after, segments.clone()));
                    pattern = after;
                    continue;
                }
                (Some((segment, after)), Some(text)) if segment.matches(text) => {
                    pattern = after;
                    segments = ahead;
                    continue;
                }
                _ => {}
            }
            // Backtrack: the last `**` matches one more segment.
            let Some((after, from)) = &mut retry else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            pattern = *after;
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
    fn parse(text: &str) -> Result<Self, PatternProblem> {
        match text {
            "*" => Ok(Self::One),
            "**" => Ok(Self::Any),
            _ if text.contains('*') => Err((
                "has a wildcard inside a segment",
                "use `*` or `**` as a whole segment",
            )),
            _ => Ok(Self::Exact(text.to_owned())),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::One => !text.is_empty(),
            Self::Any => true,
            Self::Exact(exact) => exact == text,
        }
    }
}

/// The problem of a pattern that no accepted path can match.
const fn problem_of(ambiguity: Ambiguity) -> PatternProblem {
    match ambiguity {
        Ambiguity::ContentLength | Ambiguity::Host | Ambiguity::Method | Ambiguity::NoPath => {
            ("does not start with a slash", "start the path with `/`")
        }
        Ambiguity::PathByte => (
            "has a fragment or a byte outside visible ASCII, which is refused in every request",
            "remove the fragment, and percent-encode what is not ASCII",
        ),
        Ambiguity::PathSeparator => (
            "has a backslash or a semicolon, which is refused in every request",
            "write the path without it",
        ),
        Ambiguity::PathEncoding => (
            "has a percent-encoding that is refused in every request",
            "write the character itself; an encoded slash or dot is always refused",
        ),
        Ambiguity::PathDepth => ("has more than 64 segments", "end it with `/**`"),
        Ambiguity::PathSegment => (
            "has an empty or a dot segment, which is refused in every request",
            "write single slashes, and resolve `.` and `..`",
        ),
    }
}
