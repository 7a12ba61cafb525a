//! `session.store` and its options.

use std::path::PathBuf;

use crate::document::Report;
use crate::session::{RedisOptions, StoreOptions, StoreSettings, ValueInError};

use super::source::Source;

/// Reads the store. `state_file` is `session.state_file`, or its default.
pub(super) fn read(source: &Source, state_file: PathBuf) -> Result<StoreSettings, Report> {
    let store = source.text("session.store")?;
    let username = source.text("session.redis.username")?;
    let password_file = source.path("session.redis.password_file")?;
    let ca_file = source.path("session.redis.ca_file")?;
    let folder = store.as_ref().map(|found| found.location.folder().into());
    let sentinel_username = source.text("session.redis.sentinel_username")?;
    let sentinel_password_file = source.path("session.redis.sentinel_password_file")?;
    let options = StoreOptions {
        folder: folder.unwrap_or_default(),
        state_file,
        redis: RedisOptions {
            username: username.map(|found| found.value),
            password_file: password_file.map(|found| found.value),
            ca_file: ca_file.map(|found| found.value),
            sentinel_username: sentinel_username.map(|found| found.value),
            sentinel_password_file: sentinel_password_file.map(|found| found.value),
        },
    };
    let url = store.as_ref().map(|found| &*found.value);
    StoreSettings::parse(url, options).map_err(|error| match (error.value, &store) {
        (ValueInError::Quoted, Some(found)) => found.error(error.problem, error.help),
        (ValueInError::Secret, Some(found)) => {
            let report = found.location.error(error.problem, error.help);
            report.without_source()
        }
        _ => source.error(error.setting, error.problem, error.help),
    })
}
