//! Markdown, as far as the project's documents use it.

use std::fs;

use portcullis_tests::lab::folder::workspace;

/// A document.
pub(crate) struct Document(String);

impl Document {
    /// The document of this name at the top of the project.
    pub(crate) fn read(name: &str) -> Self {
        let path = workspace().join(name);
        Self(fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    /// What stands below a heading, up to the next one of any level.
    pub(crate) fn section(&self, heading: &str) -> &str {
        let found = self
            .sections()
            .into_iter()
            .find(|(name, _)| *name == heading);
        found.unwrap_or_else(|| panic!("no section {heading}")).1
    }

    /// All sections: the heading without its marks, and what stands below.
    pub(crate) fn sections(&self) -> Vec<(&str, &str)> {
        let starts: Vec<usize> = self.0.match_indices("\n#").map(|(at, _)| at + 1).collect();
        let ends = starts.iter().skip(1).copied().chain([self.0.len()]);
        let sections = starts.iter().zip(ends).map(|(&start, end)| {
            let (heading, body) = self.0[start..end].split_once('\n').unwrap_or_default();
            (heading.trim_matches(['#', ' ', '`']), body)
        });
        sections.collect()
    }

    /// The fenced blocks of this language.
    pub(crate) fn blocks(&self, language: &str) -> Vec<&str> {
        let fence = format!("```{language}\n");
        let blocks = self.0.split(&fence).skip(1);
        blocks
            .map(|rest| rest.split("```").next().unwrap_or(rest))
            .collect()
    }

    /// Every text in single backticks, and every target of a link.
    pub(crate) fn names(&self) -> Vec<&str> {
        // Fences are three backticks, so what stands in them has even places too.
        let quoted = self.0.split('`').skip(1).step_by(2);
        let linked = self
            .0
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        quoted.chain(linked).collect()
    }
}

/// The rows of the table in a section whose first title is this: their cells.
pub(crate) fn table<'a>(section: &'a str, title: &str) -> Vec<Vec<&'a str>> {
    let head = format!("| {title} |");
    let lines = section.lines().skip_while(|line| !line.starts_with(&head));
    let rows: Vec<Vec<&str>> = lines
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "no table {title} in:\n{section}");
    rows
}

/// The names in the first column of a table, without their backticks.
pub(crate) fn first_column(section: &str, title: &str) -> Vec<String> {
    let rows = table(section, title);
    rows.iter()
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect()
}
