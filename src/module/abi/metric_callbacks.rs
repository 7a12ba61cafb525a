//! The callbacks that change metrics: those of requests, and those of configurations, which
//! Envoy has from 1.39 on.

use std::ffi::CStr;
use std::mem;
use std::sync::OnceLock;

use portcullis_engine::metrics::{Change, Kind};

use super::callbacks::{
    envoy_dynamic_module_callback_http_filter_decrement_gauge,
    envoy_dynamic_module_callback_http_filter_increment_counter,
    envoy_dynamic_module_callback_http_filter_increment_gauge,
    envoy_dynamic_module_callback_http_filter_record_histogram_value,
    envoy_dynamic_module_callback_http_filter_set_gauge,
};
use super::{Buffer, Opaque};
use crate::metrics::MetricChange;

/// Envoy accepted a metric: `envoy_dynamic_module_type_metrics_result_Success`.
pub(super) const METRIC_ACCEPTED: u32 = 0;

/// A callback that changes a metric of a family.
type ChangeMetric = unsafe extern "C" fn(Opaque, usize, *const Buffer, usize, u64) -> u32;

/// The callbacks that change metrics.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetricCallbacks {
    increment_counter: ChangeMetric,
    increment_gauge: ChangeMetric,
    decrement_gauge: ChangeMetric,
    set_gauge: ChangeMetric,
    record_histogram: ChangeMetric,
}

impl MetricCallbacks {
    /// Those that take the pointer of a request.
    pub(super) const OF_REQUESTS: Self = Self {
        increment_counter: envoy_dynamic_module_callback_http_filter_increment_counter,
        increment_gauge: envoy_dynamic_module_callback_http_filter_increment_gauge,
        decrement_gauge: envoy_dynamic_module_callback_http_filter_decrement_gauge,
        set_gauge: envoy_dynamic_module_callback_http_filter_set_gauge,
        record_histogram: envoy_dynamic_module_callback_http_filter_record_histogram_value,
    };

    /// Those that take the pointer of a configuration; `None` before Envoy 1.39.
    pub(super) fn of_configurations() -> Option<Self> {
        static FOUND: OnceLock<Option<MetricCallbacks>> = OnceLock::new();
        *FOUND.get_or_init(|| {
            Some(Self {
                increment_counter: find(
                    c"envoy_dynamic_module_callback_http_filter_config_increment_counter",
                )?,
                increment_gauge: find(
                    c"envoy_dynamic_module_callback_http_filter_config_increment_gauge",
                )?,
                decrement_gauge: find(
                    c"envoy_dynamic_module_callback_http_filter_config_decrement_gauge",
                )?,
                set_gauge: find(c"envoy_dynamic_module_callback_http_filter_config_set_gauge")?,
                record_histogram: find(
                    c"envoy_dynamic_module_callback_http_filter_config_record_histogram_value",
                )?,
            })
        })
    }

    /// Changes a metric of a family. A refusal is not an error: the metric then lacks the change.
    ///
    /// # Safety
    /// `target` must be the pointer of a request or a configuration, as the callbacks take, that Envoy
    /// passed to the hook that runs.
    pub(super) unsafe fn change(self, target: Opaque, change: &MetricChange) {
        let values = change.values.iter();
        let values: Vec<Buffer> = values.map(|value| Buffer::of(value.as_bytes())).collect();
        let (function, value): (_, u64) = match (change.kind, change.change) {
            (Kind::Counter, Change::Add(by)) => {
                (self.increment_counter, by.try_into().unwrap_or_default())
            }
            (_, Change::Add(by)) if by < 0 => (self.decrement_gauge, by.unsigned_abs()),
            (_, Change::Add(by)) => (self.increment_gauge, by.unsigned_abs()),
            (_, Change::Set(value)) => (self.set_gauge, value),
            (_, Change::Record(value)) => (self.record_histogram, value),
        };
        // SAFETY: the bytes outlive the call, Envoy copies them, and the caller knows the rest.
        let _is_done =
            unsafe { function(target, change.family, values.as_ptr(), values.len(), value) };
    }
}

/// A callback of the running Envoy, by its name.
fn find(name: &CStr) -> Option<ChangeMetric> {
    // SAFETY: the name ends with a zero byte.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if found.is_null() {
        return None;
    }
    // SAFETY: these names have this signature in every version that has them.
    Some(unsafe { mem::transmute::<*mut libc::c_void, ChangeMetric>(found) })
}
