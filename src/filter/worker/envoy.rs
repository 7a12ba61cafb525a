//! Envoy as the host of the engine's driver.

use log::Level;
use portcullis_core::timestamp::Timestamp;
use portcullis_engine::{Call, Host, TimeAndRandom};

use crate::host;

/// Envoy, in any callback.
#[derive(Debug)]
pub(super) struct Envoy;

impl Host for Envoy {
    fn call(&self, call: &Call) -> Option<u32> {
        let sent = host::dispatch_http_call(&call.cluster, &call.headers, call.timeout);
        let logged = sent.inspect_err(|error| {
            let line = format!(
                "portcullis: the HTTP call through cluster {} failed: {error}; help: configure this \
                 cluster in Envoy",
                call.cluster
            );
            host::log(Level::Warn, &line);
        });
        logged.ok()
    }

    fn log(&self, level: Level, line: &str) {
        host::log(level, line);
    }

    fn time_and_random(&self) -> TimeAndRandom {
        TimeAndRandom {
            time: now(),
            random: host::random(),
        }
    }

    // Every plugin with the same `vm_id` can write it, so readers treat it like data from the
    // network.
    fn read(&self, cell: &str) -> Option<(Vec<u8>, u32)> {
        host::shared_data(cell.as_bytes()).ok()
    }

    // Envoy ignores the version of a key that does not exist yet, so two workers can both create
    // one: readers write an initial record without a version, and compete for the next.
    fn write(&self, cell: &str, text: &str, over: Option<u32>) -> bool {
        const UNCONDITIONAL: u32 = 0;
        let over = over.unwrap_or(UNCONDITIONAL);
        let written = host::set_shared_data(cell.as_bytes(), text.as_bytes(), over);
        if let Err(error) = written
            && error != host::Error::CasMismatch
        {
            let line = format!("portcullis: shared data {cell} can't be written: {error}");
            host::log(Level::Error, &line);
        }
        written.is_ok()
    }
}

/// The time. If the host has no clock, every token counts as expired.
pub(super) fn now() -> Timestamp {
    Timestamp::from_millis(host::now().unwrap_or(u64::MAX))
}
