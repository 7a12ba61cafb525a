#!/usr/bin/env bash
# node.sh FOLDER: what tests/setup/FOLDER pins from npm, in .tools/FOLDER.
source "$(dirname "$0")/lib.sh"
need npm 'install Node 20 or newer'

pins=$SETUP/$1

# npm takes a folder behind a link for another package.
install() {
    cp "$pins"/package*.json "$1"
    cd -P "$1"
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
}

once "$1" "$(digest "$pins"/package*.json)" install
