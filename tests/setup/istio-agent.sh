#!/usr/bin/env bash
# Copies the template of an Istio proxy's bootstrap from Istio's Go module into .tools/istio-agent.
source "$(dirname "$0")/lib.sh"
need go 'install Go 1.26 or newer, see https://go.dev/doc/install'

install() {
    local istio
    istio=$(cd "$SETUP/istio" && go mod download istio.io/istio && go list -m -f '{{.Dir}}' istio.io/istio)
    cp --no-preserve=mode "$istio/tools/packaging/common/envoy_bootstrap.json" "$1"
}

once istio-agent "$(digest "$0" "$SETUP/istio/go.mod")" install
