//! The imports of proxy-wasm ABI 0.2.1, each with a safe wrapper. Errors are the status of the
//! host.
//!
//! Statuses are plain numbers here: a Rust enum would be undefined behaviour for one that it lacks.

use std::ptr;

use super::error::Error;

/// Declares imports of the module `env`; on other targets, functions with the same signature that
/// return `Unimplemented`.
macro_rules! imports {
    ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?);)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = "env")]
        unsafe extern "C" {
            $(fn $name($($argument: $type),*) -> u32;)*
        }

        #[cfg(not(target_arch = "wasm32"))]
        #[allow(clippy::too_many_arguments, reason = "the ABI's own shape")]
        mod absent {
            $(pub(super) unsafe fn $name($(_: $type),*) -> u32 {
                super::Error::UNIMPLEMENTED
            })*
        }
        #[cfg(not(target_arch = "wasm32"))]
        use self::absent::*;
    };
}

imports! {
    fn proxy_add_header_map_value(
        map: u32, name: *const u8, name_size: usize, value: *const u8, value_size: usize,
    );
    fn proxy_call_foreign_function(
        name: *const u8, name_size: usize, arguments: *const u8, arguments_size: usize,
        result: *mut *mut u8, result_size: *mut usize,
    );
    fn proxy_continue_stream(stream: u32);
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32);
    fn proxy_get_buffer_bytes(
        buffer: u32, start: usize, max_size: usize, data: *mut *mut u8, size: *mut usize,
    );
    fn proxy_get_current_time_nanoseconds(time: *mut u64);
    fn proxy_get_log_level(level: *mut u32);
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize);
    fn proxy_get_shared_data(
        key: *const u8, key_size: usize, data: *mut *mut u8, size: *mut usize, cas: *mut u32,
    );
    fn proxy_increment_metric(id: u32, offset: i64);
    fn proxy_log(level: u32, message: *const u8, message_size: usize);
    fn proxy_record_metric(id: u32, value: u64);
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize);
    fn proxy_replace_header_map_value(
        map: u32, name: *const u8, name_size: usize, value: *const u8, value_size: usize,
    );
    fn proxy_send_local_response(
        status: u32, details: *const u8, details_size: usize, body: *const u8, body_size: usize,
        headers: *const u8, headers_size: usize, grpc_status: i32,
    );
    fn proxy_set_effective_context(context: u32);
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize);
    fn proxy_set_shared_data(
        key: *const u8, key_size: usize, value: *const u8, value_size: usize, cas: u32,
    );
    fn proxy_set_tick_period_milliseconds(period: u32);
}

/// Which header map.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Map {
    /// The request's header fields.
    Request = 0,
    /// The request's trailers, while `on_http_request_trailers` runs.
    RequestTrailers = 1,
    /// The response's header fields, from an app or a local reply, while `on_http_response_headers`
    /// runs.
    Response = 2,
    /// The header fields of the reply that `on_http_call_response` reports.
    HttpCallResponse = 6,
}

/// Which buffer.
#[derive(Clone, Copy)]
pub(super) enum Buffer {
    HttpCallResponseBody = 4,
    PluginConfiguration = 7,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MetricKind {
    /// A counter.
    Counter = 0,
    /// A gauge.
    Gauge = 1,
    /// A histogram.
    Histogram = 2,
}

/// Runs a call that returns allocated memory, and takes ownership of it as a `Vec`. `None` is a
/// null pointer, which means "nothing" in the ABI and, for some calls, "empty".
fn received(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Option<Vec<u8>>, Error> {
    let mut data = ptr::null_mut();
    let mut size = 0;
    let status = call(&raw mut data, &raw mut size);
    // Taken over before the status is looked at, because some calls hand memory over with an error.
    // SAFETY: the host got `data` from `proxy_on_memory_allocate`, where the SDK makes a boxed slice
    // of exactly `size` bytes with this allocator and forgets it; nobody else owns it.
    let bytes = (!data.is_null()).then(|| unsafe { Vec::from_raw_parts(data, size, size) });
    Error::check(status).map(|()| bytes)
}

pub(super) fn header_pairs(map: Map) -> Result<Vec<u8>, Error> {
    // SAFETY: both pointers are valid for the call.
    received(|data, size| unsafe { proxy_get_header_map_pairs(map as u32, data, size) })
        .map(Option::unwrap_or_default)
}

/// Adds a header field and keeps existing fields of the same name.
pub(crate) fn add_header(map: Map, name: &[u8], value: &[u8]) -> Result<(), Error> {
    // SAFETY: the slices outlive the call, and the host copies them.
    Error::check(unsafe {
        proxy_add_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Replaces a header field.
pub(crate) fn replace_header(map: Map, name: &[u8], value: &[u8]) -> Result<(), Error> {
    // SAFETY: the slices outlive the call, and the host copies them.
    Error::check(unsafe {
        proxy_replace_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Removes every header field of that name. A missing field is not an error.
pub(crate) fn remove_header(map: Map, name: &[u8]) -> Result<(), Error> {
    // SAFETY: the slice outlives the call.
    Error::check(unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// Reads a buffer of `size` bytes, if that is not more than `max`.
pub(super) fn buffer(buffer: Buffer, size: usize, max: usize) -> Result<Vec<u8>, Error> {
    if size == 0 {
        return Ok(Vec::new());
    }
    if size > max {
        return Err(Error::TooLarge);
    }
    // SAFETY: both pointers are valid for the call.
    received(|data, returned| unsafe {
        proxy_get_buffer_bytes(buffer as u32, 0, size, data, returned)
    })
    .map(Option::unwrap_or_default)
}

/// Sets a value in the request's filter state: access logs and later filters see `x` as `wasm.x`.
pub(crate) fn set_property(path: &[u8], value: &[u8]) -> Result<(), Error> {
    // SAFETY: the slices outlive the call, and the host copies them.
    Error::check(unsafe {
        proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len())
    })
}

/// Reads the shared data of a key, and its version. All workers with the same `vm_id` share it. It
/// can't be deleted, and does not outlive the process.
pub(crate) fn shared_data(key: &[u8]) -> Result<(Vec<u8>, u32), Error> {
    let mut cas = 0;
    // SAFETY: the slice and the three pointers are valid for the call.
    let value = received(|data, size| unsafe {
        proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut cas)
    })?;
    Ok((value.unwrap_or_default(), cas))
}

/// Writes the shared data of a key if it has this version, or unconditionally for 0.
pub(crate) fn set_shared_data(key: &[u8], value: &[u8], cas: u32) -> Result<(), Error> {
    // SAFETY: the slices outlive the call, and the host copies them.
    Error::check(unsafe {
        proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas)
    })
}

pub(super) fn send_local_response(
    status: u32,
    details: &[u8],
    headers: &[u8],
    body: &[u8],
    grpc_status: i32,
) -> Result<(), Error> {
    // SAFETY: the slices outlive the call, and the host copies them.
    Error::check(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    })
}

/// Forwards a request that waited.
///
/// # Errors
/// What the host said. The request then stays where it is, which is not past the gate.
pub(crate) fn resume_request() -> Result<(), Error> {
    const REQUEST: u32 = 0;
    // SAFETY: no memory is passed.
    Error::check(unsafe { proxy_continue_stream(REQUEST) })
}

/// Sets the context that further calls act on, until the current callback ends.
/// [`Error::BadArgument`] says that it is gone, as after a client that went away.
pub(crate) fn set_effective_context(context: u32) -> Result<(), Error> {
    // SAFETY: no memory is passed.
    Error::check(unsafe { proxy_set_effective_context(context) })
}

pub(super) fn set_tick_period(milliseconds: u32) -> Result<(), Error> {
    // SAFETY: no memory is passed.
    Error::check(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
}

/// Nanoseconds since the Unix epoch.
pub(super) fn current_time() -> Result<u64, Error> {
    let mut time = 0;
    // SAFETY: the pointer is valid for the call.
    Error::check(unsafe { proxy_get_current_time_nanoseconds(&raw mut time) })?;
    Ok(time)
}

/// The lowest level that the proxy writes.
pub(super) fn log_level() -> Result<u32, Error> {
    let mut level = 0;
    // SAFETY: the pointer is valid for the call.
    Error::check(unsafe { proxy_get_log_level(&raw mut level) })?;
    Ok(level)
}

pub(super) fn log(level: u32, message: &[u8]) -> Result<(), Error> {
    // SAFETY: the slice outlives the call.
    Error::check(unsafe { proxy_log(level, message.as_ptr(), message.len()) })
}

/// Defines a metric in Envoy's own registry, where it is called `wasmcustom.<name>`, or finds the one
/// of that name. The id belongs to this VM.
pub(crate) fn define_metric(kind: MetricKind, name: &[u8]) -> Result<u32, Error> {
    let mut id = 0;
    // SAFETY: the slice and the pointer are valid for the call.
    Error::check(unsafe {
        proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id)
    })?;
    Ok(id)
}

/// Adds to a counter, or to a gauge that workers share; not 0, which Envoy refuses.
pub(crate) fn increment_metric(id: u32, offset: i64) -> Result<(), Error> {
    // SAFETY: no memory is passed.
    Error::check(unsafe { proxy_increment_metric(id, offset) })
}

/// Sets a gauge, or records a value in a histogram.
pub(crate) fn record_metric(id: u32, value: u64) -> Result<(), Error> {
    // SAFETY: no memory is passed.
    Error::check(unsafe { proxy_record_metric(id, value) })
}

/// Calls a function that the host offers by name, such as `verify_signature`.
pub(crate) fn call_foreign_function(
    name: &[u8],
    arguments: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    // SAFETY: the slices and both pointers are valid for the call.
    received(|data, size| unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            data,
            size,
        )
    })
}
