#!/usr/bin/env bash
# Builds istio/images, the program that writes the images, into .tools/images.
source "$(dirname "$0")/lib.sh"
need go 'install Go 1.26 or newer, see https://go.dev/doc/install'

sources=$ROOT/istio/images

install() {
    CGO_ENABLED=0 go build -C "$sources" -trimpath -mod=readonly -buildvcs=false -ldflags='-s -w' \
        -o "$1/images" .
}

once images "$(digest "$0" "$sources"/*.go "$sources"/go.*)" install
