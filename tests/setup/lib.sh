# Shared by the set-up scripts: where tools go, and how a step runs once.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SETUP=$ROOT/tests/setup
TOOLS=$ROOT/.tools

# once NAME PIN INSTALL...: runs INSTALL with the empty folder .tools/NAME as its last argument, unless that
# folder was already filled for this PIN. The stamp is written last, so half an installation never counts.
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

# need COMMAND MEND: ends with the mend when COMMAND is not to be found.
need() {
    command -v "$1" >/dev/null || {
        echo "setup: $1 is missing: $2" >&2
        exit 1
    }
}

# digest FILE...: one word that changes with the files.
digest() {
    cat "$@" | sha256sum | cut -d' ' -f1
}
