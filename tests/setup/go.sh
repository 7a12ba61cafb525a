#!/usr/bin/env bash
# go.sh FOLDER PACKAGE VERSION: a Go program built into .tools/FOLDER/bin.
source "$(dirname "$0")/lib.sh"
need go 'install Go 1.26 or newer, see https://go.dev/doc/install'

package=$2@$3

install() {
    GOBIN=$1/bin CGO_ENABLED=0 go install -trimpath -ldflags='-s -w' "$package"
}

once "$1" "$package" install
