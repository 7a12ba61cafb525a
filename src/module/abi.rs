//! Envoy's dynamic-module ABI (`source/extensions/dynamic_modules/abi/abi.h`), as far as it is used
//! here. Only this module has `unsafe` code; what it passes on is safe to use.
//!
//! `hooks` has the functions that Envoy calls, and `callbacks` declares those of Envoy. `config`,
//! `logging`, `request` and `scheduler` are safe wrappers of them. `metric_callbacks` finds those that
//! only newer versions have, and `pin` keeps the module loaded.

mod callbacks;
mod config;
#[allow(
    missing_docs,
    unreachable_pub,
    reason = "Envoy calls C functions by their names"
)]
mod hooks;
mod logging;
mod metric_callbacks;
mod pin;
mod request;
mod scheduler;

use std::ffi::{c_char, c_void};
use std::slice;

pub(crate) use self::config::Config;
pub(crate) use self::logging::{is_logged, log};
pub(crate) use self::request::{Refused, Request};
pub(crate) use self::scheduler::{ConfigScheduler, Event, RequestScheduler};

/// An opaque pointer of Envoy or of the module.
type Opaque = *mut c_void;

/// A byte buffer, owned by Envoy or by the module.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Buffer {
    ptr: *const c_char,
    length: usize,
}

/// A header field, owned by Envoy or by the module.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Header {
    name: Buffer,
    value: Buffer,
}

/// Which header map.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Map {
    Request = 0,
    RequestTrailers = 1,
    Response = 2,
}

impl Buffer {
    /// The empty buffer. As the value of a header it means "remove".
    const NULL: Self = Self {
        ptr: std::ptr::null(),
        length: 0,
    };

    /// A buffer over these bytes, which must outlive the call.
    const fn of(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr().cast(),
            length: bytes.len(),
        }
    }

    /// The bytes.
    ///
    /// # Safety
    /// They must be there and unchanged for as long as the slice is used.
    unsafe fn bytes<'b>(self) -> &'b [u8] {
        // SAFETY: the caller knows that.
        unsafe { array(self.ptr.cast(), self.length) }
    }
}

impl Header {
    fn of((name, value): (&str, &str)) -> Self {
        Self {
            name: Buffer::of(name.as_bytes()),
            value: Buffer::of(value.as_bytes()),
        }
    }
}

/// The elements of a C array.
///
/// # Safety
/// Unless `first` is null, there must be `length` of them, unchanged for as long as the slice is used.
unsafe fn array<'a, T>(first: *const T, length: usize) -> &'a [T] {
    if first.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: the pointer is not null, and the caller knows the rest.
    unsafe { slice::from_raw_parts(first, length) }
}
