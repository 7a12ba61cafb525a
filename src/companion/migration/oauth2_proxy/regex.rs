//! Path patterns for regular expressions, where there are such that match the same paths.
//!
//! A pattern must never match more than the expression: it opens paths to everybody. So only a small part of the
//! syntax is read, and everything else is refused.

use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

/// The patterns for an expression.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Patterns {
    /// They match nothing that the expression does not match.
    pub(super) patterns: Vec<String>,
    /// What the expression matches besides, as an example; `None` if there is nothing.
    pub(super) missing: Option<String>,
}

/// The most alternatives of an expression.
const MAX_ALTERNATIVES: usize = 64;

/// A part of an expression.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Literal(char),
    /// `.`, any character, of which a pattern can only have the dot.
    Dot,
    /// `[^/]+`
    Segment,
    /// `.*`
    Anything,
    /// `.+`
    Something,
    /// `$`
    End,
}

/// The patterns for an expression. An error says why there are none.
pub(super) fn patterns(expression: &str) -> Result<Patterns, &'static str> {
    let mut found = BTreeSet::new();
    let mut missing = None;
    let mut parser = Parser {
        text: expression.chars().collect(),
        at: 0,
    };
    // `^/a|/b` is `(^/a)|(/b)`: each alternative has to be anchored.
    loop {
        if !parser.take("^") {
            return Err("it also matches in the middle of a path: begin it with `^`");
        }
        for parts in parser.sequence()? {
            let lost = translate(&parts, &mut found)?;
            missing = missing.or(lost);
        }
        if !parser.take("|") {
            break;
        }
    }
    if parser.peek().is_some() {
        return Err(UNSUPPORTED);
    }
    Ok(Patterns {
        patterns: simplified(found),
        missing,
    })
}

const UNSUPPORTED: &str =
    "path patterns have whole segments, `*` and `**`, and no other regular expressions";

/// Adds the patterns of one alternative. Returns an example of what they don't match.
fn translate(parts: &[Part], found: &mut BTreeSet<String>) -> Result<Option<String>, &'static str> {
    let mut path = String::new();
    let mut missing = None;
    let mut parts = parts.iter().peekable();
    while let Some(part) = parts.next() {
        let is_last = matches!(parts.peek(), None | Some(Part::End));
        match part {
            Part::Literal('*') => return Err(UNSUPPORTED),
            Part::Literal(c) => path.push(*c),
            Part::Dot => {
                missing = Some(format!("{path}-"));
                path.push('.');
            }
            Part::Segment => {
                let is_whole = path.ends_with('/')
                    && matches!(parts.peek(), None | Some(Part::End | Part::Literal('/')));
                if !is_whole {
                    return Err(UNSUPPORTED);
                }
                path.push('*');
            }
            // After the end of a path there is nothing.
            Part::End if parts.peek().is_some() => return Err(UNSUPPORTED),
            Part::End => {
                if !path.starts_with('/') {
                    return Err(UNSUPPORTED);
                }
                found.insert(path);
                return Ok(missing);
            }
            Part::Anything if is_last => {
                let lost = open_end(&path, found)?;
                return Ok(missing.or(lost));
            }
            Part::Something if is_last => {
                let Some(start) = path.strip_suffix('/') else {
                    return Err(UNSUPPORTED);
                };
                found.insert(format!("{start}/*/**"));
                return Ok(missing);
            }
            Part::Anything | Part::Something => return Err(UNSUPPORTED),
        }
    }
    let lost = open_end(&path, found)?;
    Ok(missing.or(lost))
}

/// All paths that begin with a text.
fn open_end(path: &str, found: &mut BTreeSet<String>) -> Result<Option<String>, &'static str> {
    if !path.starts_with('/') && !path.is_empty() {
        return Err(UNSUPPORTED);
    }
    match path {
        "" | "/" => {
            found.insert("/**".to_owned());
            Ok(None)
        }
        _ if path.ends_with('/') => {
            found.insert(path.to_owned());
            found.insert(format!("{path}*/**"));
            Ok(None)
        }
        _ if path.ends_with('*') => {
            // `[^/]+` without an end also matches what follows the segment.
            found.insert(format!("{path}/**"));
            Ok(None)
        }
        _ => {
            found.insert(format!("{path}/**"));
            Ok(Some(format!("{path}-x")))
        }
    }
}

/// The patterns without those that another one contains.
fn simplified(mut found: BTreeSet<String>) -> Vec<String> {
    let all: Vec<String> = found.iter().cloned().collect();
    for pattern in &all {
        // `/a`, `/a/` and `/a/*/**` together are `/a/**`.
        if let Some(start) = pattern.strip_suffix("/*/**")
            && found.contains(start)
            && found.contains(&format!("{start}/"))
        {
            found.insert(format!("{start}/**"));
        }
    }
    let wide: Vec<String> = found.iter().cloned().collect();
    for pattern in wide
        .iter()
        .filter_map(|pattern| pattern.strip_suffix("/**"))
    {
        // `/a/**` contains `/a`, and all below it.
        found.retain(|other| {
            let is_itself = other.strip_suffix("/**") == Some(pattern);
            let below = other == pattern || other.starts_with(&format!("{pattern}/"));
            is_itself || !below
        });
    }
    found.into_iter().collect()
}

/// A parser of the accepted syntax.
struct Parser {
    text: Vec<char>,
    at: usize,
}

// === impl Parser ===

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, text: &str) -> bool {
        let next = self.text.iter().skip(self.at).take(text.chars().count());
        let is_next = next.copied().eq(text.chars());
        if is_next {
            self.at += text.chars().count();
        }
        is_next
    }

    /// A sequence of atoms, to the next `|` or `)`: all ways to read it.
    fn sequence(&mut self) -> Result<Vec<Vec<Part>>, &'static str> {
        let mut ways = vec![Vec::new()];
        while !matches!(self.peek(), None | Some('|' | ')')) {
            let mut atom = self.atom()?;
            if self.take("?") {
                atom.push(Vec::new());
            }
            // `+`, `*` and `{n}` of anything else than `.` and `[^/]`, and lazy quantifiers.
            if matches!(self.peek(), Some('+' | '*' | '{' | '?')) {
                return Err(UNSUPPORTED);
            }
            let mut longer = Vec::new();
            for way in &ways {
                longer.extend(atom.iter().map(|atom| [&way[..], &atom[..]].concat()));
            }
            if longer.len() > MAX_ALTERNATIVES {
                return Err("it has too many alternatives");
            }
            ways = longer;
        }
        Ok(ways)
    }

    /// One atom: all ways to read it.
    fn atom(&mut self) -> Result<Vec<Vec<Part>>, &'static str> {
        if self.take("[^/]+") {
            return Ok(self.quantified(Part::Segment));
        }
        if self.take(".*") {
            return Ok(self.quantified(Part::Anything));
        }
        if self.take(".+") {
            return Ok(self.quantified(Part::Something));
        }
        if self.take("(") {
            return self.group();
        }
        let next = self.peek();
        self.at += 1;
        let part = match next {
            Some('$') => Part::End,
            Some('.') => Part::Dot,
            Some('\\') => {
                let escaped = self.peek();
                self.at += 1;
                match escaped {
                    // A letter or a digit would be a class or a reference.
                    Some(c) if c.is_ascii_punctuation() => Part::Literal(c),
                    _ => return Err(UNSUPPORTED),
                }
            }
            Some(c) if c.is_ascii_alphanumeric() || "/-_~%@:=&,;!'<># ".contains(c) => {
                Part::Literal(c)
            }
            _ => return Err(UNSUPPORTED),
        };
        Ok(vec![vec![part]])
    }

    /// A part with a quantifier. A lazy one matches the same paths.
    fn quantified(&mut self, part: Part) -> Vec<Vec<Part>> {
        self.take("?");
        vec![vec![part]]
    }

    /// A group, after its opening parenthesis.
    fn group(&mut self) -> Result<Vec<Vec<Part>>, &'static str> {
        if self.peek() == Some('?') && !self.take("?:") {
            return Err(UNSUPPORTED);
        }
        let mut ways = self.sequence()?;
        while self.take("|") {
            ways.extend(self.sequence()?);
        }
        if self.take(")") {
            Ok(ways)
        } else {
            Err("it has an unclosed parenthesis")
        }
    }
}
