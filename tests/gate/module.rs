//! The module: its imports, its exports and its size.

use std::fs;

use portcullis_tests::lab::tools;
use wasmparser::{Parser, Payload, TypeRef};

/// All host functions that the filter imports. Each exists in Envoy 1.36 and 1.40; another one may
/// be missing in some host, and the module would then not load at all.
pub(crate) const IMPORTS: [&str; 37] = [
    "env.proxy_add_header_map_value",
    "env.proxy_call_foreign_function",
    "env.proxy_close_stream",
    "env.proxy_continue_stream",
    "env.proxy_define_metric",
    "env.proxy_dequeue_shared_queue",
    "env.proxy_done",
    "env.proxy_get_buffer_bytes",
    "env.proxy_get_current_time_nanoseconds",
    "env.proxy_get_header_map_pairs",
    "env.proxy_get_header_map_value",
    "env.proxy_get_log_level",
    "env.proxy_get_property",
    "env.proxy_get_shared_data",
    "env.proxy_get_status",
    "env.proxy_grpc_cancel",
    "env.proxy_grpc_close",
    "env.proxy_grpc_send",
    "env.proxy_http_call",
    "env.proxy_increment_metric",
    "env.proxy_log",
    "env.proxy_record_metric",
    "env.proxy_register_shared_queue",
    "env.proxy_remove_header_map_value",
    "env.proxy_replace_header_map_value",
    "env.proxy_send_local_response",
    "env.proxy_set_buffer_bytes",
    "env.proxy_set_effective_context",
    "env.proxy_set_header_map_pairs",
    "env.proxy_set_property",
    "env.proxy_set_shared_data",
    "env.proxy_set_tick_period_milliseconds",
    "wasi_snapshot_preview1.environ_get",
    "wasi_snapshot_preview1.environ_sizes_get",
    "wasi_snapshot_preview1.fd_write",
    "wasi_snapshot_preview1.proc_exit",
    "wasi_snapshot_preview1.random_get",
];

/// All functions that Envoy calls. Envoy enters the VM for each of them, so unused ones are
/// removed.
pub(crate) const EXPORTS: [&str; 14] = [
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_tick",
    "proxy_on_vm_start",
];

/// The size limit, in bytes.
const MAX_BYTES: usize = 550_000;

fn module() -> Vec<u8> {
    fs::read(tools::filter()).expect("the module")
}

fn payloads(module: &[u8]) -> Vec<Payload<'_>> {
    Parser::new(0)
        .parse_all(module)
        .collect::<Result<_, _>>()
        .expect("a module")
}

#[test]
fn the_imports_are_exactly_these() {
    let module = module();
    let mut imports = Vec::new();
    for payload in payloads(&module) {
        if let Payload::ImportSection(section) = payload {
            for import in section.into_imports() {
                let import = import.expect("an import");
                assert!(matches!(import.ty, TypeRef::Func(_)), "{import:?}");
                imports.push(format!("{}.{}", import.module, import.name));
            }
        }
    }
    imports.sort_unstable();
    assert_eq!(imports, IMPORTS);
}

#[test]
fn the_exports_are_exactly_these() {
    let module = module();
    let mut exports = Vec::new();
    for payload in payloads(&module) {
        if let Payload::ExportSection(section) = payload {
            for export in section {
                exports.push(export.expect("an export").name.to_owned());
            }
        }
    }
    exports.sort_unstable();
    assert_eq!(exports, EXPORTS);
}

#[test]
fn its_size_is_550_000_bytes_at_most() {
    let bytes = module().len();
    assert!(
        bytes <= MAX_BYTES,
        "{bytes} bytes exceed the limit of {MAX_BYTES}"
    );
}
