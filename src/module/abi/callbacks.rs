//! The declarations of Envoy's callbacks.

use super::{Buffer, Header, Map, Opaque};

/// Declares functions of Envoy. Unit tests run without Envoy, so there is something else to link with.
macro_rules! callbacks {
    ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        #[cfg(not(test))]
        unsafe extern "C" {
            $(pub(super) fn $name($($argument: $type),*) $(-> $result)?;)*
        }

        $(
            #[cfg(test)]
            pub(super) unsafe extern "C" fn $name($(_: $type),*) $(-> $result)? {
                panic!("this needs Envoy");
            }
        )*
    };
}

callbacks! {
    fn envoy_dynamic_module_callback_http_add_header(
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
    fn envoy_dynamic_module_callback_http_filter_config_http_callout(
        config: Opaque,
        id: *mut u64,
        cluster: Buffer,
        headers: *const Header,
        headers_size: usize,
        body: Buffer,
        timeout_milliseconds: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_config_scheduler_commit(
        scheduler: Opaque,
        event: u64,
    );
    fn envoy_dynamic_module_callback_http_filter_config_scheduler_delete(
        scheduler: Opaque,
    );
    fn envoy_dynamic_module_callback_http_filter_config_scheduler_new(
        config: Opaque,
    ) -> Opaque;
    fn envoy_dynamic_module_callback_http_filter_continue_decoding(filter: Opaque);
    fn envoy_dynamic_module_callback_http_filter_decrement_gauge(
        filter: Opaque,
        id: usize,
        values: *const Buffer,
        values_size: usize,
        value: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_get_attribute_string(
        filter: Opaque,
        attribute: u32,
        value: *mut Buffer,
    ) -> bool;
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
    fn envoy_dynamic_module_callback_http_filter_scheduler_commit(
        scheduler: Opaque,
        event: u64,
    );
    fn envoy_dynamic_module_callback_http_filter_scheduler_delete(scheduler: Opaque);
    fn envoy_dynamic_module_callback_http_filter_scheduler_new(filter: Opaque)
    -> Opaque;
    fn envoy_dynamic_module_callback_http_filter_set_gauge(
        filter: Opaque,
        id: usize,
        values: *const Buffer,
        values_size: usize,
        value: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_get_headers(
        filter: Opaque,
        map: Map,
        headers: *mut Header,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_get_headers_size(
        filter: Opaque,
        map: Map,
    ) -> usize;
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
    fn envoy_dynamic_module_callback_log(level: u32, message: Buffer);
    fn envoy_dynamic_module_callback_log_enabled(level: u32) -> bool;
}
