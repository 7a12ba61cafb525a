//! The current page of a user agent.

use url::Url;

use super::html::{self, Form};
use crate::lab::client::Response;

/// A response to a navigation, and its URL.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its URL, with the fragment.
    pub url: Url,
    /// The response.
    pub response: Response,
}

impl Page {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.response.text()
    }

    /// Its forms.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.text(), &self.url)
    }

    /// The targets of its links.
    #[must_use]
    pub fn links(&self) -> Vec<Url> {
        html::links(&self.text(), &self.url)
    }

    /// The form with this field.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn form_with(&self, name: &str, value: &str) -> Form {
        let mut forms = self.forms().into_iter();
        let form = forms.find(|form| form.has(name, value));
        form.unwrap_or_else(|| self.fail(&format!("a form with {name}={value}")))
    }

    /// A parameter of its URL's query.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let mut pairs = self.url.query_pairs();
        let found = pairs.find(|(n, _)| n == name);
        found.map(|(_, value)| value.into_owned())
    }

    /// The target of a redirect. It keeps the fragment unless the target has one.
    ///
    /// # Panics
    /// If `Location` is not a URL.
    #[must_use]
    pub fn redirect(&self) -> Option<Url> {
        if !matches!(self.response.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let location = self.response.header("location")?;
        let mut url = self
            .url
            .join(&location)
            .unwrap_or_else(|error| panic!("Location: {location}: {error}"));
        if url.fragment().is_none() {
            url.set_fragment(self.url.fragment());
        }
        Some(url)
    }

    /// Whether its policy is `no-referrer`. Its forms are then sent with `Origin: null`, even to
    /// the same origin (Fetch standard, section 3.2, "append a request `Origin` header").
    pub(super) fn hides_referrer(&self) -> bool {
        self.response.header("referrer-policy").as_deref() == Some("no-referrer")
    }

    /// The target of its refresh.
    pub(super) fn refresh(&self) -> Option<Url> {
        let kind = self.response.header("content-type").unwrap_or_default();
        let is_html = kind.starts_with("text/html");
        is_html
            .then(|| html::refresh(&self.text(), &self.url))
            .flatten()
    }

    /// Fails the test because the page is not the expected one.
    pub(super) fn fail(&self, what: &str) -> ! {
        let (url, status) = (&self.url, self.response.status);
        panic!("{url} ({status}): expected {what}:\n{}", self.text());
    }
}
