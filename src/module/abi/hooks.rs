//! The hooks that Envoy calls. Envoy requires every hook of an HTTP filter, even unused ones.
//!
//! A panic must not unwind into C: each hook catches panics, and those for requests then refuse the
//! request.
//!
//! A local reply and the continuation of a held request can end the request, and destroy its filter,
//! before they return. So they come last in a hook, after the last use of the filter.

use std::ffi::{c_char, c_void};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use log::Level;

use super::pin::pin;
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
    main: MainThreadHandle,
    /// Dropped when Envoy destroys the configuration: there is no filter then.
    shared: ManuallyDrop<Arc<Shared>>,
}

/// A configuration on the main thread. It is never freed, and small once it has ended: Envoy may destroy the
/// configuration on a worker, while a hook for it runs on the main thread.
#[derive(Debug)]
struct MainThreadHandle {
    main: Mutex<Option<MainThread>>,
    /// Whether Envoy has destroyed the configuration.
    is_destroyed: AtomicBool,
}

impl MainThreadHandle {
    /// Runs a hook, unless another one runs. A call that fails at once ends within the one that makes it; then
    /// [`Config::call`] returns the error.
    fn run(&self, hook: impl FnOnce(&mut MainThread)) {
        if let Some(mut main) = self.lock()
            && let Some(main) = &mut *main
        {
            hook(main);
        }
        if self.is_destroyed.load(Ordering::Acquire) {
            self.end();
        }
    }

    fn destroy(&self) {
        self.is_destroyed.store(true, Ordering::Release);
        self.end();
    }

    /// Ends the main thread's part, or leaves that to the hook that runs.
    fn end(&self) {
        let main = self.lock().and_then(|mut main| main.take());
        drop(main);
    }

    /// `None` while a hook runs. A hook that panicked is no reason to fetch no keys any more.
    fn lock(&self) -> Option<MutexGuard<'_, Option<MainThread>>> {
        match self.main.try_lock() {
            Ok(main) => Some(main),
            Err(TryLockError::Poisoned(main)) => Some(main.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    pin();
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
            let handle = Box::new(ConfigHandle {
                main: MainThreadHandle {
                    main: Mutex::new(Some(main)),
                    is_destroyed: AtomicBool::default(),
                },
                shared: ManuallyDrop::new(shared),
            });
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
    let config = config.cast::<ConfigHandle>();
    // SAFETY: the pointer is the one that `config_new` gave, and this field is never freed. Only one thread at a
    // time has what its mutex holds, also when another one drops it than has used it.
    let main = unsafe { &(*config).main };
    let _caught = catch_unwind(AssertUnwindSafe(|| main.destroy()));
    // SAFETY: this hook is called once, and no filter is created any more.
    unsafe { ManuallyDrop::drop(&mut (*config).shared) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_scheduled(
    envoy: Opaque,
    config: Opaque,
    event: u64,
) {
    // SAFETY: both pointers are those of this configuration.
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
    // SAFETY: both pointers are those of this configuration.
    unsafe {
        run_on_main_thread(envoy, config, |main, config| {
            main.handle_response(config, id, response.as_ref());
        });
    }
}

/// Runs a hook for a configuration.
///
/// # Safety
/// `envoy` must be Envoy's pointer for this hook, and `config` the one that `config_new` gave.
unsafe fn run_on_main_thread(
    envoy: Opaque,
    config: Opaque,
    hook: impl FnOnce(&mut MainThread, &Config<'_>),
) {
    // SAFETY: the caller knows that both are valid; the first ends with the hook, and the second is never freed.
    let (envoy, main) = unsafe { (Config::new(envoy), &(*config.cast::<ConfigHandle>()).main) };
    let ran = catch_unwind(AssertUnwindSafe(|| main.run(|main| hook(main, &envoy))));
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
