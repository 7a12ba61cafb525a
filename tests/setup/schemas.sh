#!/usr/bin/env bash
# Installs the schemas of Kubernetes objects into .tools/schemas: kubernetes/ has the API's as JSON, and crds/ has the custom
# resource definitions of Istio, of Envoy Gateway with the Gateway API, and of Prometheus Operator, in a folder each.
source "$(dirname "$0")/lib.sh"
need python3 'install Python 3 with its venv module'
need go 'install Go 1.26 or newer, see https://go.dev/doc/install'

istio=istio.io/api@v1.31.4
# With the Gateway API that it installs, of the experimental channel.
gateway=github.com/envoyproxy/gateway@v1.9.1
prometheus=github.com/prometheus-operator/prometheus-operator@v0.85.0

# module MODULE@VERSION: the folder of a Go module.
module() {
    (cd / && GOFLAGS=-mod=mod go mod download -json "$1") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}

install() {
    local venv=$1/venv folder
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --no-deps --only-binary :all: --require-hashes -r "$SETUP/schemas/requirements.txt"
    mv "$venv"/lib/python*/site-packages/kubernetes_validate/kubernetes-json-schema/v1.37.0-local-strict "$1/kubernetes"
    rm -rf "$venv"
    # Without their names on the web, references lead to the file beside.
    sed -i -e 's|^  "\$id":|  "$comment":|' -e 's|"/api/_definitions.json#|"_definitions.json#|' \
        "$1"/kubernetes/*.json

    mkdir -p "$1"/crds/{istio,envoy-gateway,prometheus-operator}
    folder=$(module "$istio")
    cp "$folder/kubernetes/customresourcedefinitions.gen.yaml" "$1/crds/istio/istio.yaml"
    folder=$(module "$gateway")/charts/gateway-helm/charts/crds/crds
    cp "$folder/gatewayapi-crds.yaml" "$folder"/generated/*.yaml "$1/crds/envoy-gateway"
    folder=$(module "$prometheus")/example/prometheus-operator-crd
    cp "$folder"/monitoring.coreos.com_{podmonitors,prometheusrules,servicemonitors}.yaml "$1/crds/prometheus-operator"
    chmod -R u+w "$1/crds"
}

once schemas "$(digest "$SETUP/schemas/requirements.txt" "$0")" install
