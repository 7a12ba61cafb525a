//! Pages for people: how all of them look, and what they may do.
//!
//! They load nothing. Their one style, and a script where there is one, are allowed by their hashes
//! alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

#[cfg(test)]
mod tests;

/// How all pages look.
pub const STYLE: &str = include_str!("style.css");

/// A whole page: its title, which is its heading too, and what else is in its head, below the heading
/// and after all that is shown. All of it is HTML.
pub fn document(title: &str, head: &str, main: &str, behind: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n{head}</head>\n<body>\n<main>\n<h1>{title}</h1>\n{main}</main>\n\
         {behind}</body>\n</html>\n"
    )
}

/// A text as HTML: what has a meaning in markup or in an attribute is escaped.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(one),
        }
    }
    escaped
}

/// The content security policy of a page with the one style, perhaps a script, and forms that go to
/// `forms`.
pub fn policy(script: Option<&str>, forms: &str) -> String {
    let style = hash(STYLE);
    let script = script.map_or_else(String::new, |script| {
        [" script-src ", &hash(script), ";"].concat()
    });
    format!(
        "default-src 'none'; style-src {style};{script} form-action {forms}; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// How a content security policy names an inline style or script (CSP level 3, section 2.3.1).
fn hash(text: &str) -> String {
    ["'sha256-", &STANDARD.encode(Sha256::digest(text)), "'"].concat()
}
