//! HTML pages: their style, layout and content security policy.
//!
//! Pages load nothing. The style sheet, and the script if there is one, are allowed by their hashes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

#[cfg(test)]
mod tests;

/// The style sheet of all pages.
pub const STYLE: &str = include_str!("page/style.css");

/// A complete page. `title` is also the heading, `head` is added to the head, `main` follows the
/// heading, and `end` is the end of the body. All of them are HTML.
pub fn document(title: &str, head: &str, main: &str, end: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n{head}</head>\n<body>\n<main>\n<h1>{title}</h1>\n{main}</main>\n\
         {end}</body>\n</html>\n"
    )
}

/// A text as HTML: characters with a meaning in markup or attributes are escaped.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in text.chars() {
        let entity = match one {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&#39;",
            _ => {
                escaped.push(one);
                continue;
            }
        };
        escaped.push_str(entity);
    }
    escaped
}

/// The content security policy of a page with the style sheet, an optional script, and `forms` as the
/// targets of forms.
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

/// The source expression for an inline style or script (CSP Level 3, section 2.3.1).
fn hash(text: &str) -> String {
    ["'sha256-", &STANDARD.encode(Sha256::digest(text)), "'"].concat()
}
