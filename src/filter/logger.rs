//! The crate `log`'s way into Envoy's own log.

use log::{LevelFilter, Log, Metadata, Record};

use crate::host;

/// Writes into Envoy's log, which has the last word on levels.
struct Logger;

/// Makes the macros of the crate `log` write into Envoy's log.
pub(crate) fn install() {
    // A second VM start finds the logger in place, which is just as well.
    let _in_place = log::set_logger(&Logger);
    log::set_max_level(LevelFilter::Debug);
}

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.level() <= log::max_level() {
            host::log(record.level(), &record.args().to_string());
        }
    }

    fn flush(&self) {}
}
