#!/usr/bin/env bash
# go-module.sh FOLDER LDFLAGS PACKAGE...: builds Go programs into .tools/FOLDER/bin, with the modules that
# tests/setup/FOLDER/go.mod and go.sum pin. For programs that `go install PACKAGE@VERSION` can't build.
source "$(dirname "$0")/lib.sh"
need go 'install Go 1.26 or newer, see https://go.dev/doc/install'

source=$SETUP/$1
ldflags=$2
packages=("${@:3}")
export GOFLAGS=-mod=readonly

# Not optimised, see go.sh.
install() {
    local began=$SECONDS
    (cd "$source" && GOBIN=$1/bin CGO_ENABLED=0 \
        go install -trimpath -gcflags='all=-N -l' -ldflags="-s -w $ldflags" "${packages[@]}")
    echo "setup: ${1##*/} took $((SECONDS - began)) s"
}

mapfile -t sources < <(find "$source" -type f | LC_ALL=C sort)
once "$1" "$(digest "$0" "${sources[@]}") ${*:2}" install
