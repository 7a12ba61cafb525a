//! The chart and the manifests in `istio/`, with the tools that install them: helm, kubeconform and kustomize. No
//! cluster is needed; the tests against real API servers are in `tests/mesh`.

mod chart;
mod companion;
mod generated;
mod helm;
mod kubeconform;
mod manifests;
mod pods;
mod readme;
mod schemas;
mod values;
mod yaml_files;
