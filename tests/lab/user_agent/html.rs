//! The parts of HTML that a user agent without scripts needs: forms, links and refreshes.

use url::Url;

/// A form on a page, with its initial values.
#[derive(Clone, Debug)]
pub struct Form {
    /// Its `id`.
    pub id: String,
    /// `GET` or `POST`.
    pub method: String,
    /// The URL it is submitted to.
    pub action: Url,
    /// Its fields, including those without a value. Buttons are not included.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// Whether it has this field with this value.
    #[must_use]
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.fields.iter().any(|(n, v)| n == name && v == value)
    }

    /// Sets a field, or presses a button with this name and value.
    #[must_use]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(n, _)| n != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The forms of a page at `base`.
pub(super) fn forms(html: &str, base: &Url) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    for tag in tags(html) {
        match tag.name.as_str() {
            "form" => {
                open = true;
                let action = tag.get("action").unwrap_or_default();
                forms.push(Form {
                    id: tag.get("id").unwrap_or_default().to_owned(),
                    method: tag.get("method").unwrap_or("GET").to_ascii_uppercase(),
                    action: base.join(action).unwrap_or_else(|_| base.clone()),
                    fields: Vec::new(),
                });
            }
            "/form" => open = false,
            "input" | "select" | "textarea" if open => {
                if let (Some(form), Some(name)) = (forms.last_mut(), tag.get("name")) {
                    let value = tag.get("value").unwrap_or_default();
                    form.fields.push((name.to_owned(), value.to_owned()));
                }
            }
            _ => {}
        }
    }
    forms
}

/// The target of `<meta http-equiv="refresh" content="0; url=…">`.
pub(super) fn refresh(html: &str, base: &Url) -> Option<Url> {
    let is_refresh = |tag: &Tag| {
        tag.name == "meta"
            && tag
                .get("http-equiv")
                .is_some_and(|kind| kind.eq_ignore_ascii_case("refresh"))
    };
    let tag = tags(html).into_iter().find(is_refresh)?;
    let (_, target) = tag.get("content")?.split_once([';', ','])?;
    let (name, target) = target.split_once('=')?;
    let target = target.trim().trim_matches(['"', '\'']);
    let is_url = name.trim().eq_ignore_ascii_case("url");
    is_url.then(|| base.join(target).ok()).flatten()
}

/// The targets of the links of a page.
pub(super) fn links(html: &str, base: &Url) -> Vec<Url> {
    let mut links = tags(html);
    links.retain(|tag| tag.name == "a");
    let links = links.iter().filter_map(|tag| tag.get("href"));
    links.filter_map(|href| base.join(href).ok()).collect()
}

#[derive(Debug)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let (tag, after) = tag(rest);
        rest = after;
        // The content of these elements is not HTML.
        if matches!(tag.name.as_str(), "script" | "style") {
            let end = format!("</{}", tag.name);
            rest = rest.find(&end).map_or("", |position| &rest[position..]);
        }
        tags.push(tag);
    }
    tags
}

/// Parses the tag whose name begins here; also returns the rest.
fn tag(text: &str) -> (Tag, &str) {
    let end = text
        .find(|c: char| c.is_whitespace() || c == '>')
        .unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            break;
        }
        if let Some(after) = rest.strip_prefix('>') {
            rest = after;
            break;
        }
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'))
            .unwrap_or(rest.len());
        // A stray character is taken as a name, so that the loop ends.
        let (name, after) = rest.split_at(end.max(1).min(rest.len()));
        let (value, after) = match after.trim_start().strip_prefix('=') {
            Some(after) => value(after.trim_start()),
            None => ("", after),
        };
        attributes.push((name.to_ascii_lowercase(), unescape(value)));
        rest = after;
    }
    let name = name.trim_end_matches('/').to_ascii_lowercase();
    (Tag { name, attributes }, rest)
}

fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(text) = text.strip_prefix(quote) {
            return text.split_once(quote).unwrap_or((text, ""));
        }
    }
    let end = text
        .find(|c: char| c.is_whitespace() || c == '>')
        .unwrap_or(text.len());
    text.split_at(end)
}

fn unescape(text: &str) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        whole.push_str(before);
        let known = after
            .split_once(';')
            .and_then(|(name, after)| Some((entity(name)?, after)));
        match known {
            Some((character, after)) => {
                whole.push(character);
                rest = after;
            }
            None => {
                whole.push('&');
                rest = after;
            }
        }
    }
    whole + rest
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "apos" => Some('\''),
        "gt" => Some('>'),
        "lt" => Some('<'),
        "quot" => Some('"'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
