//! The proxy-wasm adapter of Portcullis: reads the request, asks core, acts on the answer.
