//! The cookies of one user agent.

use url::Url;

use super::cookie::{Cookie, SameSite};
use super::site::Site;
use crate::lab::token::now;

/// A cookie jar.
#[derive(Clone, Debug, Default)]
pub struct CookieJar {
    /// Oldest first.
    cookies: Vec<Cookie>,
    dropped: Vec<String>,
}

/// What decides which cookies a request carries, besides its URL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) site: Site,
    /// It loads a page, unlike requests of scripts and subresources.
    pub(super) navigation: bool,
    /// A safe method, such as GET or HEAD.
    pub(super) safe: bool,
}

impl CookieJar {
    /// All cookies that have not expired, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Cookie> {
        let now = now();
        self.cookies.iter().filter(move |c| !c.is_expired(now))
    }

    /// The first cookie with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Cookie> {
        self.iter().find(|cookie| cookie.name == name)
    }

    /// The names, oldest first.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.iter().map(|cookie| cookie.name.as_str()).collect()
    }

    /// The cookies that a browser would have dropped so far: the reason, and the line without its
    /// value.
    #[must_use]
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }

    /// Stores a cookie, replacing one with the same name, domain and path.
    pub fn put(&mut self, cookie: Cookie) {
        let now = now();
        let position = self.cookies.iter().position(|old| cookie.replaces(old));
        match position {
            _ if cookie.is_expired(now) => self.cookies.retain(|old| !cookie.replaces(old)),
            // It keeps its creation time, which determines its position.
            Some(position) => self.cookies[position] = cookie,
            None => self.cookies.push(cookie),
        }
    }

    /// Removes all cookies with this name.
    pub fn remove(&mut self, name: &str) {
        self.cookies.retain(|cookie| cookie.name != name);
    }

    /// Removes session cookies, as if the browser was closed.
    pub fn close(&mut self) {
        self.cookies.retain(|cookie| cookie.expires.is_some());
    }

    /// Stores the `Set-Cookie` lines of a response that another client received, like those of a
    /// subresource of the same site.
    ///
    /// # Panics
    /// If `url` is not a URL.
    pub fn receive(&mut self, lines: &[String], url: &str) {
        let url = Url::parse(url).expect("a URL");
        let context = Context {
            site: Site::Same,
            navigation: false,
            safe: false,
        };
        self.store(lines, &url, context);
    }

    /// Stores the `Set-Cookie` lines of a response.
    pub(super) fn store(&mut self, lines: &[String], url: &Url, context: Context) {
        for line in lines {
            match Cookie::read(line, url, now()) {
                // A cross-site subresource sets only cookies that would be sent back with it.
                Ok(cookie)
                    if context.site == Site::Cross
                        && !context.navigation
                        && cookie.same_site != SameSite::None =>
                {
                    self.drop_line("SameSite in a cross-site response", line);
                }
                Ok(cookie) => self.put(cookie),
                Err(why) => self.drop_line(why, line),
            }
        }
    }

    /// The `Cookie` header of a request.
    pub(super) fn header(&self, url: &Url, context: Context) -> Option<String> {
        let now = now();
        let mut matching: Vec<&Cookie> = self
            .cookies
            .iter()
            .filter(|cookie| cookie.matches(url, now) && context.allows(cookie.same_site))
            .collect();
        // Longest path first, then oldest.
        matching.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> = matching
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn drop_line(&mut self, why: &str, line: &str) {
        let (name, rest) = line.split_once('=').unwrap_or((line, ""));
        let attributes = rest
            .split_once(';')
            .map_or("", |(_, attributes)| attributes);
        self.dropped.push(format!("{why}: {name}=…;{attributes}"));
    }
}

impl Context {
    fn allows(self, same_site: SameSite) -> bool {
        let is_cross_site = self.site == Site::Cross;
        match same_site {
            SameSite::None => true,
            SameSite::Lax => !is_cross_site || self.navigation && self.safe,
            SameSite::Strict => !is_cross_site,
        }
    }
}
