//! A user agent without scripts: cookies (RFC 6265bis), redirects and forms.

mod cookie;
mod cookie_jar;
mod html;
mod navigation;
mod page;
mod site;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Result;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use url::Url;

pub use cookie::{Cookie, SameSite};
pub use cookie_jar::CookieJar;
pub use html::Form;
pub use page::Page;

use super::authority::Authority;
use super::client::{Call, Response};
use cookie_jar::Context;
use navigation::Navigation;
use site::Site;

/// The most redirects that a browser follows.
const MAX_REDIRECTS: usize = 20;

/// A user agent without scripts.
///
/// Every host resolves to 127.0.0.1, with the port of the URL, unless [`UserAgent::at`] sets
/// another address.
#[derive(Debug)]
pub struct UserAgent {
    trust: Arc<ClientConfig>,
    addresses: BTreeMap<String, SocketAddr>,
    cookies: CookieJar,
    page: Option<Page>,
    history: Vec<Step>,
}

/// A request of the user agent, and its response.
#[derive(Clone, Debug)]
pub struct Step {
    /// The method.
    pub method: String,
    /// The URL, with the fragment, which is not sent.
    pub url: Url,
    /// The `Cookie` that was sent.
    pub cookie: Option<String>,
    /// The response.
    pub response: Response,
}

impl UserAgent {
    /// A user agent that trusts these authorities.
    #[must_use]
    pub fn new(authorities: &[&Authority]) -> Self {
        Self::trusting(Authority::trust_in(authorities))
    }

    /// A user agent with this TLS configuration.
    #[must_use]
    pub fn trusting(trust: Arc<ClientConfig>) -> Self {
        Self {
            trust,
            addresses: BTreeMap::new(),
            cookies: CookieJar::default(),
            page: None,
            history: Vec::new(),
        }
    }

    /// Sets the address of a host, whatever the port.
    #[must_use]
    pub fn at(mut self, host: &str, address: SocketAddr) -> Self {
        self.addresses.insert(host.to_owned(), address);
        self
    }

    /// The cookies.
    #[must_use]
    pub fn cookies(&self) -> &CookieJar {
        &self.cookies
    }

    /// The cookies, for changes.
    pub fn cookies_mut(&mut self) -> &mut CookieJar {
        &mut self.cookies
    }

    /// The current page.
    ///
    /// # Panics
    /// If nothing was visited yet.
    #[must_use]
    pub fn page(&self) -> &Page {
        self.page.as_ref().expect("a visited page")
    }

    /// All requests so far, in order, including those of [`UserAgent::fetch`].
    #[must_use]
    pub fn history(&self) -> &[Step] {
        &self.history
    }

    /// Opens a URL as if typed, and follows redirects.
    ///
    /// # Panics
    /// If no response arrives, or the redirects never end.
    pub async fn visit(&mut self, url: &str) -> &Page {
        self.navigate(Navigation::get(parse(url), None)).await
    }

    /// Follows a link on the current page.
    ///
    /// # Panics
    /// Like [`UserAgent::visit`].
    pub async fn follow(&mut self, url: &str) -> &Page {
        let from = self.page().url.clone();
        let url = from
            .join(url)
            .unwrap_or_else(|error| panic!("{url}: {error}"));
        let visit = Navigation::link(url, self.page());
        self.navigate(visit).await
    }

    /// Submits a form of the current page.
    ///
    /// # Panics
    /// Like [`UserAgent::visit`].
    pub async fn submit(&mut self, form: Form) -> &Page {
        let visit = Navigation::form(form, self.page());
        self.navigate(visit).await
    }

    /// Opens a URL as if typed, without following redirects. The response becomes the current page.
    ///
    /// # Errors
    /// If no response arrives.
    pub async fn try_step(&mut self, url: &str) -> Result<&Page> {
        let visit = Navigation::get(parse(url), None);
        self.open(&visit).await
    }

    /// Opens a URL as if typed, without following redirects. The response becomes the current page.
    ///
    /// # Panics
    /// If no response arrives.
    pub async fn step(&mut self, url: &str) -> &Page {
        match self.try_step(url).await {
            Ok(page) => page,
            Err(error) => panic!("{url}: {error}"),
        }
    }

    /// Sends a request as a script of the current page would, with cookies, without following
    /// redirects. `call` has the method, more headers and a body; its host and path are ignored.
    ///
    /// # Panics
    /// If no response arrives.
    pub async fn fetch(&mut self, url: &str, call: Call) -> Response {
        let from = self.page().url.clone();
        let url = from
            .join(url)
            .unwrap_or_else(|error| panic!("{url}: {error}"));
        let site = Site::between(Some(&from), &url);
        let context = Context {
            site,
            navigation: false,
            safe: is_safe(call.method()),
        };
        let mut call = call
            .header("accept", "*/*")
            .header("sec-fetch-dest", "empty")
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-site", site.name());
        if site != Site::Origin || !matches!(call.method(), "GET" | "HEAD") {
            call = call.header("origin", site::origin(&from));
        }
        if !self.page().hides_referrer()
            && let Some(referrer) = site::referrer(&from, &url)
        {
            call = call.header("referer", referrer);
        }
        let sent = self.exchange(call, &url, context).await;
        sent.unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// Signs in on the provider's page and consents, then follows redirects.
    ///
    /// # Panics
    /// If that page is not the current one, and like [`UserAgent::visit`].
    pub async fn sign_in_as(&mut self, login: &str) -> &Page {
        let _login = self.page().form_with("prompt", "login");
        self.continue_sign_in(login).await
    }

    /// Does what the provider asks for: signs in, consents, or both. Then follows redirects.
    ///
    /// # Panics
    /// Like [`UserAgent::visit`].
    pub async fn continue_sign_in(&mut self, login: &str) -> &Page {
        for prompt in ["login", "consent"] {
            let mut forms = self.page().forms().into_iter();
            if let Some(form) = forms.find(|form| form.has("prompt", prompt)) {
                let form = match prompt {
                    "login" => form.fill("login", login).fill("password", "any"),
                    _ => form,
                };
                self.submit(form).await;
            }
        }
        self.page()
    }

    /// Confirms the provider's sign-out prompt, then follows redirects.
    ///
    /// # Panics
    /// If that page is not the current one, and like [`UserAgent::visit`].
    pub async fn confirm_sign_out(&mut self) -> &Page {
        let mut forms = self.page().forms().into_iter();
        let form = forms.find(|form| form.id == "op.logoutForm");
        let form = form.unwrap_or_else(|| self.page().fail("a sign-out prompt"));
        self.submit(form.fill("logout", "yes")).await
    }

    /// Opens a page and follows redirects, including those in the page, to the end.
    async fn navigate(&mut self, mut navigation: Navigation) -> &Page {
        let begin = self.history.len();
        loop {
            if let Err(error) = self.open(&navigation).await {
                panic!("{} {}: {error}", navigation.method, navigation.url);
            }
            match navigation.after(self.page()) {
                Some(next) => navigation = next,
                None => return self.page(),
            }
            let visited = &self.history[begin..];
            if visited.len() > MAX_REDIRECTS {
                let visited: Vec<&str> = visited.iter().map(|step| step.url.as_str()).collect();
                panic!("too many redirects:\n{}", visited.join("\n"));
            }
        }
    }

    async fn open(&mut self, navigation: &Navigation) -> Result<&Page> {
        let context = Context {
            site: navigation.site,
            navigation: true,
            safe: is_safe(&navigation.method),
        };
        let mut call = Call::new(&navigation.method, "", "")
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-site", navigation.site.name())
            .header("upgrade-insecure-requests", "1");
        if let Some(from) = &navigation.from {
            if !context.safe {
                let origin = if navigation.hides_referrer {
                    "null".to_owned()
                } else {
                    site::origin(from)
                };
                call = call.header("origin", origin);
            }
            if !navigation.hides_referrer
                && let Some(referrer) = site::referrer(from, &navigation.url)
            {
                call = call.header("referer", referrer);
            }
        }
        if let Some(body) = &navigation.body {
            call = call
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.as_str());
        }
        let response = self.exchange(call, &navigation.url, context).await?;
        Ok(self.page.insert(Page {
            url: navigation.url.clone(),
            response,
        }))
    }

    async fn exchange(&mut self, call: Call, url: &Url, context: Context) -> Result<Response> {
        let cookie = self.cookies.header(url, context);
        let mut call = call.to(&authority(url), &target(url));
        if let Some(cookie) = &cookie {
            call = call.header("cookie", cookie);
        }
        let address = self.address(url);
        let response = match url.scheme() {
            "https" => call.try_send_tls(address, &self.trust).await?,
            _ => call.try_send(address).await?,
        };
        self.cookies
            .store(&response.all("set-cookie"), url, context);
        self.history.push(Step {
            method: call.method().to_owned(),
            url: url.clone(),
            cookie,
            response: response.clone(),
        });
        Ok(response)
    }

    fn address(&self, url: &Url) -> SocketAddr {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let address = self.addresses.get(host).copied();
        address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], port)))
    }
}

fn parse(url: &str) -> Url {
    Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// The `Host`: without the port if it is the scheme's default.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The path with the query.
fn target(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
