//! Safe wrappers of Envoy's callbacks.

use std::marker::PhantomData;
use std::slice;

use log::Level;
use portcullis_core::escape;
use portcullis_core::local_reply::LocalReply;
use portcullis_core::request::Headers;
use portcullis_engine::log_severity;
use portcullis_engine::metrics::{Change, Kind};

use crate::abi::{Buffer, Header, METRIC_ACCEPTED, Map, Opaque};
use crate::metrics::FamilyId;

unsafe extern "C" {
    fn envoy_dynamic_module_callback_http_filter_get_attribute_string(
        filter: Opaque,
        attribute: u32,
        value: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_get_headers(
        filter: Opaque,
        map: Map,
        headers: *mut Header,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_get_headers_size(filter: Opaque, map: Map) -> usize;
    fn envoy_dynamic_module_callback_http_send_response(
        filter: Opaque,
        status: u32,
        headers: *const Header,
        headers_size: usize,
        body: Buffer,
        details: Buffer,
    );
    fn envoy_dynamic_module_callback_http_set_filter_state_bytes(
        filter: Opaque,
        key: Buffer,
        value: Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_set_header(
        filter: Opaque,
        map: Map,
        name: Buffer,
        value: Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_filter_config_define_counter(
        config: Opaque,
        name: Buffer,
        labels: *const Buffer,
        labels_size: usize,
        id: *mut usize,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_config_define_gauge(
        config: Opaque,
        name: Buffer,
        labels: *const Buffer,
        labels_size: usize,
        id: *mut usize,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_config_define_histogram(
        config: Opaque,
        name: Buffer,
        labels: *const Buffer,
        labels_size: usize,
        id: *mut usize,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_decrement_gauge(
        filter: Opaque,
        id: usize,
        values: *const Buffer,
        values_size: usize,
        value: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_increment_counter(
        filter: Opaque,
        id: usize,
        values: *const Buffer,
        values_size: usize,
        value: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_increment_gauge(
        filter: Opaque,
        id: usize,
        values: *const Buffer,
        values_size: usize,
        value: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_record_histogram_value(
        filter: Opaque,
        id: usize,
        values: *const Buffer,
        values_size: usize,
        value: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_set_gauge(
        filter: Opaque,
        id: usize,
        values: *const Buffer,
        values_size: usize,
        value: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_log(level: u32, message: Buffer);
    fn envoy_dynamic_module_callback_log_enabled(level: u32) -> bool;
}

/// A callback of Envoy returned false.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused;

/// A request, during one hook that Envoy calls for it.
#[derive(Debug)]
pub(crate) struct Request<'h> {
    filter: Opaque,
    hook: PhantomData<&'h ()>,
}

/// A header map from Envoy. Envoy owns the bytes, which are valid until the map is changed.
#[derive(Debug)]
pub(crate) struct HeaderMap<'r> {
    headers: Vec<Header>,
    request: PhantomData<&'r ()>,
}

impl Request<'_> {
    /// The request of this filter.
    ///
    /// # Safety
    /// `filter` must be the pointer that Envoy passed to the hook that runs, and the value must not
    /// outlive the hook.
    pub(crate) unsafe fn new(filter: Opaque) -> Self {
        Self {
            filter,
            hook: PhantomData,
        }
    }

    /// A header map, with duplicates as separate fields. It can't be changed while this is in use.
    pub(crate) fn headers(&self, map: Map) -> Result<HeaderMap<'_>, Refused> {
        // SAFETY: `filter` is Envoy's own, by the contract of `new`.
        let size = unsafe { envoy_dynamic_module_callback_http_get_headers_size(self.filter, map) };
        let mut headers = Vec::with_capacity(size);
        // SAFETY: there is room for `size` headers, which is how many there are: nothing has changed
        // the map since.
        let is_done = unsafe {
            envoy_dynamic_module_callback_http_get_headers(self.filter, map, headers.as_mut_ptr())
        };
        if !is_done {
            return Err(Refused);
        }
        // SAFETY: Envoy has written all of them.
        unsafe { headers.set_len(size) };
        Ok(HeaderMap {
            headers,
            request: PhantomData,
        })
    }

    /// Replaces a header field, or removes it.
    pub(crate) fn set(
        &mut self,
        map: Map,
        name: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), Refused> {
        let value = value.map_or(Buffer::NULL, Buffer::of);
        // SAFETY: the bytes outlive the call, and Envoy copies them. It is `&mut`, so that no bytes of
        // the map are in use.
        let is_done = unsafe {
            envoy_dynamic_module_callback_http_set_header(self.filter, map, Buffer::of(name), value)
        };
        if is_done { Ok(()) } else { Err(Refused) }
    }

    /// Sets a value in the request's filter state, with the prefix that Envoy uses for WebAssembly
    /// filters, so that access log formats work with both adapters.
    pub(crate) fn set_filter_state(&self, name: &str, value: &str) {
        let name = ["wasm.", name].concat();
        let (name, value) = (Buffer::of(name.as_bytes()), Buffer::of(value.as_bytes()));
        // SAFETY: the bytes outlive the call, and Envoy copies them. A refusal is not an error: the
        // access log then lacks the value.
        let _is_done = unsafe {
            envoy_dynamic_module_callback_http_set_filter_state_bytes(self.filter, name, value)
        };
    }

    /// Envoy's attribute `source.address`.
    pub(crate) fn source_address(&self) -> Option<Vec<u8>> {
        const SOURCE_ADDRESS: u32 = 24;
        let mut value = Buffer::NULL;
        // SAFETY: `filter` is Envoy's own, by the contract of `new`, and `value` outlives the call. Envoy owns the
        // bytes, which are copied before anything can change them.
        unsafe {
            let is_known = envoy_dynamic_module_callback_http_filter_get_attribute_string(
                self.filter,
                SOURCE_ADDRESS,
                &raw mut value,
            );
            is_known.then(|| bytes(value).to_vec())
        }
    }

    /// Changes a metric of a family. A refusal is not an error: the metric then lacks the change.
    pub(crate) fn change_metric(&self, kind: Kind, id: FamilyId, values: &[&str], change: Change) {
        let values: Vec<Buffer> = values
            .iter()
            .map(|value| Buffer::of(value.as_bytes()))
            .collect();
        let (function, value): (ChangeMetric, u64) = match (kind, change) {
            (Kind::Counter, Change::Add(by)) => (
                envoy_dynamic_module_callback_http_filter_increment_counter,
                by.try_into().unwrap_or_default(),
            ),
            (_, Change::Add(by)) if by < 0 => (
                envoy_dynamic_module_callback_http_filter_decrement_gauge,
                by.unsigned_abs(),
            ),
            (_, Change::Add(by)) => (
                envoy_dynamic_module_callback_http_filter_increment_gauge,
                by.unsigned_abs(),
            ),
            (_, Change::Set(value)) => (envoy_dynamic_module_callback_http_filter_set_gauge, value),
            (_, Change::Record(value)) => (
                envoy_dynamic_module_callback_http_filter_record_histogram_value,
                value,
            ),
        };
        // SAFETY: the bytes outlive the call, and Envoy copies them; `filter` is Envoy's own, by the contract of `new`.
        let _is_done = unsafe { function(self.filter, id, values.as_ptr(), values.len(), value) };
    }

    /// Sends a local reply; nothing of the request is forwarded.
    pub(crate) fn send_local_reply(&self, reply: &LocalReply) {
        let header = |(name, value): &(&'static str, String)| Header {
            name: Buffer::of(name.as_bytes()),
            value: Buffer::of(value.as_bytes()),
        };
        let headers: Vec<Header> = reply.headers.iter().map(header).collect();
        // SAFETY: all bytes outlive the call, and Envoy copies them.
        unsafe {
            envoy_dynamic_module_callback_http_send_response(
                self.filter,
                reply.status.into(),
                headers.as_ptr(),
                headers.len(),
                Buffer::of(reply.body.as_bytes()),
                Buffer::of(reply.details.as_bytes()),
            );
        }
    }
}

impl HeaderMap<'_> {
    /// The header fields as core's type.
    pub(crate) fn fields(&self) -> Headers<'_> {
        let field = |header: &Header| {
            // SAFETY: the bytes are Envoy's and live until the map is changed, which takes a
            // `&mut Request`, whose borrow this holds.
            unsafe { (bytes(header.name), bytes(header.value)) }
        };
        Headers::new(self.headers.iter().map(field).collect())
    }
}

/// A callback that changes a metric.
type ChangeMetric = unsafe extern "C" fn(Opaque, usize, *const Buffer, usize, u64) -> u32;

/// Defines a family of metrics; `None` if Envoy refuses it.
///
/// # Safety
/// `config` must be the pointer that Envoy passed to the hook that loads a configuration, while that runs.
pub(crate) unsafe fn define_metric(
    config: Opaque,
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
    // SAFETY: the bytes and the id outlive the call, Envoy copies the bytes, and the caller knows the rest.
    let result = unsafe { define(config, name, labels.as_ptr(), labels.len(), &raw mut id) };
    (result == METRIC_ACCEPTED).then_some(id)
}

/// The bytes of a buffer.
///
/// # Safety
/// They must be there and unchanged for as long as the slice is used.
pub(crate) unsafe fn bytes<'b>(buffer: Buffer) -> &'b [u8] {
    if buffer.ptr.is_null() || buffer.length == 0 {
        return &[];
    }
    // SAFETY: the pointer is not null, and the caller knows the rest.
    unsafe { slice::from_raw_parts(buffer.ptr.cast(), buffer.length) }
}

/// Whether Envoy's log level includes this level, so that other messages need not be formatted.
pub(crate) fn is_logged(level: Level) -> bool {
    // SAFETY: no memory is passed.
    unsafe { envoy_dynamic_module_callback_log_enabled(log_severity(level)) }
}

/// Writes a line to Envoy's log, escaped, because Envoy writes it unchanged.
pub(crate) fn log(level: Level, line: &str) {
    let line = escape::json(line);
    // SAFETY: the bytes outlive the call.
    unsafe { envoy_dynamic_module_callback_log(log_severity(level), Buffer::of(line.as_bytes())) }
}
