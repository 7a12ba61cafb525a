//! A request that shows a page.

use url::Url;

use super::html::Form;
use super::page::Page;
use super::site::Site;

/// Made by typing, by a link, or by a form.
#[derive(Clone, Debug)]
pub(super) struct Navigation {
    pub(super) method: String,
    pub(super) url: Url,
    pub(super) body: Option<String>,
    /// The page that asked for it.
    pub(super) from: Option<Url>,
    /// Whether that page wants nobody to know of it.
    pub(super) hides_referrer: bool,
    /// The furthest that the way here has led from that page.
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

    /// By a link of this page.
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

    /// Where a page that answers this visit leads without being asked.
    pub(super) fn after(&self, page: &Page) -> Option<Self> {
        if let Some(url) = page.redirect() {
            let mut next = Self::get(url, self.from.clone());
            next.hides_referrer = self.hides_referrer;
            if matches!(page.reply.status, 307 | 308) {
                next.method.clone_from(&self.method);
                next.body.clone_from(&self.body);
            }
            next.site = next.site.max(self.site);
            return Some(next);
        }
        Some(Self::link(page.refresh()?, page))
    }
}
