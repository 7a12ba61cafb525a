#!/usr/bin/env bash
# cargo.sh FOLDER CRATE VERSION [BINARY]: builds a Rust tool into .tools/FOLDER/bin.
source "$(dirname "$0")/lib.sh"

folder=$1 crate=$2 version=$3 binary=${4:-$2}

# Debug builds: these tools run for seconds, and their optimised builds take minutes.
install() {
    CARGO_TARGET_DIR=$1/build cargo install --locked --debug --quiet --root "$1" \
        --bin "$binary" --version "$version" "$crate"
    rm -rf "$1/build"
}

once "$folder" "$crate $version $binary" install
