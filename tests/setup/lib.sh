# Shared by the set-up scripts: where tools are installed, and how to run a step once.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SETUP=$ROOT/tests/setup
TOOLS=$ROOT/.tools

# once NAME PIN INSTALL...: runs INSTALL with the empty folder .tools/NAME as its last argument, unless that
# folder was already installed for this PIN. The pin is written last, so an incomplete installation is repeated.
once() {
    local name=$1 pin=$2
    shift 2
    local folder=$TOOLS/$name
    if [[ -f $folder/.pin && $(<"$folder/.pin") == "$pin" ]]; then
        return
    fi
    echo "setup: $name"
    rm -rf "$folder"
    mkdir -p "$folder"
    "$@" "$folder"
    printf '%s' "$pin" >"$folder/.pin"
}

# fail ERROR HELP: exits with what is wrong and what to do.
fail() {
    printf '%s: %s\n' setup "$1" help "$2" >&2
    exit 1
}

# need COMMAND HELP: fails when COMMAND is not on the PATH.
need() {
    command -v "$1" >/dev/null || fail "$1 is missing" "$2"
}

# digest FILE...: a hash of the files' content.
digest() {
    cat "$@" | sha256sum | cut -d' ' -f1
}
