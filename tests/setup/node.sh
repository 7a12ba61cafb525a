#!/usr/bin/env bash
# node.sh FOLDER: installs the npm packages that tests/setup/FOLDER pins into .tools/FOLDER.
source "$(dirname "$0")/lib.sh"
need node 'install Node 20 or newer'
need npm 'install Node 20 or newer, with npm'
[[ $(node --print 'parseInt(process.versions.node)') -ge 20 ]] ||
    fail "Node $(node --version) is too old" 'install Node 20 or newer'

pins=$SETUP/$1

# npm treats a folder that is reached through a symbolic link as another package.
install() {
    cp "$pins"/package*.json "$1"
    cd -P "$1"
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
}

once "$1" "$(digest "$pins"/package*.json)" install
