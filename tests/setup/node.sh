#!/usr/bin/env bash
# Binaryen's wasm-metadce and wasm-opt, which make the filter's module small.
source "$(dirname "$0")/lib.sh"
need npm 'install Node 20 or newer'

install() {
    cp "$SETUP"/node/package*.json "$1"
    npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error
}

once node "$(digest "$SETUP"/node/package*.json)" install
