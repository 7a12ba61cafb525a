#!/usr/bin/env bash
# Takes from Istio's Go module, into .tools/istio-agent, the template of a proxy's bootstrap, and what its chart gives istiod
# to create Deployments of gateways from. Needs Helm in .tools/.
source "$(dirname "$0")/lib.sh"
need go 'install Go 1.26 or newer, see https://go.dev/doc/install'

install() {
    local istio
    istio=$(cd "$SETUP/istio" && go mod download istio.io/istio && go list -m -f '{{.Dir}}' istio.io/istio)
    cp --no-preserve=mode "$istio/tools/packaging/common/envoy_bootstrap.json" "$1"
    "$TOOLS/helm/bin/helm" template istiod "$istio/manifests/charts/istio-control/istio-discovery" \
        --namespace istio-system --show-only templates/istiod-injector-configmap.yaml >"$1/injector.yaml"
}

once istio-agent "$(digest "$0" "$SETUP/istio/go.mod")" install
