//! The imports of proxy-wasm ABI 0.2.1, each as a safe function that returns the host's status as a
//! [`Result`].
//!
//! Statuses are plain numbers here: a Rust enum would be undefined behaviour for one that it lacks.

use std::ptr;

use super::error::Error;

/// Declares each import of the module `env`, and a safe function that calls it.
///
/// An import's arguments are numbers, then byte slices after a `;`, then numbers after another `;`.
/// `=>` names memory that the host allocates for the result, and `->` a number that it writes; the
/// function returns them as a tuple. On other targets there is no host, and every function returns
/// [`Error::Unavailable`].
macro_rules! imports {
    ($(
        $(#[$doc:meta])*
        fn $name:ident = $import:ident(
            $($first:ident: $first_type:ty),*
            $(; $($bytes:ident),* $(; $($last:ident: $last_type:ty),*)?)?
        ) $(=> $memory:ident)? $(-> $result:ident: $result_type:ty)?;
    )*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = "env")]
        unsafe extern "C" {
            $(fn $import(
                $($first: $first_type,)*
                $($($bytes: *const u8, _: usize,)* $($($last: $last_type,)*)?)?
                $($memory: *mut *mut u8, _: *mut usize,)?
                $($result: *mut $result_type,)?
            ) -> u32;)*
        }

        #[cfg(not(target_arch = "wasm32"))]
        #[allow(unused_variables, clippy::too_many_arguments, reason = "the ABI has these")]
        mod absent {
            use super::*;

            $(pub(super) unsafe fn $import(
                $($first: $first_type,)*
                $($($bytes: *const u8, _: usize,)* $($($last: $last_type,)*)?)?
                $($memory: *mut *mut u8, _: *mut usize,)?
                $($result: *mut $result_type,)?
            ) -> u32 {
                Error::UNIMPLEMENTED
            })*
        }
        #[cfg(not(target_arch = "wasm32"))]
        use self::absent::*;

        $(
            $(#[$doc])*
            #[allow(unused_parens, reason = "one result needs no tuple")]
            pub(crate) fn $name(
                $($first: $first_type,)*
                $($($bytes: &[u8],)* $($($last: $last_type,)*)?)?
            ) -> Result<($(memory!($memory),)? $($result_type)?), Error> {
                $(let mut $memory = HostMemory::NONE;)?
                $(let mut $result = <$result_type>::default();)?
                // SAFETY: the slices outlive the call, and the host copies them. The pointers for
                // results are valid for the call.
                let status = unsafe {
                    $import(
                        $($first,)*
                        $($($bytes.as_ptr(), $bytes.len(),)* $($($last,)*)?)?
                        $(&raw mut $memory.data, &raw mut $memory.size,)?
                        $(&raw mut $result,)?
                    )
                };
                // Also if the call failed, because some calls allocate memory all the same.
                $(let $memory = $memory.take();)?
                Error::check(status)?;
                Ok(($($memory,)? $($result)?))
            }
        )*
    };
}

/// The type of memory from the host in a result.
macro_rules! memory {
    ($name:ident) => {
        Vec<u8>
    };
}

imports! {
    /// Adds a header field and keeps existing fields of the same name.
    fn add_header = proxy_add_header_map_value(map: Map; name, value);

    /// `size` bytes of a buffer.
    fn buffer = proxy_get_buffer_bytes(buffer: Buffer, start: usize, size: usize) => bytes;

    /// Calls a function that the host offers by name, such as `verify_signature`.
    fn call_foreign_function = proxy_call_foreign_function(; name, arguments) => value;

    /// Resumes a paused stream.
    fn continue_stream = proxy_continue_stream(stream: Stream);

    /// Nanoseconds since the Unix epoch.
    fn current_time = proxy_get_current_time_nanoseconds() -> time: u64;

    /// Defines a metric in Envoy's own registry, where it is called `wasmcustom.<name>`, or finds the
    /// one of that name. The id belongs to this VM.
    fn define_metric = proxy_define_metric(kind: MetricKind; name) -> id: u32;

    /// A header map in its wire form.
    fn header_map = proxy_get_header_map_pairs(map: Map) => pairs;

    /// Adds to a counter, or to a gauge that workers share; not 0, which Envoy refuses.
    fn increment_metric = proxy_increment_metric(id: u32, offset: i64);

    /// Writes a line to the proxy's log.
    fn log = proxy_log(level: u32; line);

    /// The lowest level that the proxy writes.
    fn log_level = proxy_get_log_level() -> level: u32;

    /// The value of an attribute of the request, by its path, whose parts are separated by 0.
    fn property = proxy_get_property(; path) => value;

    /// Sets a gauge, or records a value in a histogram.
    fn record_metric = proxy_record_metric(id: u32, value: u64);

    /// Removes every header field of that name. A missing field is not an error.
    fn remove_header = proxy_remove_header_map_value(map: Map; name);

    /// Replaces all header fields of that name by one.
    fn replace_header = proxy_replace_header_map_value(map: Map; name, value);

    /// Sends a local reply. The headers are in the wire form of a header map.
    fn send_local_response = proxy_send_local_response(
        status: u32; details, body, headers; grpc_status: i32
    );

    /// Sets the context that further calls act on, until the current callback ends.
    /// [`Error::BadArgument`] means that it does not exist any more: its client has disconnected.
    fn set_effective_context = proxy_set_effective_context(context: u32);

    /// Sets a value in the request's filter state: access logs and later filters see `x` as `wasm.x`.
    fn set_property = proxy_set_property(; path, value);

    /// Writes the shared data of a key if it has this version, or unconditionally for 0.
    fn set_shared_data = proxy_set_shared_data(; key, value; version: u32);

    /// Sets the period of `on_tick` in milliseconds; 0 stops the ticks.
    fn set_tick_period = proxy_set_tick_period_milliseconds(period: u32);

    /// The shared data of a key, and its version. All workers with the same `vm_id` share it. It
    /// can't be deleted, and does not outlive the process.
    fn shared_data = proxy_get_shared_data(; key) => value -> version: u32;
}

/// Which header map.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Map {
    /// The request's header fields.
    Request = 0,
    /// The request's trailers, while `on_http_request_trailers` runs.
    RequestTrailers = 1,
    /// The response's header fields, from an app or a local reply, while `on_http_response_headers`
    /// runs.
    Response = 2,
    /// The header fields of the response that `on_http_call_response` reports.
    HttpCallResponse = 6,
}

/// Which buffer.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(super) enum Buffer {
    HttpCallResponseBody = 4,
    PluginConfiguration = 7,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum MetricKind {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

/// Which stream.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Stream {
    Request = 0,
}

/// Memory that the host allocates for a result. A null pointer means "nothing" in the ABI and, for
/// some calls, "empty".
struct HostMemory {
    data: *mut u8,
    size: usize,
}

impl HostMemory {
    const NONE: Self = Self {
        data: ptr::null_mut(),
        size: 0,
    };

    /// Takes ownership of the memory.
    fn take(self) -> Vec<u8> {
        if self.data.is_null() {
            return Vec::new();
        }
        // SAFETY: the host got `data` from `proxy_on_memory_allocate`, where the SDK makes a boxed
        // slice of exactly `size` bytes with this allocator and forgets it, so it has no other owner.
        unsafe { Vec::from_raw_parts(self.data, self.size, self.size) }
    }
}
