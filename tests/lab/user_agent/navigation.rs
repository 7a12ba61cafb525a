//! A request that loads a page.

use url::Url;

use super::html::Form;
use super::page::Page;
use super::site::Site;

/// Initiated by typing, a link, or a form.
#[derive(Clone, Debug)]
pub(super) struct Navigation {
    pub(super) method: String,
    pub(super) url: Url,
    pub(super) body: Option<String>,
    /// The page that initiated it.
    pub(super) from: Option<Url>,
    /// Whether that page's policy is `no-referrer`.
    pub(super) hides_referrer: bool,
    /// The most distant relation among the redirects so far.
    pub(super) site: Site,
}

impl Navigation {
    pub(super) fn get(url: Url, from: Option<Url>) -> Self {
        Self {
            method: "GET".to_owned(),
            site: Site::between(from.as_ref(), &url),
            url,
            body: None,
            from,
            hides_referrer: false,
        }
    }

    /// By a link on this page.
    pub(super) fn link(url: Url, page: &Page) -> Self {
        Self {
            hides_referrer: page.hides_referrer(),
            ..Self::get(url, Some(page.url.clone()))
        }
    }

    pub(super) fn form(form: Form, page: &Page) -> Self {
        let mut visit = Self::link(form.action, page);
        if form.method == "POST" {
            let mut body = url::form_urlencoded::Serializer::new(String::new());
            visit.body = Some(body.extend_pairs(&form.fields).finish());
            visit.method = form.method;
        } else {
            visit
                .url
                .query_pairs_mut()
                .clear()
                .extend_pairs(&form.fields);
        }
        visit
    }

    /// The redirect or refresh that follows from the response to this navigation.
    pub(super) fn after(&self, page: &Page) -> Option<Self> {
        if let Some(url) = page.redirect() {
            let mut next = Self::get(url, self.from.clone());
            next.hides_referrer = self.hides_referrer;
            if matches!(page.response.status, 307 | 308) {
                next.method.clone_from(&self.method);
                next.body.clone_from(&self.body);
            }
            next.site = next.site.max(self.site);
            return Some(next);
        }
        Some(Self::link(page.refresh()?, page))
    }
}
