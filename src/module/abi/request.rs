//! A request, on its worker.

use std::marker::PhantomData;

use portcullis_core::local_reply::LocalReply;
use portcullis_core::request::Headers;

use super::callbacks::{
    envoy_dynamic_module_callback_http_add_header,
    envoy_dynamic_module_callback_http_filter_continue_decoding,
    envoy_dynamic_module_callback_http_filter_get_attribute_string,
    envoy_dynamic_module_callback_http_filter_scheduler_new,
    envoy_dynamic_module_callback_http_get_headers,
    envoy_dynamic_module_callback_http_get_headers_size,
    envoy_dynamic_module_callback_http_send_response,
    envoy_dynamic_module_callback_http_set_filter_state_bytes,
    envoy_dynamic_module_callback_http_set_header,
};
use super::metric_callbacks::MetricCallbacks;
use super::{Buffer, Header, Map, Opaque};
use crate::metrics::MetricChange;

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
    pub(super) const unsafe fn new(filter: Opaque) -> Self {
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

    /// Adds a header field beside others of its name.
    pub(crate) fn add(&mut self, map: Map, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        let (name, value) = (Buffer::of(name), Buffer::of(value));
        // SAFETY: as in `set`.
        let is_done =
            unsafe { envoy_dynamic_module_callback_http_add_header(self.filter, map, name, value) };
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
        // SAFETY: `filter` is Envoy's own, by the contract of `new`, and `value` outlives the call. Envoy
        // owns the bytes, which are copied before anything can change them.
        unsafe {
            let is_known = envoy_dynamic_module_callback_http_filter_get_attribute_string(
                self.filter,
                SOURCE_ADDRESS,
                &raw mut value,
            );
            is_known.then(|| value.bytes().to_vec())
        }
    }

    /// Changes a metric.
    pub(crate) fn change_metric(&self, change: &MetricChange) {
        // SAFETY: `filter` is Envoy's own, by the contract of `new`.
        unsafe { MetricCallbacks::OF_REQUESTS.change(self.filter, change) }
    }

    /// Sends a local reply; nothing of the request is forwarded. Envoy may end the request before this
    /// returns, and call the hooks for that.
    pub(crate) fn send_local_reply(&self, reply: &LocalReply) {
        let headers = reply.headers.iter();
        let headers: Vec<Header> = headers
            .map(|(name, value)| Header::of((name, value)))
            .collect();
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

    /// Continues a request that was held. Envoy may end it before this returns, and call the hooks for
    /// that.
    pub(crate) fn resume(&self) {
        // SAFETY: `filter` is Envoy's own, by the contract of `new`.
        unsafe { envoy_dynamic_module_callback_http_filter_continue_decoding(self.filter) }
    }

    /// A new scheduler, which its user deletes.
    pub(super) fn new_scheduler(&self) -> Opaque {
        // SAFETY: `filter` is Envoy's own, by the contract of `new`.
        unsafe { envoy_dynamic_module_callback_http_filter_scheduler_new(self.filter) }
    }
}

impl HeaderMap<'_> {
    /// The header fields as core's type.
    pub(crate) fn fields(&self) -> Headers<'_> {
        let field = |header: &Header| {
            // SAFETY: the bytes are Envoy's and live until the map is changed, which takes a
            // `&mut Request`, whose borrow this holds.
            unsafe { (header.name.bytes(), header.value.bytes()) }
        };
        Headers::new(self.headers.iter().map(field).collect())
    }
}
