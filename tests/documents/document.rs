//! The subset of Markdown that the project's documents use.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_tests::lab::folder::workspace;

/// The introduction and the list of documents.
pub(crate) const README: &str = "README.md";
/// The reference of the policy.
pub(crate) const POLICY: &str = "src/core/policy/README.md";
/// The reference of the companion.
pub(crate) const COMPANION: &str = "src/companion/README.md";

pub(crate) const AUDIT: &str = "src/companion/AUDIT.md";
/// The reference for Envoy.
pub(crate) const ENVOY: &str = "envoy/README.md";

/// Folders without documents of the project.
const SKIPPED: [&str; 4] = [".git", ".tools", "node_modules", "target"];

/// A document.
pub(crate) struct Document {
    /// Its path below the workspace.
    pub(crate) name: String,
    text: String,
}

impl Document {
    /// The document at this path below the workspace.
    pub(crate) fn read(name: &str) -> Self {
        let path = workspace().join(name);
        let text = fs::read_to_string(&path);
        Self {
            name: name.to_owned(),
            text: text.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        }
    }

    /// Every document of the project, in the order of their paths.
    pub(crate) fn all() -> Vec<Self> {
        let mut paths = Vec::new();
        find(&workspace(), &mut paths);
        let names = paths.iter().map(|path| {
            let name = path.strip_prefix(workspace()).expect("a path below it");
            name.to_str().expect("a name of text").to_owned()
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.iter().map(|name| Self::read(name)).collect()
    }

    /// All of it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The folder that relative links start from.
    pub(crate) fn folder(&self) -> PathBuf {
        let path = workspace().join(&self.name);
        path.parent().map(Path::to_path_buf).expect("a folder")
    }

    /// The text below a heading, up to the next heading of any level.
    pub(crate) fn section(&self, heading: &str) -> &str {
        let found = self
            .sections()
            .into_iter()
            .find(|(name, _)| *name == heading);
        let found = found.unwrap_or_else(|| panic!("{}: no section {heading}", self.name));
        found.1
    }

    /// All sections: the heading without its marks, and the text below it.
    pub(crate) fn sections(&self) -> Vec<(&str, &str)> {
        let mut starts = Vec::new();
        let mut at = 0;
        let mut is_fenced = false;
        for line in self.text.split_inclusive('\n') {
            is_fenced ^= line.starts_with("```");
            if !is_fenced && line.starts_with('#') {
                starts.push(at);
            }
            at += line.len();
        }
        let ends = starts.iter().skip(1).copied().chain([self.text.len()]);
        let sections = starts.iter().zip(ends).map(|(&start, end)| {
            let section = &self.text[start..end];
            let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
            (heading.trim_matches(['#', ' ', '`']), body)
        });
        sections.collect()
    }

    /// The fenced blocks of this language.
    pub(crate) fn blocks(&self, language: &str) -> Vec<&str> {
        let fence = format!("```{language}\n");
        let blocks = self.text.split(&fence).skip(1);
        blocks
            .map(|rest| rest.split("```").next().unwrap_or(rest))
            .collect()
    }

    /// Every text in single backticks outside fenced blocks.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.prose()
            .flat_map(|prose| prose.split('`').skip(1).step_by(2))
            .collect()
    }

    /// The target of every link outside fenced blocks, and of every definition of a link.
    pub(crate) fn links(&self) -> Vec<&str> {
        let inline = self
            .prose()
            .flat_map(|prose| prose.split("](").skip(1))
            .filter_map(|rest| rest.split(')').next());
        let defined = self.definitions().map(|(_, target)| target);
        inline.chain(defined).collect()
    }

    /// The definitions of links, [`name`]: their names, and their targets.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.prose().flat_map(str::lines);
        lines.filter_map(|line| line.strip_prefix("[`")?.split_once("`]: "))
    }

    /// Whether its text has this in backticks, outside fenced blocks and the first columns of tables.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        let quoted = format!("`{name}`");
        let mut lines = self.prose().flat_map(str::lines);
        lines.any(|line| {
            let text = line.strip_prefix('|').and_then(|row| row.split_once('|'));
            text.map_or(line, |(_, text)| text).contains(&quoted)
        })
    }

    /// The anchors that it defines in HTML.
    pub(crate) fn anchors(&self) -> impl Iterator<Item = &str> {
        let anchors = self.text.split("<a id=\"").skip(1);
        anchors.filter_map(|rest| rest.split('"').next())
    }

    /// The text between fenced blocks.
    fn prose(&self) -> impl Iterator<Item = &str> {
        self.text.split("```").step_by(2)
    }
}

fn find(folder: &Path, documents: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file in it").path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            if !SKIPPED.iter().any(|skipped| name == *skipped) {
                find(&path, documents);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            documents.push(path);
        }
    }
}

/// The rows of the table in a section whose first title is this: their cells.
pub(crate) fn table<'a>(section: &'a str, title: &str) -> Vec<Vec<&'a str>> {
    let head = format!("| {title} |");
    let lines = section.lines().skip_while(|line| !line.starts_with(&head));
    let rows: Vec<Vec<&str>> = lines
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells = line
                .strip_prefix('|')
                .and_then(|line| line.strip_suffix('|'));
            let cells = cells.unwrap_or_else(|| panic!("the row is not closed: {line}"));
            cells.split('|').map(str::trim).collect()
        })
        .collect();
    assert!(!rows.is_empty(), "no table {title} in:\n{section}");
    rows
}

/// The names in the first column of a table, without their backticks.
pub(crate) fn first_column(section: &str, title: &str) -> Vec<String> {
    let rows = table(section, title);
    let name = |cell: &str| cell.split('`').nth(1).unwrap_or(cell).to_owned();
    rows.iter().map(|row| name(row[0])).collect()
}
