//! Requests as text: a line `METHOD AUTHORITY PATH`, then a line `name: value` for each header field.

use portcullis_core::request::Headers;

use crate::lines;

/// The header fields of a request, pseudo-header fields first.
#[derive(Clone, Debug, Default)]
pub struct Request {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Request {
    /// Parses a request. Every input is one. `replace` is applied to each value, to put valid tokens
    /// in place of their names.
    pub fn parse(input: &[u8], replace: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let mut lines = lines(input);
        let mut parts = lines
            .next()
            .unwrap_or_default()
            .splitn(3, |byte| *byte == b' ');
        let mut fields = Vec::new();
        for name in [":method", ":authority", ":path"] {
            if let Some(value) = parts.next() {
                fields.push((name.as_bytes().to_vec(), value.to_vec()));
            }
        }
        for line in lines {
            let colon = line.iter().skip(1).position(|byte| *byte == b':');
            let Some(colon) = colon.map(|at| at + 1) else {
                continue;
            };
            let value = line[colon + 1..]
                .strip_prefix(b" ")
                .unwrap_or(&line[colon + 1..]);
            fields.push((line[..colon].to_vec(), replace(value)));
        }
        Self { fields }
    }

    /// The header fields as core's type.
    #[must_use]
    pub fn headers(&self) -> Headers<'_> {
        Headers::new(self.fields().collect())
    }

    /// Each name and value.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let fields = self.fields.iter();
        fields.map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
}
