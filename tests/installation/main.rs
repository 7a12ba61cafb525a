//! The chart and the manifests in `istio/`, with the tools that install them: helm, kubeconform and kustomize; the images,
//! and what makes a release. No cluster is needed; the tests against real API servers are in `tests/mesh`.

mod chart;
mod checked_manifests;
mod clients;
mod clusters;
mod companion;
mod documents;
mod embedded_schemas;
mod generated;
mod helm;
mod images;
mod kubeconform;
mod manifests;
mod plugins;
mod pods;
mod readme;
mod release;
mod schemas;
mod telemetry;
mod values;
mod versions;
mod workflows;
mod yaml_files;
