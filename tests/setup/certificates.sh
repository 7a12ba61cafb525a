#!/usr/bin/env bash
# Installs the certificates of the public CAs, as Mozilla lists them and PyPI's certifi publishes them, into
# .tools/certificates.
source "$(dirname "$0")/lib.sh"
need python3 'install Python 3 with its venv module'

requirements=$SETUP/certificates/requirements.txt

install() {
    python3 -m venv "$1/venv"
    "$1/venv/bin/pip" install --quiet --no-deps --only-binary :all: --require-hashes -r "$requirements"
    cp "$1"/venv/lib/python*/site-packages/certifi/cacert.pem "$1/ca-certificates.crt"
    rm -r "$1/venv"
}

once certificates "$(digest "$requirements" "$0")" install
