//! Writes JSON. Derived code for the same objects takes several kilobytes of the filter's module.

/// A text as JSON, in quotes.
pub(crate) fn quoted(text: &str) -> String {
    // Serializing a string can't fail.
    serde_json::to_string(text).unwrap_or_default()
}

/// An object, as it is written member by member. Names need no escaping.
#[derive(Debug, Default)]
pub(crate) struct ObjectWriter(String);

impl ObjectWriter {
    /// Adds a member with a text; none without one.
    pub(crate) fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.json(name, &quoted(text));
        }
    }

    /// Adds a member with a value that is JSON.
    pub(crate) fn json(&mut self, name: &str, value: &str) {
        let before = if self.0.is_empty() { "{\"" } else { ",\"" };
        self.0.extend([before, name, "\":", value]);
    }

    /// The object.
    pub(crate) fn finish(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}
