//! Paths that a pattern matches and others do not: for the comparison of policies, never for a request.
//!
//! A pattern is a regular expression over segments. The search runs the pattern and the others together, segment by
//! segment, and finds a shortest path that only the pattern accepts. Segments that no pattern names are alike, so one of
//! them stands for all.

use std::collections::{BTreeSet, VecDeque};

use super::{MAX_SEGMENTS, Pattern, Segment};

#[cfg(test)]
mod tests;

/// The most states to visit. Patterns of people need a few; each `**` in the middle of one multiplies them.
const MAX_STATES: usize = 20_000;

/// A path that a pattern matches and others do not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Uncovered {
    /// A shortest one.
    Path(String),
    /// There is none.
    None,
    /// The search was too large.
    Unknown,
}

/// The positions in a pattern at which the rest of a path may continue, as a set of bits. The last one is its end.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Positions(u128);

// A pattern has a position before each segment, and its end.
const _: () = assert!(MAX_SEGMENTS < 128);

impl Pattern {
    /// The pattern that matches all paths.
    pub fn all() -> Self {
        Self(vec![Segment::Any])
    }

    /// A shortest path that this pattern matches and none of the others do.
    pub fn uncovered_by(&self, others: &[&Self]) -> Uncovered {
        let patterns: Vec<&Self> = std::iter::once(self)
            .chain(others.iter().copied())
            .collect();
        let other = other_segment(&patterns);
        let alphabet = alphabet(&patterns, &other);
        let start: Vec<Positions> = patterns.iter().map(|_| Positions(1)).collect();
        let mut visited = BTreeSet::from([start.clone()]);
        let mut queue = VecDeque::from([(start, Vec::new())]);
        while let Some((state, path)) = queue.pop_front() {
            for segment in alphabet.iter().copied() {
                let next: Vec<Positions> = patterns
                    .iter()
                    .zip(&state)
                    .map(|(pattern, positions)| positions.after(segment, pattern))
                    .collect();
                let mut accepted = patterns
                    .iter()
                    .zip(&next)
                    .map(|(pattern, positions)| positions.accept(pattern));
                let is_own = accepted.next() == Some(true);
                let mut longer = path.clone();
                longer.push(segment);
                if is_own && !accepted.any(|covered| covered) {
                    return Uncovered::Path(["/", &longer.join("/")].concat());
                }
                // An empty segment is only the last one: it is a trailing slash, or the path `/`.
                let can_continue = next.first().is_some_and(|own| *own != Positions(0));
                if !segment.is_empty() && can_continue && visited.insert(next.clone()) {
                    if visited.len() > MAX_STATES {
                        return Uncovered::Unknown;
                    }
                    queue.push_back((next, longer));
                }
            }
        }
        Uncovered::None
    }
}

/// The texts of the segments that the patterns name.
fn named<'p>(patterns: &[&'p Pattern]) -> BTreeSet<&'p str> {
    let segments = patterns.iter().flat_map(|pattern| &pattern.0);
    let texts = segments.filter_map(|segment| match segment {
        Segment::Exact(text) => Some(text.as_str()),
        Segment::Any | Segment::One => None,
    });
    texts.collect()
}

/// A segment that no pattern names.
fn other_segment(patterns: &[&Pattern]) -> String {
    let named = named(patterns);
    // There are more candidates than names.
    let mut candidates = (0..=named.len()).map(|number| match number {
        0 => "other".to_owned(),
        number => format!("other{number}"),
    });
    let other = candidates.find(|candidate| !named.contains(&**candidate));
    other.unwrap_or_default()
}

/// The segments that differ for these patterns: those that they name, another one, and the empty one.
fn alphabet<'p>(patterns: &[&'p Pattern], other: &'p str) -> Vec<&'p str> {
    let named = named(patterns);
    let named = named.into_iter().filter(|text| !text.is_empty());
    std::iter::once(other).chain(named).chain([""]).collect()
}

// === impl Positions ===

impl Positions {
    /// The positions after one more segment.
    fn after(self, text: &str, pattern: &Pattern) -> Self {
        let here = self.with_skipped(pattern);
        let mut next = 0_u128;
        for (index, segment) in pattern.0.iter().enumerate() {
            if here.0 & bit(index) == 0 {
                continue;
            }
            if *segment == Segment::Any {
                next |= bit(index);
            } else if segment.matches(text) {
                next |= bit(index.saturating_add(1));
            }
        }
        Self(next)
    }

    /// Whether the path may end here.
    fn accept(self, pattern: &Pattern) -> bool {
        self.with_skipped(pattern).0 & bit(pattern.0.len()) != 0
    }

    /// With the positions behind each `**`, which may match nothing.
    fn with_skipped(self, pattern: &Pattern) -> Self {
        let mut positions = self.0;
        for (index, segment) in pattern.0.iter().enumerate() {
            if *segment == Segment::Any && positions & bit(index) != 0 {
                positions |= bit(index.saturating_add(1));
            }
        }
        Self(positions)
    }
}

/// The bit of a position.
fn bit(position: usize) -> u128 {
    let position = u32::try_from(position).ok();
    let bit = position.and_then(|position| 1_u128.checked_shl(position));
    bit.unwrap_or_default()
}
