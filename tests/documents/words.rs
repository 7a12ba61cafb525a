//! No file of the project uses a term that was replaced. `words.txt` lists the terms.

use std::fs;
use std::path::Path;

use aho_corasick::AhoCorasick;
use portcullis_tests::lab::folder::workspace;

const LIST: &str = "tests/documents/words.txt";

/// Files and folders that are not searched, by name: other projects' text, build output, tools, and
/// the list itself.
const SKIPPED: &[&str] = &[
    ".git",
    ".tools",
    "Cargo.lock",
    "LICENSE",
    "node_modules",
    "package-lock.json",
    "target",
    "words.txt",
];

/// Keywords before the name of a Rust item.
const ITEMS: &[&str] = &[
    "const", "enum", "fn", "mod", "static", "struct", "trait", "type",
];

/// What starts a comment, in the languages of the project.
const COMMENTS: &[&str] = &["///", "//!", "//", "#", "*", ">"];

/// A term that was replaced.
#[derive(Debug)]
struct Term {
    text: String,
    replacement: String,
    reason: String,
}

/// A legitimate use of a term.
#[derive(Debug)]
struct Allowed {
    path: String,
    line: String,
}

impl Allowed {
    fn covers(&self, path: &str) -> bool {
        self.path == "*" || path.starts_with(&self.path)
    }
}

#[derive(Debug, Default)]
struct List {
    /// Found in any text, in any case, also across line breaks and in names: `_` is a space.
    words: Vec<Term>,
    /// Found as the name of a Rust item only, because they are also English words.
    items: Vec<Term>,
    allowed: Vec<Allowed>,
}

impl List {
    fn read() -> Self {
        let text = fs::read_to_string(workspace().join(LIST)).expect(LIST);
        Self::parse(&text)
    }

    fn parse(text: &str) -> Self {
        let mut list = Self::default();
        let lines = (1..).zip(text.lines());
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let fields: Vec<&str> = line.split(" | ").map(str::trim).collect();
            let term = |text: &str, replacement: &str, reason: &str| Term {
                text: text.to_owned(),
                replacement: replacement.to_owned(),
                reason: reason.to_owned(),
            };
            match fields[..] {
                ["word", text, replacement, reason] => {
                    list.words
                        .push(term(&text.replace('_', " "), replacement, reason));
                }
                ["item", text, replacement, reason] => {
                    list.items.push(term(text, replacement, reason));
                }
                ["allow", path, line, _reason] => list.allowed.push(Allowed {
                    path: path.to_owned(),
                    line: line.to_owned(),
                }),
                _ => panic!("{LIST}:{number}: expected 4 fields after a known kind: {line}"),
            }
        }
        list
    }

    fn allows(&self, path: &str, line: &str) -> bool {
        let mut allowed = self.allowed.iter();
        allowed.any(|allowed| allowed.covers(path) && line.contains(&allowed.line))
    }

    /// The uses of replaced terms in a file, as `path:line: message`.
    fn find(&self, words: &AhoCorasick, path: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        let mut report = |number: usize, term: &Term| {
            let line = lines.get(number.saturating_sub(1)).copied();
            if !self.allows(path, line.unwrap_or(path)) {
                let Term {
                    text,
                    replacement,
                    reason,
                } = term;
                found.push(format!(
                    "{path}:{number}: `{text}`: use {replacement} ({reason})"
                ));
            }
        };
        let searched = Searched::new(path, &lines);
        for found in words.find_overlapping_iter(&searched.text) {
            if is_whole_word(&searched.text, found.start(), found.end()) {
                report(
                    searched.line_of(found.start()),
                    &self.words[found.pattern()],
                );
            }
        }
        for (number, line) in (1..).zip(&lines).filter(|_| path.ends_with(".rs")) {
            let term = item(line).and_then(|name| self.items.iter().find(|term| term.text == name));
            if let Some(term) = term {
                report(number, term);
            }
        }
        found
    }
}

/// A file as one line: without line breaks, indentation and comment signs, so that a term is found
/// where it is wrapped. The path is in front of it.
struct Searched {
    text: String,
    /// Where each line begins. The first one is the path.
    starts: Vec<usize>,
}

impl Searched {
    fn new(path: &str, lines: &[&str]) -> Self {
        let mut text = path.replace('_', " ");
        let mut starts = vec![0];
        for line in lines {
            text.push(' ');
            starts.push(text.len());
            let line = line.trim().trim_end_matches('\\').trim_end();
            let sign = COMMENTS.iter().find_map(|sign| line.strip_prefix(sign));
            text.push_str(&sign.unwrap_or(line).trim_start().replace('_', " "));
        }
        Self { text, starts }
    }

    /// The number of the line at this position; 0 for the path.
    fn line_of(&self, position: usize) -> usize {
        self.starts.partition_point(|start| *start <= position) - 1
    }
}

fn is_whole_word(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    let edge = |own: Option<char>, neighbor: Option<char>| {
        !own.is_some_and(char::is_alphanumeric) || !neighbor.is_some_and(char::is_alphanumeric)
    };
    edge(text[start..end].chars().next(), before)
        && edge(text[start..end].chars().next_back(), after)
}

/// The name of the Rust item that a line defines.
fn item(line: &str) -> Option<&str> {
    let mut words = line
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .skip_while(|word| matches!(*word, "pub" | "crate" | "super" | "in" | "async" | "unsafe"));
    let keyword = words.next()?;
    words.next().filter(|_| ITEMS.contains(&keyword))
}

/// Every text file of the workspace, with its path.
fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    read(&workspace(), &workspace(), &mut files);
    files.sort();
    files
}

fn read(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let entry = entry.expect("an entry of a folder");
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().expect("the type of a file");
        if SKIPPED.contains(&&*name) || kind.is_symlink() {
            continue;
        }
        let path = entry.path();
        if kind.is_dir() {
            read(root, &path, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root).expect("a file of the workspace");
            files.push((path.display().to_string(), text));
        }
    }
}

fn searcher(list: &List) -> AhoCorasick {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(list.words.iter().map(|term| &term.text))
        .expect("a short list of terms")
}

#[test]
fn no_file_uses_a_replaced_term() {
    let list = List::read();
    let words = searcher(&list);
    let files = files();
    assert!(files.len() > 100, "only {} files found", files.len());
    let found: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| list.find(&words, path, text))
        .collect();
    assert!(
        found.is_empty(),
        "{} replaced terms ({LIST} has the list):\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn every_allowed_use_exists() {
    let files = files();
    for allowed in List::read().allowed {
        let mut matching = files.iter().filter(|(own, _)| allowed.covers(own));
        assert!(
            matching.any(|(own, text)| own.contains(&allowed.line) || text.contains(&allowed.line)),
            "{LIST}: no file has {allowed:?}"
        );
    }
}

#[test]
fn replaced_terms_are_found_in_text_and_names() {
    let list = List::parse(
        "# A comment.\n\n\
         word | olde term | new term | it is clearer\n\
         word | hint: | help: | rustc's word\n\
         item | Memory | `TokenCache` | it says what it holds\n\
         allow | quoted.md | \"olde term\" | a quote\n",
    );
    let words = searcher(&list);
    let find = |path: &str, text: &str| {
        let found = list.find(&words, path, text).into_iter();
        let lines = found.map(|line| line.split(": ").next().unwrap_or_default().to_owned());
        lines.collect::<Vec<String>>()
    };
    assert_eq!(
        list.find(&words, "a.md", "x\nan Olde term\n"),
        ["a.md:2: `olde term`: use new term (it is clearer)"]
    );
    assert_eq!(find("a.rs", "/// an olde\n/// term\n"), ["a.rs:1"]);
    assert_eq!(find("a.rs", "fn the_olde_term_is_gone() {\n"), ["a.rs:1"]);
    assert_eq!(
        find("olde_term/a.rs", "fn new() {}\n"),
        ["olde_term/a.rs:0"]
    );
    assert_eq!(find("a.md", "no folde terms, olde terms\n"), [""; 0]);
    assert_eq!(find("a.md", "hint: x\nthe hint\n"), ["a.md:1"]);
    assert_eq!(find("a.rs", "pub(crate) struct Memory {\n"), ["a.rs:1"]);
    assert_eq!(
        find("a.rs", "// Memory is short.\nlet x = Memory;\n"),
        [""; 0]
    );
    assert_eq!(find("quoted.md", "\"olde term\"\n"), [""; 0]);
    assert_eq!(find("other.md", "\"olde term\"\n"), ["other.md:1"]);
}
