#!/usr/bin/env bash
# go.sh FOLDER PACKAGE VERSION: a Go program built into .tools/FOLDER/bin.
source "$(dirname "$0")/lib.sh"
need go 'install Go 1.26 or newer, see https://go.dev/doc/install'

package=$2@$3

# Not optimised, which takes a quarter less time: what runs here runs for seconds.
install() {
    GOBIN=$1/bin CGO_ENABLED=0 go install -trimpath -gcflags='all=-N -l' -ldflags='-s -w' "$package"
}

once "$1" "$package" install
