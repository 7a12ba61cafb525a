//! A configuration, on Envoy's main thread.

use std::fmt;
use std::marker::PhantomData;

use portcullis_engine::Call;
use portcullis_engine::metrics::Kind;

use super::callbacks::{
    envoy_dynamic_module_callback_http_filter_config_define_counter,
    envoy_dynamic_module_callback_http_filter_config_define_gauge,
    envoy_dynamic_module_callback_http_filter_config_define_histogram,
    envoy_dynamic_module_callback_http_filter_config_http_callout,
    envoy_dynamic_module_callback_http_filter_config_scheduler_new,
};
use super::metric_callbacks::{METRIC_ACCEPTED, MetricCallbacks};
use super::scheduler::ConfigScheduler;
use super::{Buffer, Header, Opaque};
use crate::metrics::{FamilyId, MetricChange};

/// A configuration, during one hook that Envoy calls for it.
#[derive(Debug)]
pub(crate) struct Config<'h> {
    config: Opaque,
    hook: PhantomData<&'h ()>,
}

/// Why a call could not be made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallError {
    /// Envoy has no cluster of this name.
    UnknownCluster,
    /// The cluster has no host, or can't take the request.
    NotSent,
}

impl Config<'_> {
    /// The configuration of this hook.
    ///
    /// # Safety
    /// `config` must be the pointer that Envoy passed to the hook that runs, and the value must not
    /// outlive the hook.
    pub(super) const unsafe fn new(config: Opaque) -> Self {
        Self {
            config,
            hook: PhantomData,
        }
    }

    /// A scheduler for this configuration.
    pub(crate) fn scheduler(&self) -> ConfigScheduler {
        // SAFETY: `config` is Envoy's own, by the contract of `new`, and the result is new.
        unsafe {
            let scheduler =
                envoy_dynamic_module_callback_http_filter_config_scheduler_new(self.config);
            ConfigScheduler::new(scheduler)
        }
    }

    /// Makes an HTTP call, and returns its id. Its response comes in another hook.
    pub(crate) fn call(&self, call: &Call) -> Result<u64, CallError> {
        const SUCCESS: u32 = 0;
        const CLUSTER_NOT_FOUND: u32 = 2;
        let headers = call.headers.iter();
        let headers: Vec<Header> = headers
            .map(|(name, value)| Header::of((name, value)))
            .collect();
        let mut id = 0;
        // SAFETY: `config` is Envoy's own, by the contract of `new`; the bytes and the id outlive the
        // call, and Envoy copies the bytes.
        let result = unsafe {
            envoy_dynamic_module_callback_http_filter_config_http_callout(
                self.config,
                &raw mut id,
                Buffer::of(call.cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                Buffer::NULL,
                u64::try_from(call.timeout.as_millis()).unwrap_or(u64::MAX),
            )
        };
        match result {
            SUCCESS => Ok(id),
            CLUSTER_NOT_FOUND => Err(CallError::UnknownCluster),
            _ => Err(CallError::NotSent),
        }
    }

    /// Defines a family of metrics; `None` if Envoy refuses it. Only while the configuration is loaded.
    pub(crate) fn define_metric(
        &self,
        kind: Kind,
        name: &str,
        labels: &[&str],
    ) -> Option<FamilyId> {
        let labels: Vec<Buffer> = labels
            .iter()
            .map(|label| Buffer::of(label.as_bytes()))
            .collect();
        let define = match kind {
            Kind::Counter => envoy_dynamic_module_callback_http_filter_config_define_counter,
            Kind::Gauge => envoy_dynamic_module_callback_http_filter_config_define_gauge,
            Kind::Histogram => envoy_dynamic_module_callback_http_filter_config_define_histogram,
        };
        let mut id = 0;
        let name = Buffer::of(name.as_bytes());
        // SAFETY: the bytes and the id outlive the call, Envoy copies the bytes, and `config` is Envoy's
        // own, by the contract of `new`.
        let result = unsafe {
            define(
                self.config,
                name,
                labels.as_ptr(),
                labels.len(),
                &raw mut id,
            )
        };
        (result == METRIC_ACCEPTED).then_some(id)
    }

    /// Whether this version of Envoy changes metrics outside requests: from 1.39 on.
    #[allow(clippy::unused_self, reason = "it is about what this can do")]
    pub(crate) fn changes_metrics(&self) -> bool {
        MetricCallbacks::of_configurations().is_some()
    }

    /// Changes a metric, if [`Self::changes_metrics`].
    pub(crate) fn change_metric(&self, change: &MetricChange) {
        if let Some(callbacks) = MetricCallbacks::of_configurations() {
            // SAFETY: `config` is Envoy's own, by the contract of `new`.
            unsafe { callbacks.change(self.config, change) }
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::UnknownCluster => "Envoy has no cluster of this name",
            Self::NotSent => "the request could not be sent",
        })
    }
}
