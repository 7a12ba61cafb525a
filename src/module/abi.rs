//! Declarations of Envoy's dynamic-module ABI (`source/extensions/dynamic_modules/abi/abi.h`), as far
//! as they are used here.

use std::ffi::{c_char, c_void};

/// An opaque pointer of Envoy or of the module.
pub(crate) type Opaque = *mut c_void;

/// A byte buffer, owned by Envoy or by the module.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffer {
    pub(crate) ptr: *const c_char,
    pub(crate) length: usize,
}

/// A header field, owned by Envoy or by the module.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) name: Buffer,
    pub(crate) value: Buffer,
}

/// Which header map.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Map {
    Request = 0,
    RequestTrailers = 1,
}

/// Whether Envoy accepted a metric: `envoy_dynamic_module_type_metrics_result_Success`.
pub(crate) const METRIC_ACCEPTED: u32 = 0;

/// A hook's status: the request continues.
pub(crate) const CONTINUE: u32 = 0;

/// A hook's status: the request is held.
pub(crate) const STOP: u32 = 1;

/// The version of the ABI that this was written for: Envoy 1.38 and 1.39 have it.
pub(crate) const VERSION: &[u8] = b"v0.1.0\0";

impl Buffer {
    /// The empty buffer. As the value of a header it means "remove".
    pub(crate) const NULL: Self = Self {
        ptr: std::ptr::null(),
        length: 0,
    };

    /// A buffer over these bytes, which must outlive the call.
    pub(crate) const fn of(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr().cast(),
            length: bytes.len(),
        }
    }
}
