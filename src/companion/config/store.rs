//! The session store.

use url::Url;

use crate::document::Report;
use crate::session::{Kind, RedisSettings};

use super::source::{Located, Source};

/// The session store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Store {
    /// Sealed, in the browser's cookies.
    Cookie,
    /// In Redis or Valkey, under tickets in the cookies.
    Redis(RedisSettings),
}

const HELP: &str = "write `cookie`, `redis://HOST:PORT/DATABASE`, `redis-sentinel://HOST:PORT,HOST:PORT/MASTER` or \
     `redis-cluster://HOST:PORT,HOST:PORT`; `rediss` instead of `redis` is TLS";

pub(super) fn read(source: &Source) -> Result<Store, Report> {
    let found = source.text("session.store")?;
    let found = found.filter(|found| found.value != "cookie");
    let username = source.text("session.redis.username")?;
    let password_file = source.path("session.redis.password_file")?;
    let ca_file = source.path("session.redis.ca_file")?;
    let Some(found) = found else {
        let of = "is for the Redis store, but the store is `cookie`";
        let help = "set `session.store` to a Redis URL, or remove this";
        return match (&username, password_file.as_ref().or(ca_file.as_ref())) {
            (Some(found), _) => Err(found.location.wrong(of, help)),
            (None, Some(found)) => Err(found.location.wrong(of, help)),
            (None, None) => Ok(Store::Cookie),
        };
    };
    let redis = redis(&found)?;
    if let Some(ca_file) = ca_file.as_ref().filter(|_| !redis.tls) {
        let help = "write `rediss` instead of `redis` in `session.store`, or remove this";
        return Err(ca_file
            .location
            .wrong("is for TLS, but `session.store` is not TLS", help));
    }
    Ok(Store::Redis(RedisSettings {
        username: username.map(|found| found.value),
        password_file: password_file.map(|found| found.value),
        ca_file: ca_file.map(|found| found.value),
        ..redis
    }))
}

fn redis(found: &Located<'_>) -> Result<RedisSettings, Report> {
    let wrong = |problem: &str| found.wrong(problem, HELP);
    let unknown = || wrong("is not a session store");
    let (scheme, rest) = found.value.split_once("://").ok_or_else(unknown)?;
    // A password here would be visible in the process list and in this message.
    if rest.contains('@') {
        let help = "write them in `session.redis.username` and `session.redis.password_file`";
        let problem = "the URL has a user or a password";
        return Err(found.location.wrong(problem, help).without_source());
    }
    let (family, kind) = scheme.split_once('-').unwrap_or((scheme, ""));
    let tls = match family {
        "redis" => false,
        "rediss" => true,
        _ => return Err(unknown()),
    };
    let (nodes, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (kind, database) = match kind {
        "" => (Kind::Single, path),
        "cluster" => (Kind::Cluster, path),
        "sentinel" => {
            let (master, database) = path.split_once('/').unwrap_or((path, ""));
            if master.is_empty() {
                return Err(wrong("has no master name after the sentinels"));
            }
            (Kind::Sentinel(master.to_owned()), database)
        }
        _ => return Err(unknown()),
    };
    let database = match database {
        "" => 0,
        _ if kind == Kind::Cluster => {
            return Err(wrong("has a database number, but a cluster has only one"));
        }
        digits => digits
            .parse()
            .map_err(|_| wrong("has an invalid database number"))?,
    };
    let default = if matches!(kind, Kind::Sentinel(_)) {
        26379
    } else {
        6379
    };
    let nodes: Option<Vec<_>> = nodes
        .split(',')
        .map(|node| address(node, default))
        .collect();
    let nodes = nodes.ok_or_else(|| wrong("has an invalid host"))?;
    if kind == Kind::Single && nodes.len() > 1 {
        return Err(wrong("has several servers"));
    }
    Ok(RedisSettings {
        kind,
        nodes,
        tls,
        database,
        username: None,
        password_file: None,
        ca_file: None,
    })
}

/// A host and a port, parsed as in a URL.
fn address(text: &str, default: u16) -> Option<(String, u16)> {
    let url = Url::parse(&format!("redis://{text}")).ok()?;
    let plain = url.path().is_empty() && url.query().is_none() && url.fragment().is_none();
    let host = url.host_str().filter(|host| plain && !host.is_empty())?;
    Some((host.to_owned(), url.port().unwrap_or(default)))
}
