//! The hooks that Envoy calls. Envoy requires every hook of an HTTP filter, even unused ones.
//!
//! A panic must not unwind into C: each hook catches panics and then refuses the request.

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use portcullis_core::local_reply::LocalReply;

use crate::abi::{Buffer, CONTINUE, Opaque, STOP, VERSION};
use crate::envoy::{self, Request};
use crate::filter::{Filter, FilterConfig, RequestState};

/// The `filter_name` in the filter's configuration.
const FILTER_NAME: &[u8] = b"portcullis";

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    VERSION.as_ptr().cast()
}

/// Returns null to refuse the configuration.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    envoy: Opaque,
    name: Buffer,
    config: Buffer,
) -> *const c_void {
    // SAFETY: Envoy's buffers live while the hook runs.
    let (name, config) = unsafe { (envoy::bytes(name), envoy::bytes(config)) };
    let read = catch_unwind(|| {
        if name == FILTER_NAME {
            // SAFETY: the pointer is that of this hook, which runs.
            FilterConfig::read(config, |kind, name, labels| unsafe {
                envoy::define_metric(envoy, kind, name, labels)
            })
        } else {
            Err("unknown filter name; help: set `filter_name: portcullis`".to_owned())
        }
    });
    let error = match read {
        Ok(Ok(config)) => return Box::into_raw(Box::new(config)).cast_const().cast(),
        Ok(Err(error)) => error,
        Err(_) => "internal error".to_owned(),
    };
    let line = format!("portcullis: invalid configuration: {error}");
    envoy::log(log::Level::Error, &line);
    ptr::null()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(config: Opaque) {
    // SAFETY: the pointer is the one that `config_new` gave, and Envoy uses it no more.
    let config = unsafe { Box::from_raw(config.cast::<Arc<FilterConfig>>()) };
    let _caught = catch_unwind(AssertUnwindSafe(|| drop(config)));
}

/// Returns null on failure, and then every hook refuses the request.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_new(
    config: Opaque,
    _: Opaque,
) -> *const c_void {
    // SAFETY: the pointer is from `config_new`, and outlives its filters.
    let config = unsafe { &*config.cast::<Arc<FilterConfig>>() };
    match catch_unwind(AssertUnwindSafe(|| Box::new(config.filter()))) {
        Ok(filter) => Box::into_raw(filter).cast_const().cast(),
        Err(_) => ptr::null(),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    envoy: Opaque,
    filter: Opaque,
    end_of_stream: bool,
) -> u32 {
    // SAFETY: both pointers are those of this request.
    unsafe {
        run(envoy, filter, |filter, request| {
            filter.evaluate(request, end_of_stream)
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_trailers(
    envoy: Opaque,
    filter: Opaque,
) -> u32 {
    // SAFETY: both pointers are those of this request.
    unsafe { run(envoy, filter, Filter::remove_trailers) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_stream_complete(
    envoy: Opaque,
    filter: Opaque,
) {
    // SAFETY: the pointer is that of this hook, and the request ends with this function.
    let request = unsafe { Request::new(envoy) };
    // SAFETY: the pointer is null or the one that `filter_new` gave.
    let filter = unsafe { filter.cast::<Filter>().as_ref() };
    let _caught = catch_unwind(AssertUnwindSafe(|| {
        if let Some(filter) = filter {
            filter.complete(&request);
        }
    }));
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_destroy(filter: Opaque) {
    if !filter.is_null() {
        // SAFETY: the pointer is the one that `filter_new` gave, and Envoy uses it no more.
        let filter = unsafe { Box::from_raw(filter.cast::<Filter>()) };
        let _caught = catch_unwind(AssertUnwindSafe(|| drop(filter)));
    }
}

/// Runs a hook, and refuses the request if it panics.
///
/// # Safety
/// `envoy` must be Envoy's pointer for this hook, and `filter` null or the one that `filter_new` gave.
unsafe fn run(
    envoy: Opaque,
    filter: Opaque,
    hook: impl FnOnce(&Filter, &mut Request<'_>) -> RequestState,
) -> u32 {
    // SAFETY: the caller knows that the pointer is Envoy's, and the request ends with this function.
    let mut request = unsafe { Request::new(envoy) };
    // SAFETY: the caller knows that the pointer is null or one of `filter_new`.
    let filter = unsafe { filter.cast::<Filter>().as_ref() };
    let state = catch_unwind(AssertUnwindSafe(|| {
        filter.map(|filter| hook(filter, &mut request))
    }));
    match state {
        Ok(Some(RequestState::Forwarded)) => CONTINUE,
        Ok(Some(RequestState::Replied)) => STOP,
        Ok(None) | Err(_) => {
            request.send_local_reply(&LocalReply::internal());
            STOP
        }
    }
}

/// Hooks that do nothing: they return that the stream continues, or nothing.
macro_rules! idle {
    ($result:ty = $value:expr; $($name:ident($($type:ty),*);)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name($(_: $type),*) -> $result {
                $value
            }
        )*
    };
}

idle! {
    u32 = CONTINUE;
    envoy_dynamic_module_on_http_filter_request_body(Opaque, Opaque, bool);
    envoy_dynamic_module_on_http_filter_response_headers(Opaque, Opaque, bool);
    envoy_dynamic_module_on_http_filter_response_body(Opaque, Opaque, bool);
    envoy_dynamic_module_on_http_filter_response_trailers(Opaque, Opaque);
}

idle! {
    () = ();
    envoy_dynamic_module_on_http_filter_http_callout_done(
        Opaque, Opaque, u64, u32, Opaque, usize, Opaque, usize
    );
    envoy_dynamic_module_on_http_filter_http_stream_headers(
        Opaque, Opaque, u64, Opaque, usize, bool
    );
    envoy_dynamic_module_on_http_filter_http_stream_data(Opaque, Opaque, u64, Opaque, usize, bool);
    envoy_dynamic_module_on_http_filter_http_stream_trailers(Opaque, Opaque, u64, Opaque, usize);
    envoy_dynamic_module_on_http_filter_http_stream_complete(Opaque, Opaque, u64);
    envoy_dynamic_module_on_http_filter_http_stream_reset(Opaque, Opaque, u64, u32);
    envoy_dynamic_module_on_http_filter_scheduled(Opaque, Opaque, u64);
    envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(
        Opaque, Opaque
    );
    envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(
        Opaque, Opaque
    );
}
