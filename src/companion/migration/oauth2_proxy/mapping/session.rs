//! Cookies, sessions and their store.

use url::Url;

use super::Mapping;
use super::apps::Hosts;
use super::companion::Block;
use super::server::PublicUrl;
use crate::migration::oauth2_proxy::duration;
use crate::migration::oauth2_proxy::outcome::Outcome;
use crate::migration::oauth2_proxy::tree::text;

/// The longest lifetime of a session.
const MAX_LIFETIME: u64 = 720 * 3600;

/// Maps sessions. Returns the domain of the cookies.
pub(super) fn map(mapping: &mut Mapping<'_>, url: &PublicUrl, hosts: &Hosts) -> String {
    let why = "make the file `session-keys` beside companion.yaml: `portcullis session-keys --out session-keys`; \
               users sign in once more";
    let is_set = ["cookie-secret", "cookie-secret-file"]
        .iter()
        .any(|flag| mapping.set(flag).is_some());
    for flag in ["cookie-secret", "cookie-secret-file"] {
        mapping.needs_you(flag, "session.keys_file", why);
    }
    if !is_set {
        mapping
            .lines
            .missing("cookie-secret", "session.keys_file", why);
    }
    let keys = text("session-keys")
        .because("Make this file: `portcullis session-keys --out session-keys`.");
    mapping
        .companion
        .put(Block::Session, "keys_file", None, keys);
    lifetime(mapping);
    store(mapping);
    let domain = domain(mapping, url, hosts);
    same_site(mapping);
    domain
}

fn lifetime(mapping: &mut Mapping<'_>) {
    let flag = "cookie-expire";
    let Some(seconds) = mapping.text(flag).and_then(duration::seconds) else {
        return;
    };
    if seconds == 0 {
        let why = "cookies live as long as the session: 12h, or `session.lifetime`";
        mapping.say(flag, Outcome::Changed, "session.lifetime", why);
        return;
    }
    let lifetime = seconds.clamp(60, MAX_LIFETIME);
    if lifetime != seconds {
        let why = "a session lives from 1m to 720h";
        mapping.say(
            flag,
            Outcome::Changed,
            "session.lifetime, session.idle",
            why,
        );
    } else {
        let why = "a session also ends when the provider ends it";
        mapping.say(flag, Outcome::Kept, "session.lifetime, session.idle", why);
    }
    let lifetime = duration::text(lifetime);
    let comment = format!("From {}.", mapping.name(flag));
    mapping.companion.put(
        Block::Session,
        "lifetime",
        Some(flag),
        text(&*lifetime).because(comment),
    );
    mapping
        .companion
        .put(Block::Session, "idle", Some(flag), text(lifetime));
}

/// The domain of the cookies: it must hold the companion, and every app that admits people.
fn domain(mapping: &mut Mapping<'_>, url: &PublicUrl, hosts: &Hosts) -> String {
    let flag = "cookie-domain";
    let holds = |domain: &str| {
        let is_in = |host: &str| host == domain || host.ends_with(&format!(".{domain}"));
        is_in(&url.host)
            && hosts
                .names()
                .iter()
                .all(|host| is_in(host.trim_start_matches("*.")))
    };
    let listed = mapping.list(flag);
    let listed: Vec<&str> = listed
        .iter()
        .map(|domain| domain.trim_start_matches('.'))
        .collect();
    let found = listed
        .iter()
        .find(|domain| holds(domain))
        .map(|domain| (*domain).to_owned());
    let common = common_parent(&url.host, hosts.names());
    let domain = match (&found, common) {
        (Some(domain), _) => {
            if listed.len() > 1 {
                let why = "one domain, which holds the companion and all apps";
                mapping.say(flag, Outcome::Changed, "session.cookie.domain", why);
            }
            domain.clone()
        }
        (None, Some(common)) => {
            let why = format!("the domain that holds the companion and all apps is {common}");
            mapping.say(flag, Outcome::Changed, "session.cookie.domain", &why);
            common
        }
        (None, None) => {
            let parent = url.host.split_once('.').map_or("", |(_, parent)| parent);
            let why = format!(
                "the companion and all apps where people sign in need one parent domain: apps outside of {parent} admit nobody"
            );
            if listed.is_empty() {
                mapping.lines.missing(flag, "session.cookie.domain", &why);
            } else {
                mapping.needs_you(flag, "session.cookie.domain", &why);
            }
            parent.to_owned()
        }
    };
    let comment = "It holds the companion and every app. All hosts below it get the cookies: use a domain of \
                   their own for gated apps.";
    mapping.companion.put(
        Block::Cookie,
        "domain",
        Some(flag),
        text(&*domain).because(comment),
    );
    domain
}

/// The longest domain that holds all hosts. It has at least two labels.
fn common_parent(host: &str, others: &[String]) -> Option<String> {
    let mut domain = host.split_once('.')?.1;
    for other in others {
        let other = other.trim_start_matches("*.");
        while other != domain && !other.ends_with(&format!(".{domain}")) {
            domain = domain.split_once('.')?.1;
        }
    }
    domain.contains('.').then(|| domain.to_owned())
}

fn same_site(mapping: &mut Mapping<'_>) {
    let flag = "cookie-samesite";
    match mapping.text(flag) {
        Some("none") => {
            mapping
                .companion
                .put(Block::Cookie, "same_site", Some(flag), text("none"));
        }
        Some("strict") => {
            let why = "`lax`: with `strict`, a browser that comes from the provider has no session";
            mapping.say(flag, Outcome::Changed, "session.cookie.same_site", why);
        }
        Some("lax") => mapping.say(
            flag,
            Outcome::Kept,
            "session.cookie.same_site",
            "the default",
        ),
        Some(_) => mapping.needs_you(flag, "session.cookie.same_site", "write `lax` or `none`"),
        None => {}
    }
    if mapping.is_on("session-cookie-minimal") {
        let flag = "session-cookie-minimal";
        mapping
            .companion
            .put(Block::Session, "groups", Some(flag), text("policy"));
    }
}

const REDIS: [&str; 10] = [
    "redis-connection-url",
    "redis-username",
    "redis-password",
    "redis-use-sentinel",
    "redis-sentinel-password",
    "redis-sentinel-master-name",
    "redis-sentinel-connection-urls",
    "redis-use-cluster",
    "redis-cluster-connection-urls",
    "redis-ca-path",
];

fn store(mapping: &mut Mapping<'_>) {
    match mapping.text("session-store-type") {
        None | Some("cookie") => {
            for flag in REDIS {
                mapping.say(
                    flag,
                    Outcome::Dropped,
                    "",
                    "sessions are not stored in Redis",
                );
            }
            return;
        }
        Some("redis") => {}
        Some(_) => {
            let why = "oauth2-proxy 7.15 has no such store; sessions are stored in cookies";
            mapping.needs_you("session-store-type", "session.store", why);
            return;
        }
    }
    let (flag, urls) = if mapping.is_on("redis-use-sentinel") {
        let flag = "redis-sentinel-connection-urls";
        (flag, mapping.list(flag))
    } else if mapping.is_on("redis-use-cluster") {
        let flag = "redis-cluster-connection-urls";
        (flag, mapping.list(flag))
    } else {
        let flag = "redis-connection-url";
        (flag, mapping.list(flag))
    };
    let servers: Vec<Url> = urls.iter().filter_map(|url| Url::parse(url).ok()).collect();
    let is_redis =
        |url: &Url| matches!(url.scheme(), "redis" | "rediss") && url.host_str().is_some();
    let first = servers
        .first()
        .filter(|_| servers.len() == urls.len() && servers.iter().all(is_redis));
    let Some(first) = first else {
        let why = "write `session.store` as `redis://HOST:PORT/DATABASE`";
        if mapping.set(flag).is_some() {
            mapping.needs_you(flag, "session.store", why);
        } else {
            mapping.lines.missing(flag, "session.store", why);
        }
        return;
    };
    let (mut user, mut has_password) = (None, false);
    for server in &servers {
        user = user.or_else(|| Some(server.username()).filter(|user| !user.is_empty()));
        has_password |= server.password().is_some();
    }
    let port = if flag.contains("sentinel") {
        26379
    } else {
        6379
    };
    let addresses: Vec<String> = servers
        .iter()
        .map(|url| {
            let host = url.host_str().unwrap_or_default();
            format!("{host}:{}", url.port().unwrap_or(port))
        })
        .collect();
    let addresses = addresses.join(",");
    let scheme = first.scheme();
    let path = first.path().trim_matches('/');
    let url = match flag {
        "redis-sentinel-connection-urls" => {
            let Some(master) = mapping.text("redis-sentinel-master-name") else {
                let why = "write the name of the master to the end of `session.store`";
                mapping
                    .lines
                    .missing("redis-sentinel-master-name", "session.store", why);
                return;
            };
            format!("{scheme}-sentinel://{addresses}/{master}")
        }
        "redis-cluster-connection-urls" => format!("{scheme}-cluster://{addresses}"),
        _ if path.is_empty() => format!("{scheme}://{addresses}"),
        _ => format!("{scheme}://{addresses}/{path}"),
    };
    let comment = format!("From {}.", mapping.name(flag));
    mapping.companion.put(
        Block::Session,
        "store",
        Some(flag),
        text(url).because(comment),
    );
    let user = mapping
        .text("redis-username")
        .map(str::to_owned)
        .or_else(|| user.map(str::to_owned));
    if let Some(user) = user {
        mapping
            .companion
            .put(Block::Redis, "username", Some("redis-username"), text(user));
    }
    if has_password {
        let why = "the password of the URL belongs into the file `redis-password`, mode 0600";
        mapping.needs_you(flag, "session.store, session.redis.password_file", why);
    }
    for (flag, field, file) in [
        ("redis-password", "password_file", "redis-password"),
        (
            "redis-sentinel-password",
            "sentinel_password_file",
            "redis-sentinel-password",
        ),
    ] {
        if mapping.set(flag).is_none() && !(has_password && flag == "redis-password") {
            continue;
        }
        if flag == "redis-sentinel-password" && !mapping.is_on("redis-use-sentinel") {
            mapping.say(flag, Outcome::Dropped, "", "there are no sentinels");
            continue;
        }
        let why = format!(
            "write the password to the file `{file}` beside companion.yaml, mode 0600, without a line break: \
             `install -m 600 /dev/null {file}`, then `printf %s \"$PASSWORD\" > {file}`"
        );
        mapping.needs_you(flag, &format!("session.redis.{field}"), &why);
        let file = text(file).because("Make this file: the password, and nothing else.");
        mapping.companion.put(Block::Redis, field, Some(flag), file);
    }
    if let Some(path) = mapping.text("redis-ca-path") {
        mapping
            .companion
            .put(Block::Redis, "ca_file", Some("redis-ca-path"), text(path));
    }
}
