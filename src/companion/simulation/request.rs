//! A request as a proxy would pass it to the gate.

use portcullis_core::request::Headers;

/// A request as a proxy would pass it to the gate: its header fields, pseudo-header fields among them.
#[derive(Clone)]
pub(crate) struct SimulatedRequest {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl SimulatedRequest {
    /// A request for a host and a path with its query, byte for byte.
    pub(crate) fn new(method: &str, authority: &[u8], path: &[u8]) -> Self {
        let fields = [
            (":method", method.as_bytes()),
            (":scheme", b"https"),
            (":authority", authority),
            (":path", path),
        ];
        let fields = fields.map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
        Self {
            fields: fields.to_vec(),
        }
    }

    /// A request for an absolute URL, which is split and otherwise taken byte for byte: nothing is decoded,
    /// normalized or removed. Without a path, the path is `/`, which is what clients send.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub(crate) fn for_url(method: &str, url: &[u8]) -> Result<Self, &'static str> {
        let scheme = [&b"https://"[..], b"http://"];
        let rest = scheme.iter().find_map(|scheme| url.strip_prefix(*scheme));
        let rest = rest.ok_or("is not a URL with `https://` or `http://`")?;
        let ends = |byte: &u8| matches!(byte, b'/' | b'?' | b'#');
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() {
            return Err("has no host");
        }
        Ok(if path.starts_with(b"/") {
            Self::new(method, authority, path)
        } else {
            Self::new(method, authority, &[b"/", path].concat())
        })
    }

    /// The same with another header field. Its name is in lower case, as Envoy has it.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &[u8]) -> Self {
        let name = name.to_ascii_lowercase();
        self.fields.push((name.into_bytes(), value.to_vec()));
        self
    }

    /// Its header fields.
    pub(crate) fn headers(&self) -> Headers<'_> {
        let fields = self.fields.iter();
        Headers::new(fields.map(|(name, value)| (&**name, &**value)).collect())
    }
}
