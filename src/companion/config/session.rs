//! Session settings: lifetimes, store and cookies.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_core::request::is_dns_name;

use crate::document::Report;
use crate::session::{KeptGroups, SameSite, StoreSettings};

use super::duration;
use super::source::Source;
use super::store;
use crate::public_url::PublicUrl;

/// Session settings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Session {
    /// The keys that seal and sign.
    pub(crate) keys_file: PathBuf,
    /// The maximum lifetime.
    pub(crate) lifetime: Duration,
    /// The maximum time between requests; at most `lifetime`.
    pub(crate) idle: Duration,
    /// The lifetime of a session token; at most `idle`.
    pub(crate) token: Duration,
    /// Which groups of a user they keep.
    pub(crate) groups: KeptGroups,
    /// Where they are stored.
    pub(crate) store: StoreSettings,
    /// The cookies.
    pub(crate) cookie: Cookie,
}

/// Cookie attributes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Cookie {
    /// The domain that covers the companion and every app with sign-in, without a leading dot. `None`:
    /// the companion's own host only.
    pub(crate) domain: Option<String>,
    /// The `SameSite` attribute.
    pub(crate) same_site: SameSite,
}

/// The shortest and the longest lifetime of a session token.
const TOKEN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15 * 60));

/// The longest lifetime of a session.
pub(crate) const MAX_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

pub(super) fn read(source: &Source, public_url: &PublicUrl) -> Result<Session, Report> {
    let keys_file = source.required_path(
        "session.keys_file",
        "write the name of the file that `portcullis session-keys` created",
    )?;
    let state_file = match source.path("session.state_file")? {
        Some(found) => found.value,
        None => {
            let mut path = keys_file.clone().into_os_string();
            path.push(".state");
            path.into()
        }
    };
    let (token, idle, lifetime) = times(source)?;
    Ok(Session {
        keys_file,
        lifetime,
        idle,
        token,
        groups: groups(source)?,
        store: store::read(source, state_file)?,
        cookie: Cookie {
            domain: domain(source, public_url)?,
            same_site: same_site(source)?,
        },
    })
}

fn times(source: &Source) -> Result<(Duration, Duration, Duration), Report> {
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let (min, max) = TOKEN;
    let lifetime = duration::read(
        source,
        "session.lifetime",
        minutes(12 * 60),
        min..=MAX_LIFETIME,
    )?;
    // A default is never longer than a configured value above it.
    let idle = minutes(60).min(lifetime);
    let idle = duration::read(source, "session.idle", idle, min..=MAX_LIFETIME)?;
    if idle > lifetime {
        let help = "make it at most `lifetime`, which ends the session anyway";
        return Err(source.error("session.idle", "is longer than `session.lifetime`", help));
    }
    let token = minutes(5).min(idle);
    let token = duration::read(source, "session.token", token, min..=max)?;
    if token > idle {
        let help = "make it at most `idle`: the companion sees the use of a session only when its token is refreshed";
        return Err(source.error("session.token", "is longer than `session.idle`", help));
    }
    Ok((token, idle, lifetime))
}

fn groups(source: &Source) -> Result<KeptGroups, Report> {
    let Some(found) = source.text("session.groups")? else {
        return Ok(KeptGroups::All);
    };
    match &*found.value {
        "all" => Ok(KeptGroups::All),
        "policy" => Ok(KeptGroups::Policy),
        _ => Err(found.error(
            "is not a valid value",
            "write `all`, or `policy` to keep only groups that rules name",
        )),
    }
}

fn domain(source: &Source, public_url: &PublicUrl) -> Result<Option<String>, Report> {
    let Some(found) = source.text("session.cookie.domain")? else {
        return Ok(None);
    };
    let domain = found.value.to_ascii_lowercase();
    let bare = domain.trim_start_matches('.');
    let (problem, help) = if bare != domain && is_dns_name(bare) {
        (
            "begins with a dot",
            format!("write `{bare}`; it covers subdomains anyway"),
        )
    } else if !is_dns_name(&domain)
        || domain
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        (
            "is not a domain",
            "write a domain like `example.com`".to_owned(),
        )
    } else if !domain.contains('.') {
        (
            "has only one label, and browsers reject cookies for it",
            "use a longer name, like `auth.portcullis.localhost` with `portcullis.localhost` here"
                .to_owned(),
        )
    } else if !domain_matches(&domain, public_url.host()) {
        (
            "does not cover the host of `url`",
            format!("write a domain that covers `{}`", public_url.host()),
        )
    } else {
        return Ok(Some(domain));
    };
    Err(found.error(problem, &help))
}

/// Whether a host domain-matches this domain (RFC 6265 section 5.1.3).
pub(crate) fn domain_matches(domain: &str, host: &str) -> bool {
    match host.strip_suffix(domain) {
        Some(before) => before.is_empty() || before.ends_with('.'),
        None => false,
    }
}

fn same_site(source: &Source) -> Result<SameSite, Report> {
    let Some(found) = source.text("session.cookie.same_site")? else {
        return Ok(SameSite::Lax);
    };
    match &*found.value {
        "lax" => Ok(SameSite::Lax),
        "none" => Ok(SameSite::None),
        "strict" => Err(found.error(
            "would prevent sign-in: the redirect from the provider comes from another site",
            "write `lax`",
        )),
        _ => Err(found.error(
            "is not a valid value",
            "write `lax`, or `none` for apps in frames of other sites",
        )),
    }
}
