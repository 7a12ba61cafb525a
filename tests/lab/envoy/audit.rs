//! The audit records in Envoy's log.

use serde_json::Value;

/// The text that precedes a record in a line of Envoy's log.
const RECORD_PREFIX: &str = " {\"audit\"";

/// The record of one decision.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// The thread that decided: one of Envoy's workers.
    pub worker: String,
    /// The record.
    pub record: Value,
}

/// The records in a log, in order.
pub(super) fn records(log: &str) -> Vec<AuditRecord> {
    log.lines().filter_map(record).collect()
}

/// A line is `[time][thread][level][wasm] […] wasm log …: {record}`, or `…[dynamic_modules] […] {record}`.
fn record(line: &str) -> Option<AuditRecord> {
    let start = line.find(RECORD_PREFIX)? + RECORD_PREFIX.find('{')?;
    Some(AuditRecord {
        worker: line.split(['[', ']']).nth(3)?.to_owned(),
        record: serde_json::from_str(line.get(start..)?).ok()?,
    })
}
