//! What an operator should know about Redis: whether it can be written, what it keeps, and what it deletes.

use redis::cmd;

use super::RedisStore;
use crate::session::bytes;
use crate::session::unavailable::Unavailable;

/// The lifetime of the trial record, in milliseconds.
const TRIAL_TTL: u64 = 5000;

/// What was found out about Redis.
#[derive(Clone, Debug)]
pub(crate) struct RedisProbe {
    /// Whether a record can be written and read, and how it fails otherwise.
    pub(crate) written: Result<(), Unavailable>,
    /// What `INFO` says, if this user may run it on one server.
    pub(crate) info: Option<RedisInfo>,
}

/// What `INFO` and `CONFIG GET save` say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RedisInfo {
    /// `maxmemory_policy`.
    pub(crate) eviction: Option<String>,
    /// Whether there is a limit, without which nothing is deleted.
    pub(crate) has_memory_limit: bool,
    /// Whether each write is appended to a file.
    pub(crate) has_append_only_file: bool,
    /// When snapshots are saved; empty if never, `None` if it is unknown.
    pub(crate) snapshots: Option<String>,
    /// Whether the last write to disk failed.
    pub(crate) has_failed_writes: bool,
}

impl RedisStore {
    /// Writes and reads a record, and reads what Redis says of itself.
    pub(in crate::session::store) async fn probe(&self) -> RedisProbe {
        let written = self.write_trial().await;
        let info = match &written {
            Ok(()) => self.read_info().await,
            Err(_) => None,
        };
        RedisProbe { written, info }
    }

    /// Writes a record that expires at once, and deletes it.
    async fn write_trial(&self) -> Result<(), Unavailable> {
        let name = self.names.trial(&bytes::encode(bytes::random::<9>()));
        let mut set = cmd("SET");
        set.arg(&name).arg("1").arg("PX").arg(TRIAL_TTL);
        self.client.query::<()>(&set).await?;
        let mut delete = cmd("DEL");
        delete.arg(&name);
        self.client.query::<()>(&delete).await
    }

    async fn read_info(&self) -> Option<RedisInfo> {
        let text: String = self.client.query(&cmd("INFO")).await.ok()?;
        let mut info = RedisInfo::parse(&text)?;
        let mut save = cmd("CONFIG");
        save.arg("GET").arg("save");
        let save: Option<Vec<String>> = self.client.query(&save).await.ok();
        info.snapshots = save.and_then(|pair| pair.into_iter().nth(1));
        Some(info)
    }
}

impl RedisInfo {
    /// Reads the text of `INFO`; `None` if it is of something else than one server.
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut fields = text.lines().filter_map(|line| line.split_once(':'));
            let (_, value) = fields.find(|(own, _)| *own == name)?;
            Some(value.trim())
        };
        let failed = |name| field(name).is_some_and(|status| status != "ok");
        Some(Self {
            eviction: field("maxmemory_policy").map(str::to_owned),
            has_memory_limit: field("maxmemory").is_some_and(|limit| limit != "0"),
            has_append_only_file: field("aof_enabled")? == "1",
            snapshots: None,
            has_failed_writes: failed("rdb_last_bgsave_status") || failed("aof_last_write_status"),
        })
    }
}

#[cfg(test)]
mod tests;
