#!/usr/bin/env bash
# Installs the toolchain that rust-toolchain.toml pins, with both WebAssembly targets.
source "$(dirname "$0")/lib.sh"
need rustup 'install it from https://rustup.rs'
need cc 'install a C compiler such as gcc: Rust links with it'

# rustup reads the pin from the current folder.
install() {
    cd "$ROOT"
    rustup toolchain install
}

once rust "$(digest "$ROOT/rust-toolchain.toml")" install
