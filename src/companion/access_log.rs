//! Lines of access logs: the request log of oauth2-proxy, and access logs of NGINX.

#[cfg(test)]
mod tests;

/// A request in an access log, as the log has it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct LoggedRequest<'a> {
    /// The user's name, as the server that wrote the log knows it; `None` without a user.
    pub(crate) user: Option<&'a str>,
    /// The host, with its port if the log has it; NGINX's formats have none.
    pub(crate) host: Option<&'a str>,
    /// The upstream, as ingress-nginx names it.
    pub(crate) upstream: Option<&'a str>,
    /// The method.
    pub(crate) method: &'a str,
    /// The path, without the query.
    pub(crate) path: &'a str,
    /// The status of the response.
    pub(crate) status: u16,
}

impl<'a> LoggedRequest<'a> {
    /// Reads a line; `None` if it has no request, or a user whose name has spaces.
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        // CLIENT - ID - USER [TIME] …, or CLIENT - USER [TIME] …
        let (before, rest) = line.split_once(" [")?;
        let user = before.rsplit(" - ").next()?;
        let (_, rest) = rest.split_once("] ")?;
        if user.is_empty() || user.contains(char::is_whitespace) {
            return None;
        }
        let user = Some(user).filter(|user| *user != "-");
        if rest.starts_with('"') {
            Self::nginx(user, rest)
        } else {
            Self::oauth2_proxy(user, rest)
        }
    }

    /// `HOST METHOD UPSTREAM "URI" PROTOCOL "AGENT" STATUS SIZE DURATION`
    fn oauth2_proxy(user: Option<&'a str>, rest: &'a str) -> Option<Self> {
        let (start, rest) = rest.split_once(" \"")?;
        let mut start = start.split(' ');
        let (host, method) = (start.next()?, start.next()?);
        let (uri, rest) = rest.split_once('"')?;
        let (_, after_agent) = rest.rsplit_once('"')?;
        Self {
            user,
            host: Some(host),
            upstream: None,
            method,
            path: path(uri)?,
            status: status(after_agent)?,
        }
        .with_method()
    }

    /// `"METHOD URI PROTOCOL" STATUS … [UPSTREAM] …`: combined, and what ingress-nginx appends.
    fn nginx(user: Option<&'a str>, rest: &'a str) -> Option<Self> {
        let rest = rest.strip_prefix('"')?;
        let (request, rest) = rest.split_once('"')?;
        let mut request = request.split(' ');
        let (method, uri) = (request.next()?, request.next()?);
        // The agent may have brackets, but is quoted.
        let after_agent = rest.rsplit_once('"').map_or("", |(_, after)| after);
        let upstream = after_agent
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'));
        Self {
            user,
            host: None,
            upstream: upstream.map(|(name, _)| name),
            method,
            path: path(uri)?,
            status: status(rest)?,
        }
        .with_method()
    }

    /// The same, if its method is one.
    fn with_method(self) -> Option<Self> {
        let method = self.method;
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        is_method.then_some(self)
    }

    /// Whether it is for an endpoint of oauth2-proxy, such as `/oauth2/auth`, and not for an app.
    pub(crate) fn is_for_oauth2_proxy(&self) -> bool {
        self.path.starts_with("/oauth2/")
    }

    /// The host without its port, in lower case.
    pub(crate) fn host_name(&self) -> Option<String> {
        let host = self.host?;
        let name = match host.rsplit_once(':') {
            // Not within an IPv6 address.
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        Some(name.to_ascii_lowercase())
    }
}

fn path(uri: &str) -> Option<&str> {
    let path = uri.split(['?', '#']).next()?;
    path.starts_with('/').then_some(path)
}

/// The status at the beginning of a text.
fn status(text: &str) -> Option<u16> {
    let text = text.split_whitespace().next()?;
    text.parse().ok().filter(|_| text.len() == 3)
}
