//! Sessions: how long they last, where they are kept, and what browsers are told of them.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_core::request::is_dns_name;

use crate::document::Report;
use crate::session::{SameSite, StoreSettings};

use super::duration;
use super::site::Site;
use super::source::Source;
use super::store;

/// How sessions are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Session {
    /// The keys that seal and sign.
    pub(crate) keys_file: PathBuf,
    /// How long one lasts at most.
    pub(crate) lifetime: Duration,
    /// How long one lasts unused; at most `lifetime`.
    pub(crate) idle: Duration,
    /// How long a session token lasts; at most `idle`.
    pub(crate) token: Duration,
    /// Where they are kept.
    pub(crate) store: StoreSettings,
    /// What browsers are told.
    pub(crate) cookie: Cookie,
}

/// What browsers are told of a session's cookies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Cookie {
    /// The domain that holds the companion and every app that admits people, without a dot in
    /// front. `None`: the companion's own host alone.
    pub(crate) domain: Option<String>,
    /// Which requests of other sites carry it.
    pub(crate) same_site: SameSite,
}

/// The shortest and the longest lifetime of a session token.
const TOKEN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15 * 60));

/// The longest lifetime of a session.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

pub(super) fn read(source: &Source, site: &Site) -> Result<Session, Report> {
    let keys_file = source.required_path(
        "session.keys_file",
        "name the file that `portcullis session-keys` made",
    )?;
    let state_file = match source.path("session.state_file")? {
        Some(found) => found.value,
        None => {
            let mut beside = keys_file.clone().into_os_string();
            beside.push(".state");
            beside.into()
        }
    };
    let (token, idle, lifetime) = times(source)?;
    Ok(Session {
        keys_file,
        lifetime,
        idle,
        token,
        store: store::read(source, state_file)?,
        cookie: Cookie {
            domain: domain(source, site)?,
            same_site: same_site(source)?,
        },
    })
}

fn times(source: &Source) -> Result<(Duration, Duration, Duration), Report> {
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let (least, most) = TOKEN;
    let lifetime = duration::read(
        source,
        "session.lifetime",
        minutes(12 * 60),
        least..=LIFETIME,
    )?;
    // Where less is asked for than a default, the default gives way.
    let idle = minutes(60).min(lifetime);
    let idle = duration::read(source, "session.idle", idle, least..=LIFETIME)?;
    if idle > lifetime {
        let help = "make it no longer than `lifetime`, which ends the session anyway";
        return Err(source.wrong("session.idle", "is longer than `session.lifetime`", help));
    }
    let token = minutes(5).min(idle);
    let token = duration::read(source, "session.token", token, least..=most)?;
    if token > idle {
        let help = "make it no longer than `idle`: between two refreshes nobody sees it used";
        return Err(source.wrong("session.token", "is longer than `session.idle`", help));
    }
    Ok((token, idle, lifetime))
}

fn domain(source: &Source, site: &Site) -> Result<Option<String>, Report> {
    let Some(found) = source.text("session.cookie.domain")? else {
        return Ok(None);
    };
    let domain = found.value.to_ascii_lowercase();
    let bare = domain.trim_start_matches('.');
    let (problem, help) = if bare != domain && is_dns_name(bare) {
        (
            "begins with a dot",
            format!("write `{bare}`; hosts under it are meant anyway"),
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
            "has one label alone, and browsers keep no cookie for it",
            "use names below one, like `auth.portcullis.localhost`, and `portcullis.localhost` here".to_owned(),
        )
    } else if !holds(&domain, site.host()) {
        (
            "does not hold the host of `url`",
            format!("write a domain that `{}` is in", site.host()),
        )
    } else {
        return Ok(Some(domain));
    };
    Err(found.wrong(problem, &help))
}

/// Whether a host is this domain or under it (RFC 6265 section 5.1.3).
pub(crate) fn holds(domain: &str, host: &str) -> bool {
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
        "strict" => Err(found.wrong(
            "would sign nobody in: who comes back from the provider comes from another site",
            "write `lax`",
        )),
        _ => Err(found.wrong(
            "is not known",
            "write `lax`, or `none` for apps in foreign frames",
        )),
    }
}
