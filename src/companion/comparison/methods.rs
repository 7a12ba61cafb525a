//! The methods that rules tell apart.

use std::collections::BTreeSet;

use portcullis_core::policy::{App, Rule};

/// The methods that the rules of some apps name, and one that stands for all others.
#[derive(Debug)]
pub(super) struct Methods {
    named: BTreeSet<String>,
    other: String,
}

impl Methods {
    /// Those of these apps.
    pub(super) fn of(apps: [Option<&App>; 2]) -> Self {
        let rules = apps.into_iter().flatten().flat_map(App::rules);
        let named: BTreeSet<String> = rules.flat_map(Rule::methods).cloned().collect();
        let mut other = "OTHER".to_owned();
        while named.contains(&other) {
            other.push('S');
        }
        Self { named, other }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.named.iter().chain([&self.other]).map(String::as_str)
    }

    /// The one that no rule names.
    pub(super) fn other(&self) -> &str {
        &self.other
    }

    /// A text for some of them.
    pub(super) fn describe(&self, some: &[&str]) -> String {
        if !some.contains(&&*self.other) {
            return some.join(", ");
        }
        let without = self
            .named
            .iter()
            .filter(|named| !some.contains(&named.as_str()));
        let without: Vec<&str> = without.map(String::as_str).collect();
        match without.as_slice() {
            [] => "all methods".to_owned(),
            without => format!("all methods but {}", without.join(", ")),
        }
    }
}
