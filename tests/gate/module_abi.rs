//! The declarations of the dynamic module are those of Envoy's header file.

use std::fs;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::tools;

/// Functions that are newer than the header file, each with one in it that differs in what its first
/// pointer is of: a configuration and not a request.
const NEWER: [(&str, &str); 7] = [
    (
        "callback_http_filter_config_http_callout",
        "callback_http_filter_http_callout",
    ),
    (
        "on_http_filter_config_http_callout_done",
        "on_http_filter_http_callout_done",
    ),
    (
        "callback_http_filter_config_decrement_gauge",
        "callback_http_filter_decrement_gauge",
    ),
    (
        "callback_http_filter_config_increment_counter",
        "callback_http_filter_increment_counter",
    ),
    (
        "callback_http_filter_config_increment_gauge",
        "callback_http_filter_increment_gauge",
    ),
    (
        "callback_http_filter_config_record_histogram_value",
        "callback_http_filter_record_histogram_value",
    ),
    (
        "callback_http_filter_config_set_gauge",
        "callback_http_filter_set_gauge",
    ),
];

/// The constants of the module's sources, and what they are in the header file.
const CONSTANTS: [(&str, &str, &str); 12] = [
    ("abi.rs", "Request = 0", "http_header_type_RequestHeader"),
    (
        "abi.rs",
        "RequestTrailers = 1",
        "http_header_type_RequestTrailer",
    ),
    ("abi.rs", "Response = 2", "http_header_type_ResponseHeader"),
    (
        "abi/config.rs",
        "SUCCESS: u32 = 0",
        "http_callout_init_result_Success",
    ),
    (
        "abi/config.rs",
        "CLUSTER_NOT_FOUND: u32 = 2",
        "http_callout_init_result_ClusterNotFound",
    ),
    (
        "abi/hooks.rs",
        "CONTINUE: u32 = 0",
        "on_http_filter_request_headers_status_Continue",
    ),
    (
        "abi/hooks.rs",
        "STOP: u32 = 1",
        "on_http_filter_request_headers_status_StopIteration",
    ),
    (
        "abi/hooks.rs",
        "HOLD: u32 = 4",
        "on_http_filter_request_headers_status_StopAllIterationAndWatermark",
    ),
    (
        "abi/hooks.rs",
        "DROP: u32 = 3",
        "on_http_filter_request_body_status_StopIterationNoBuffer",
    ),
    (
        "abi/hooks.rs",
        "SUCCESS: u32 = 0",
        "http_callout_result_Success",
    ),
    (
        "abi/metric_callbacks.rs",
        "METRIC_ACCEPTED: u32 = 0",
        "metrics_result_Success",
    ),
    (
        "abi/request.rs",
        "SOURCE_ADDRESS: u32 = 24",
        "attribute_id_SourceAddress",
    ),
];

/// How a function takes or returns a value. Pointers are not told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Buffer,
    Pointer,
    Size,
    /// An enumeration too.
    U32,
    U64,
    Void,
}

#[derive(Debug, PartialEq, Eq)]
struct Signature {
    arguments: Vec<Kind>,
    result: Kind,
}

#[test]
fn functions_have_the_signatures_of_the_header_file() {
    let header = header();
    let callbacks = source("abi/callbacks.rs");
    let hooks = source("abi/hooks.rs");
    let mut compared = Vec::new();
    for source in [&callbacks, &hooks] {
        for (name, found) in rust_functions(source) {
            assert_eq!(found, c_function(&header, &name), "{name}");
            compared.push(name);
        }
    }
    // A function that this test does not find would not be compared.
    let declared = |text: &str| text.matches("envoy_dynamic_module_on_").count();
    let compared_hooks = compared.iter().filter(|name| name.starts_with("on_"));
    assert_eq!(compared_hooks.count(), declared(&hooks));
    assert!(compared.len() > 45, "{}", compared.len());

    // Found by their names while Envoy runs, with the signature of those of requests.
    let metrics = source("abi/metric_callbacks.rs");
    for (newer, _) in NEWER.iter().skip(2) {
        assert!(
            metrics.contains(&format!("c\"envoy_dynamic_module_{newer}\"")),
            "{newer}"
        );
        let found = c_function(&header, newer);
        let arguments = vec![
            Kind::Pointer,
            Kind::Size,
            Kind::Pointer,
            Kind::Size,
            Kind::U64,
        ];
        assert_eq!(
            found,
            Signature {
                arguments,
                result: Kind::U32
            },
            "{newer}"
        );
    }
}

#[test]
fn constants_have_the_values_of_the_header_file() {
    let header = header();
    for (file, constant, name) in CONSTANTS {
        assert!(source(file).contains(constant), "{file}: {constant}");
        let name = format!("envoy_dynamic_module_type_{name}");
        let number = constant.rsplit_once("= ").unwrap().1;
        assert_eq!(number, enumerated(&header, &name).to_string(), "{name}");
    }
}

fn header() -> String {
    let text = fs::read_to_string(tools::dynamic_module_header()).unwrap();
    without_comments(&text)
}

fn source(file: &str) -> String {
    let path = workspace().join("src/module").join(file);
    fs::read_to_string(path).unwrap()
}

fn without_comments(text: &str) -> String {
    let mut blocks = text.split("/*");
    let mut code = blocks.next().unwrap_or_default().to_owned();
    for block in blocks {
        code.push_str(block.split_once("*/").unwrap().1);
    }
    let lines = code
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The functions of a Rust source, without the prefix of their names: declarations, definitions, and names with
/// types alone, as in the macro for hooks that do nothing.
fn rust_functions(source: &str) -> Vec<(String, Signature)> {
    let mut functions = Vec::new();
    let mut idle_result = Kind::Void;
    for part in source.split_inclusive(['{', ';']) {
        if part.trim_end().ends_with(';') && part.contains("= CONTINUE") {
            idle_result = Kind::U32;
        } else if part.trim_end().ends_with(';') && part.contains("() = ()") {
            idle_result = Kind::Void;
        }
        let Some((before, rest)) = part.split_once("envoy_dynamic_module_") else {
            continue;
        };
        let Some((name, rest)) = rest.split_once('(') else {
            continue;
        };
        let is_name = |name: &str| {
            name.bytes()
                .all(|b| b.is_ascii_lowercase() || b"_0123456789".contains(&b))
        };
        let Some((arguments, rest)) = rest.split_once(')').filter(|_| is_name(name)) else {
            continue;
        };
        let is_declared = before.trim_end().ends_with("fn");
        let arguments = arguments
            .split(',')
            .map(str::trim)
            .filter(|argument| !argument.is_empty());
        let arguments = arguments.map(|argument| {
            let kind = argument
                .rsplit_once(": ")
                .map_or(argument, |(_, kind)| kind);
            rust_kind(kind)
        });
        let result = match rest.split_once("->") {
            Some((_, result)) => rust_kind(result.trim_end_matches(['{', ';']).trim()),
            None if is_declared => Kind::Void,
            None => idle_result,
        };
        let arguments = arguments.collect();
        functions.push((name.to_owned(), Signature { arguments, result }));
    }
    functions
}

fn rust_kind(kind: &str) -> Kind {
    match kind {
        "bool" => Kind::Bool,
        "Buffer" => Kind::Buffer,
        "usize" => Kind::Size,
        "u32" | "Map" => Kind::U32,
        "u64" => Kind::U64,
        "Opaque" => Kind::Pointer,
        _ if kind.starts_with('*') => Kind::Pointer,
        other => panic!("{other}"),
    }
}

/// The function of this name in the header file, or the one that is like it.
fn c_function(header: &str, name: &str) -> Signature {
    let newer = NEWER.iter().find(|(newer, _)| *newer == name);
    let name = newer.map_or(name, |(_, like)| like);
    let start = format!("envoy_dynamic_module_{name}(");
    let (before, rest) = header
        .split_once(&start)
        .unwrap_or_else(|| panic!("{name} is missing"));
    let result = before.rsplit([';', '}']).next().unwrap();
    let result = result.lines().filter(|line| !line.starts_with('#'));
    let result = result.collect::<Vec<_>>().join(" ");
    let (arguments, _) = rest.split_once(')').unwrap();
    let arguments = arguments.split(',').map(str::trim);
    let arguments = arguments.filter(|argument| !argument.is_empty() && *argument != "void");
    let arguments = arguments.map(|argument| {
        let (kind, _) = argument.rsplit_once([' ', '*']).unwrap();
        c_kind(
            header,
            if argument.contains('*') {
                "*"
            } else {
                kind.trim()
            },
        )
    });
    Signature {
        arguments: arguments.collect(),
        result: c_kind(header, result.trim()),
    }
}

fn c_kind(header: &str, kind: &str) -> Kind {
    match kind {
        "bool" => Kind::Bool,
        "size_t" => Kind::Size,
        "uint32_t" => Kind::U32,
        "uint64_t" => Kind::U64,
        "void" => Kind::Void,
        "envoy_dynamic_module_type_envoy_buffer" | "envoy_dynamic_module_type_module_buffer" => {
            Kind::Buffer
        }
        _ if kind.contains('*') => Kind::Pointer,
        _ if header.contains(&format!("}} {kind};")) => Kind::U32,
        _ => {
            // A pointer with a name: `typedef const void* NAME;`
            let is_pointer = |line: &str| line.ends_with(&format!("* {kind};"));
            assert!(header.lines().any(is_pointer), "{kind}");
            Kind::Pointer
        }
    }
}

/// The value of a constant of an enumeration, which has no values of its own.
fn enumerated(header: &str, name: &str) -> usize {
    let mut bodies = header.split("typedef enum").skip(1);
    let found = bodies.find_map(|body| {
        let body = body.split_once('{')?.1.split_once('}')?.0;
        let mut constants = body
            .split(',')
            .map(|constant| constant.split('=').next().unwrap_or_default().trim());
        constants.position(|constant| constant == name)
    });
    found.unwrap_or_else(|| panic!("{name} is missing"))
}
