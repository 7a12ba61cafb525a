#!/usr/bin/env bash
# The toolchain that rust-toolchain.toml pins, with both WebAssembly targets.
source "$(dirname "$0")/lib.sh"
need rustup 'see https://rustup.rs'

# rustup finds the pin in the folder where it runs.
install() {
    cd "$ROOT"
    rustup toolchain install
}

once rust "$(digest "$ROOT/rust-toolchain.toml")" install
