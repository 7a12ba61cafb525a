#!/usr/bin/env bash
# cargo.sh FOLDER CRATE VERSION [BINARY]: builds a Rust tool into .tools/FOLDER/bin.
source "$(dirname "$0")/lib.sh"

folder=$1 crate=$2 version=$3 binary=${4:-$2}

# Debug builds: these tools run for seconds, and their optimised builds take minutes.
build() {
    local root=$1
    shift
    CARGO_TARGET_DIR=$root/build cargo install --debug --quiet --root "$root" "$@" \
        --bin "$binary" --version "$version" "$crate"
}

# A registry mirror may lack a version that the lock file of the crate names, as with wasm-bindgen-cli 0.2.130 and the
# newest webpki-roots.
install() {
    build "$1" --locked || {
        echo "setup: $crate: the versions in its lock file are not available; building with others" >&2
        build "$1"
    }
    rm -rf "$1/build"
}

once "$folder" "$crate $version $binary" install
