//! The chart and the manifests in `istio/`, with the tools that install them: helm, kubeconform and kustomize. No
//! cluster is needed; the tests against real API servers are in `tests/mesh`.

mod chart;
mod clusters;
mod companion;
mod documents;
mod generated;
mod helm;
mod kubeconform;
mod manifests;
mod plugins;
mod pods;
mod readme;
mod schemas;
mod telemetry;
mod values;
mod yaml_files;
