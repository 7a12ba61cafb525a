//! The hooks that Envoy calls. Envoy requires every hook of an HTTP filter, even unused ones.
//!
//! A panic must not unwind into C: each hook catches panics, and those for requests then refuse the
//! request.
//!
//! A local reply and the continuation of a held request can end the request, and destroy its filter,
//! before they return. So they come last in a hook, after the last use of the filter.

use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use log::Level;

use super::{Buffer, Config, Event, Header, Opaque, Request, array, log};
use crate::filter::{Action, Filter};
use crate::main_thread::MainThread;
use crate::reply;
use crate::response::Response;
use crate::shared::Shared;

/// The version of the ABI that this was written for: Envoy 1.38 and 1.39 have it.
const VERSION: &[u8] = b"v0.1.0\0";

/// The `filter_name` in the filter's configuration.
const FILTER_NAME: &[u8] = b"portcullis";

/// A hook's status: the request continues.
const CONTINUE: u32 = 0;

/// A hook's status: nothing of the request continues.
const STOP: u32 = 1;

/// The status of the hook for headers that holds the request with its body and trailers, with back
/// pressure: `StopAllIterationAndWatermark`.
const HOLD: u32 = 4;

/// The status of the hook for the body that drops it: `StopIterationNoBuffer`.
const DROP: u32 = 3;

/// A configuration.
#[derive(Debug)]
struct ConfigHandle {
    /// Only for the hooks that Envoy calls on its main thread, and for the last one.
    main: RefCell<MainThread>,
    shared: Arc<Shared>,
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    VERSION.as_ptr().cast()
}

// === Configurations ===

/// Returns null to refuse the configuration.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    envoy: Opaque,
    name: Buffer,
    config: Buffer,
) -> *const c_void {
    // SAFETY: Envoy's buffers live while the hook runs.
    let (name, bytes) = unsafe { (name.bytes(), config.bytes()) };
    // SAFETY: the pointer is that of this hook, and this ends with it.
    let config = unsafe { Config::new(envoy) };
    let started = catch_unwind(AssertUnwindSafe(|| {
        if name == FILTER_NAME {
            MainThread::start(&config, bytes)
        } else {
            Err("unknown filter name; help: set `filter_name: portcullis`".to_owned())
        }
    }));
    let error = match started {
        Ok(Ok((main, shared))) => {
            let main = RefCell::new(main);
            let handle = Box::new(ConfigHandle { main, shared });
            return Box::into_raw(handle).cast_const().cast();
        }
        Ok(Err(error)) => error,
        Err(_) => "internal error".to_owned(),
    };
    let line = format!("portcullis: invalid configuration: {error}");
    log(Level::Error, &line);
    ptr::null()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(config: Opaque) {
    // SAFETY: the pointer is the one that `config_new` gave, and Envoy uses it no more. A worker may run
    // this hook, after the last one on the main thread.
    let config = unsafe { Box::from_raw(config.cast::<ConfigHandle>()) };
    let _caught = catch_unwind(AssertUnwindSafe(|| drop(config)));
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_scheduled(
    envoy: Opaque,
    config: Opaque,
    event: u64,
) {
    // SAFETY: both pointers are those of this configuration, and this is the main thread.
    unsafe {
        run_on_main_thread(envoy, config, |main, config| {
            main.handle_event(config, Event::from_id(event));
        });
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_http_callout_done(
    envoy: Opaque,
    config: Opaque,
    id: u64,
    result: u32,
    headers: *const Header,
    headers_size: usize,
    chunks: *const Buffer,
    chunks_size: usize,
) {
    const SUCCESS: u32 = 0;
    // SAFETY: Envoy's arrays and buffers live while the hook runs.
    let response = unsafe {
        let headers = array(headers, headers_size).iter();
        let chunks = array(chunks, chunks_size).iter();
        Response {
            headers: headers
                .map(|header| (header.name.bytes(), header.value.bytes()))
                .collect(),
            chunks: chunks.map(|chunk| chunk.bytes()).collect(),
        }
    };
    let response = (result == SUCCESS).then_some(response);
    // SAFETY: both pointers are those of this configuration, and this is the main thread.
    unsafe {
        run_on_main_thread(envoy, config, |main, config| {
            main.handle_response(config, id, response.as_ref());
        });
    }
}

/// Runs a hook for a configuration. It does nothing within another one: a call that fails at once ends
/// before it was made, and then [`Config::call`] returns the error.
///
/// # Safety
/// `envoy` must be Envoy's pointer for this hook, `config` the one that `config_new` gave, and this
/// thread Envoy's main thread.
unsafe fn run_on_main_thread(
    envoy: Opaque,
    config: Opaque,
    hook: impl FnOnce(&mut MainThread, &Config<'_>),
) {
    // SAFETY: the caller knows that both are valid, and this ends with the hook.
    let (envoy, main) = unsafe { (Config::new(envoy), &(*config.cast::<ConfigHandle>()).main) };
    let ran = catch_unwind(AssertUnwindSafe(|| {
        if let Ok(mut main) = main.try_borrow_mut() {
            hook(&mut main, &envoy);
        }
    }));
    if ran.is_err() {
        log(
            Level::Error,
            "portcullis: internal error on the main thread",
        );
    }
}

// === Requests ===

/// Returns null on failure, and then every hook refuses the request.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_new(
    config: Opaque,
    _: Opaque,
) -> *const c_void {
    // SAFETY: the pointer is from `config_new`, and outlives its filters. What is shared may be used by
    // every thread.
    let shared = unsafe { &(*config.cast::<ConfigHandle>()).shared };
    match catch_unwind(AssertUnwindSafe(|| Box::new(Filter::new(shared)))) {
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
        run(envoy, filter, HOLD, |filter, request| {
            filter.receive(request, end_of_stream)
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_body(
    _: Opaque,
    filter: Opaque,
    _: bool,
) -> u32 {
    // SAFETY: the pointer is null or the one that `filter_new` gave.
    let filter = unsafe { filter.cast::<Filter>().as_ref() };
    if filter.is_some_and(Filter::is_forwarded) {
        CONTINUE
    } else {
        DROP
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_trailers(
    envoy: Opaque,
    filter: Opaque,
) -> u32 {
    // SAFETY: both pointers are those of this request.
    unsafe { run(envoy, filter, STOP, Filter::remove_trailers) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_response_headers(
    envoy: Opaque,
    filter: Opaque,
    _: bool,
) -> u32 {
    // SAFETY: both pointers are those of this request.
    unsafe { observe(envoy, filter, Filter::add_cookies) }
    CONTINUE
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_scheduled(
    envoy: Opaque,
    filter: Opaque,
    _: u64,
) {
    // SAFETY: both pointers are those of this request.
    let status = unsafe { run(envoy, filter, HOLD, |filter, request| filter.wake(request)) };
    if status == CONTINUE {
        // SAFETY: the pointer is Envoy's for this hook, which ends with it.
        unsafe { Request::new(envoy) }.resume();
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_stream_complete(
    envoy: Opaque,
    filter: Opaque,
) {
    // SAFETY: both pointers are those of this request.
    unsafe { observe(envoy, filter, |filter, request| filter.complete(request)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_destroy(filter: Opaque) {
    if !filter.is_null() {
        // SAFETY: the pointer is the one that `filter_new` gave, and Envoy uses it no more.
        let filter = unsafe { Box::from_raw(filter.cast::<Filter>()) };
        let _caught = catch_unwind(AssertUnwindSafe(|| drop(filter)));
    }
}

/// Runs a hook, and refuses the request if it panics. `held` is the status for a request that waits.
///
/// # Safety
/// `envoy` must be Envoy's pointer for this hook, and `filter` null or the one that `filter_new` gave.
unsafe fn run(
    envoy: Opaque,
    filter: Opaque,
    held: u32,
    hook: impl FnOnce(&Filter, &mut Request<'_>) -> Action,
) -> u32 {
    // SAFETY: the caller knows that the pointer is Envoy's, and the request ends with this function.
    let mut request = unsafe { Request::new(envoy) };
    let action = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller knows that the pointer is null or one of `filter_new`.
        let filter = unsafe { filter.cast::<Filter>().as_ref() };
        filter.map(|filter| hook(filter, &mut request))
    }));
    let local_reply = match action {
        Ok(Some(Action::Forward)) => return CONTINUE,
        Ok(Some(Action::Hold)) => return held,
        Ok(Some(Action::Reply(local_reply))) => local_reply,
        Ok(None) | Err(_) => reply::internal(),
    };
    request.send_local_reply(&local_reply);
    STOP
}

/// Runs a hook that does not decide about the request.
///
/// # Safety
/// As for [`run`].
unsafe fn observe(envoy: Opaque, filter: Opaque, hook: impl FnOnce(&Filter, &mut Request<'_>)) {
    // SAFETY: the caller knows that both pointers are valid, and the request ends with this function.
    let (mut request, filter) = unsafe { (Request::new(envoy), filter.cast::<Filter>().as_ref()) };
    let _caught = catch_unwind(AssertUnwindSafe(|| {
        if let Some(filter) = filter {
            hook(filter, &mut request);
        }
    }));
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
    envoy_dynamic_module_on_http_filter_response_body(Opaque, Opaque, bool);
    envoy_dynamic_module_on_http_filter_response_trailers(Opaque, Opaque);
}

idle! {
    () = ();
    envoy_dynamic_module_on_http_filter_http_callout_done(
        Opaque, Opaque, u64, u32, *const Header, usize, *const Buffer, usize
    );
    envoy_dynamic_module_on_http_filter_http_stream_headers(
        Opaque, Opaque, u64, *const Header, usize, bool
    );
    envoy_dynamic_module_on_http_filter_http_stream_data(
        Opaque, Opaque, u64, *const Buffer, usize, bool
    );
    envoy_dynamic_module_on_http_filter_http_stream_trailers(
        Opaque, Opaque, u64, *const Header, usize
    );
    envoy_dynamic_module_on_http_filter_http_stream_complete(Opaque, Opaque, u64);
    envoy_dynamic_module_on_http_filter_http_stream_reset(Opaque, Opaque, u64, u32);
    envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(
        Opaque, Opaque
    );
    envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(
        Opaque, Opaque
    );
}
