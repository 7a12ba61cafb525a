#!/usr/bin/env bash
# definitions.sh: the custom resource definitions of Istio, Envoy Gateway (with those of the Gateway API that it is released
# with) and the Prometheus Operator, copied from their Go modules into .tools/definitions/NAME; and the template of an Istio
# proxy's bootstrap.
source "$(dirname "$0")/lib.sh"
need go 'install Go 1.26 or newer, see https://go.dev/doc/install'

envoy_gateway=github.com/envoyproxy/gateway@v1.9.1
prometheus_operator=github.com/prometheus-operator/prometheus-operator@v0.85.0

# folder_of MODULE@VERSION: where its files are, downloaded if necessary. Its hash is checked by the checksum database.
folder_of() {
    (cd / && GOFLAGS= go mod download -json "$1") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}

# copy FOLDER FILE...: copies files, which are read-only in the modules.
copy() {
    mkdir -p "$1"
    cp --no-preserve=mode "${@:2}" "$1"
}

install() {
    local istio gateway operator
    istio=$(cd "$SETUP/istio" && go mod download istio.io/istio && go list -m -f '{{.Dir}}' istio.io/istio)
    gateway=$(folder_of "$envoy_gateway")
    operator=$(folder_of "$prometheus_operator")
    copy "$1/istio" "$istio/manifests/charts/base/files/crd-all.gen.yaml"
    copy "$1/istio-agent" "$istio/tools/packaging/common/envoy_bootstrap.json"
    copy "$1/envoy-gateway" "$gateway"/charts/gateway-helm/charts/crds/crds/{,generated/}*.yaml
    copy "$1/prometheus-operator" "$operator"/example/prometheus-operator-crd/*.yaml
}

once definitions "$(digest "$0" "$SETUP/istio/go.mod")" install
