#!/usr/bin/env bash
# Installs the header file of Envoy's dynamic-module ABI into .tools/abi, from the Go module that Envoy publishes. The
# module has no tags; this one is of the time of Envoy 1.38.
source "$(dirname "$0")/lib.sh"
need go 'install Go 1.26 or newer, see https://go.dev/doc/install'

module=github.com/envoyproxy/envoy/source/extensions/dynamic_modules@v0.0.0-20260129014508-e8c1dc7dcbcd
sha256=4dae397a7c9ff0238d318d57ea656ce8b3fbff595787dcd7ee2ff5b79c9fe10f

install() {
    local folder
    folder=$(cd / && GOFLAGS=-mod=mod go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    echo "$sha256  $folder/abi/abi.h" | sha256sum --check --quiet
    cp "$folder/abi/abi.h" "$1"
    chmod u+w "$1/abi.h"
}

once abi "$(digest "$0")" install
