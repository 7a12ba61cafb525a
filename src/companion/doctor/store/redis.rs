//! Redis: whether it is reachable and can be written, and what it keeps and deletes.

use super::super::check::{CheckId, Checks};
use super::super::network::{Server, Tls};
use super::super::trust::roots;
use super::NEED_STORE;
use crate::session::{RedisInfo, RedisProbe, RedisSettings};

/// Checks the way to each configured server. `false` if none is reachable.
pub(super) async fn servers(checks: &Checks, settings: &RedisSettings) -> bool {
    let setting = "session.redis.ca_file";
    let mut is_reachable = false;
    for (host, port) in &settings.nodes {
        let host = host.trim_matches(['[', ']']).to_owned();
        let tls = if settings.tls {
            match roots(settings.ca_file.as_deref(), setting) {
                Ok(roots) => Some(Tls {
                    name: host.clone(),
                    roots,
                    ca_setting: setting.to_owned(),
                }),
                Err((problem, help)) => {
                    checks.error(CheckId::Tls, &problem, &help);
                    return false;
                }
            }
        } else {
            None
        };
        let server = Server {
            host,
            port: *port,
            setting: "`session.store`".to_owned(),
            tls,
        };
        is_reachable |= server.check(checks).await;
    }
    is_reachable
}

/// Reports what was found out.
pub(super) fn check(checks: &Checks, probe: &RedisProbe) {
    if let Err(error) = &probe.written {
        let error = error.to_string();
        checks.error(CheckId::Store, &error, help(&error));
        return checks.skipped(&NEED_STORE, "the store can't be used");
    }
    checks.ok(CheckId::Store, "Redis can be read and written");
    let Some(info) = &probe.info else {
        let why = "INFO can't be run here: see the configuration of Redis";
        return checks.skipped(&NEED_STORE, why);
    };
    persistence(checks, info);
    eviction(checks, info);
}

/// How to fix an error of Redis.
fn help(error: &str) -> &'static str {
    // The library has words of its own for some codes of Redis.
    let error = error.to_ascii_lowercase();
    let has = |code: &str| error.contains(code);
    if has("wrongpass") || has("noauth") || has("authentication failed") {
        "write the current password to the file of `session.redis.password_file`, and see whether \
         `session.redis.username` is its user"
    } else if has("readonly") || has("read only replica") {
        "this is a replica: name the master in `session.store`, or the sentinels with `redis-sentinel://`"
    } else if has("misconf") {
        "Redis can't write to its disk: see its log, and free space"
    } else if has("oom") {
        "Redis is full: give it memory"
    } else if has("noperm") {
        "allow this user all commands on the keys `portcullis:*`, with `ACL SETUSER`"
    } else if has("misconfigured") {
        "correct the setting, or the file that it names"
    } else {
        "see the log of Redis, and whether `session.store` names the right kind of servers"
    }
}

fn persistence(checks: &Checks, info: &RedisInfo) {
    let id = CheckId::StorePersistence;
    let help = "set `appendonly yes`, and keep its folder on a persistent volume";
    if info.has_failed_writes {
        let detail = "the last write of Redis to its disk failed";
        return checks.error(
            id,
            detail,
            "see the log of Redis, and free space on its disk",
        );
    }
    if info.has_append_only_file {
        return checks.ok(id, "Redis appends each write to a file (`appendonly yes`)");
    }
    match info.snapshots.as_deref() {
        Some("") => {
            let detail = "Redis writes nothing to disk: a restart signs everybody out";
            checks.warning(id, detail, help);
        }
        Some(when) => {
            let detail = format!(
                "Redis saves snapshots only (`save {when}`): a crash loses what was written since, sign-outs too"
            );
            checks.warning(id, &detail, help);
        }
        None => {
            let detail = "Redis has no append-only file, and this user may not see whether it saves snapshots";
            checks.warning(id, detail, help);
        }
    }
}

fn eviction(checks: &Checks, info: &RedisInfo) {
    let id = CheckId::StoreEviction;
    let help = "set `maxmemory-policy noeviction`";
    match info.eviction.as_deref() {
        None => checks.skipped(
            &[id],
            "INFO does not say what Redis deletes when it is full",
        ),
        Some("noeviction") => {
            checks.ok(id, "Redis deletes nothing before it expires (`noeviction`)");
        }
        Some(policy) if info.has_memory_limit => {
            let detail = format!(
                "Redis deletes records when it is full (`maxmemory-policy {policy}`): users are signed out, and a session \
                 that was ended can be used again"
            );
            checks.error(id, &detail, help);
        }
        Some(policy) => {
            let detail = format!(
                "`maxmemory-policy` is {policy}, which has an effect once `maxmemory` is set"
            );
            checks.warning(id, &detail, help);
        }
    }
}
