#!/usr/bin/env bash
# go.sh FOLDER PACKAGE VERSION [FLAGS]: a Go program built into .tools/FOLDER/bin, the compiler given FLAGS.
source "$(dirname "$0")/lib.sh"
need go 'install Go 1.26 or newer, see https://go.dev/doc/install'

package=$2@$3
# Not optimised by default, which takes a quarter less time: most of what runs here runs for seconds.
flags=${4-all=-N -l}

install() {
    GOBIN=$1/bin CGO_ENABLED=0 go install -trimpath -gcflags="$flags" -ldflags='-s -w' "$package"
}

once "$1" "$package${4+ $4}" install
