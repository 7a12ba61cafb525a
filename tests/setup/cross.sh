#!/usr/bin/env bash
# Installs what the companion's images are built with: the musl targets, Zig as C compiler and linker for them, and
# cargo-zigbuild, as published on PyPI. The targets are not in rust-toolchain.toml, because only images need them.
source "$(dirname "$0")/lib.sh"
need rustup 'install it from https://rustup.rs'
need python3 'install Python 3 with its venv module'

requirements=$SETUP/cross/requirements.txt

install() {
    python3 -m venv "$1"
    "$1/bin/pip" install --quiet --no-deps --only-binary :all: --require-hashes -r "$requirements"
    # Without the Python package, which needs this very Python.
    ln -sfrT "$1"/lib/python*/site-packages/ziglang/zig "$1/bin/zig"
    cd "$ROOT"
    rustup target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl
}

once cross "$(digest "$requirements" "$ROOT/rust-toolchain.toml" "$0")" install
