#!/usr/bin/env bash
# go.sh FOLDER PACKAGE VERSION [FLAGS]: builds a Go program into .tools/FOLDER/bin, with FLAGS for the compiler.
source "$(dirname "$0")/lib.sh"
need go 'install Go 1.26 or newer, see https://go.dev/doc/install'

package=$2@$3
# Not optimised by default: that takes a quarter less time, and most of these programs run for seconds.
flags=${4-all=-N -l}

install() {
    GOBIN=$1/bin CGO_ENABLED=0 go install -trimpath -gcflags="$flags" -ldflags='-s -w' "$package"
}

once "$1" "$package${4+ $4}" install
