//! Keeps the module loaded, whatever `do_not_close` in the configuration says: its thread may run after Envoy has
//! destroyed the last configuration.

use std::ffi::c_void;
use std::mem::MaybeUninit;

/// Makes the dynamic linker keep this module until the process ends. If it can't, `do_not_close` decides.
pub(super) fn pin() {
    let mut found = MaybeUninit::<libc::Dl_info>::uninit();
    let own = (pin as fn()) as *const c_void;
    // SAFETY: `own` is an address in this module, and `found` has room for the result.
    let is_found = unsafe { libc::dladdr(own, found.as_mut_ptr()) != 0 };
    if is_found {
        // SAFETY: `dladdr` has filled it in.
        let found = unsafe { found.assume_init() };
        let flags = libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
        // SAFETY: the name is a C string of the dynamic linker. With `RTLD_NOLOAD` nothing is loaded.
        let _handle = unsafe { libc::dlopen(found.dli_fname, flags) };
    }
}
