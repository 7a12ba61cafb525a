//! `portcullis render`: writes a policy as the object that carries it to proxies.

mod manifest;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{COULD_NOT_RUN, Failure, REFUSED_OR_FAILED, only_policy};
use crate::document::Report;
use manifest::{Image, Manifest, Target};

#[cfg(test)]
mod tests;

const EXAMPLE: &str = "\
Examples:
  portcullis render portcullis.yaml --as wasmplugin --namespace istio-ingress --gateway gateway \\
    --image registry.example.com/portcullis/filter@sha256:DIGEST | kubectl apply -f -
  portcullis render portcullis.yaml --as trafficextension --namespace shop --selector app=shop \\
    --image registry.example.com/portcullis/filter@sha256:DIGEST      for the sidecars of a workload
  portcullis render portcullis.yaml --as configmap --namespace portcullis        for the companion
  portcullis render plugin.yaml --as json                  the policy of a WasmPlugin, for Envoy

The same input gives the same output. Plugins fail closed (FAIL_RELOAD), are in the phase AUTHN, and name their
image by its digest: a tag can be moved to another image.

Exit codes:
  0  the object is printed
  1  the command line is invalid, an input can't be read, or the output can't be written
  2  the policy is invalid";

/// Prints a policy as a Kubernetes object, or as the JSON that Envoy takes
///
/// `portcullis check` reads what is printed, with the same digest.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// A policy file or folder, a manifest with one policy, or `-` for standard input
    #[arg(value_name = "POLICY")]
    policy: PathBuf,

    /// The kind of output
    #[arg(long = "as", value_name = "KIND", value_enum)]
    kind: Kind,

    /// The object's name
    #[arg(long, default_value = "portcullis")]
    name: String,

    /// The object's namespace [default: none; `kubectl` then uses its own]
    #[arg(long)]
    namespace: Option<String>,

    /// The image of the filter with its digest: `REGISTRY/NAME@sha256:DIGEST`
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,

    /// A Gateway of the Gateway API that has the filter; may be repeated
    #[arg(long, value_name = "NAME")]
    gateway: Vec<String>,

    /// Another target: a GatewayClass, HTTPRoute, Service (waypoint) or ServiceEntry; may be repeated
    #[arg(long, value_name = "KIND/NAME")]
    target_ref: Vec<String>,

    /// A label of the pods that have the filter: sidecars, or a gateway of Istio's own API; may be repeated
    #[arg(long, value_name = "LABEL=VALUE", conflicts_with_all = ["gateway", "target_ref"])]
    selector: Vec<String>,
}

/// The kinds of output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Kind {
    /// The JSON that Envoy takes in a StringValue
    Json,
    /// For Istio to 1.29
    Wasmplugin,
    /// For Istio from 1.30
    Trafficextension,
    /// For Envoy Gateway
    Envoyextensionpolicy,
    /// For the companion
    Configmap,
}

/// Returns the object.
pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let (policy, _) = only_policy::read(&arguments.policy, REFUSED_OR_FAILED)?;
    let manifest = Manifest {
        name: &arguments.name,
        namespace: arguments.namespace.as_deref(),
        policy: policy.root(),
    };
    let text = match arguments.kind {
        Kind::Json => policy.json(),
        Kind::Configmap => manifest.config_map(),
        kind => {
            let image = image(arguments)?;
            let target = target(arguments)?;
            match kind {
                Kind::Envoyextensionpolicy => manifest.envoy_extension_policy(&image, &target),
                Kind::Trafficextension => manifest.traffic_extension(&image, &target),
                _ => manifest.wasm_plugin(&image, &target),
            }
        }
    };
    Ok(text.trim_end().to_owned())
}

/// A flag that is missing or wrong.
fn usage(flag: &str, problem: &str, help: &str) -> Failure {
    Failure::reported(COULD_NOT_RUN, &[Report::of(flag, problem, help)])
}

fn image(arguments: &Arguments) -> Result<Image, Failure> {
    let help = "write `--image REGISTRY/NAME@sha256:DIGEST`; `crane digest IMAGE` prints the digest of a tag";
    let Some(image) = &arguments.image else {
        return Err(usage("--image", "the image of the filter is missing", help));
    };
    Image::parse(image).map_err(|problem| usage("--image", problem, help))
}

fn target(arguments: &Arguments) -> Result<Target, Failure> {
    let gateways = arguments
        .gateway
        .iter()
        .map(|name| format!("Gateway/{name}"));
    let references: Vec<String> = gateways
        .chain(arguments.target_ref.iter().cloned())
        .collect();
    let is_envoy_gateway = arguments.kind == Kind::Envoyextensionpolicy;
    if is_envoy_gateway && !arguments.selector.is_empty() {
        let help = "name the Gateway with `--gateway`";
        return Err(usage("--selector", "Envoy Gateway selects no pods", help));
    }
    if references.is_empty() && arguments.selector.is_empty() {
        let problem = "it is not said which proxies have the filter";
        let help = "write `--gateway NAME`, `--target-ref KIND/NAME` or `--selector LABEL=VALUE`";
        return Err(usage("--gateway", problem, help));
    }
    let target = if arguments.selector.is_empty() {
        Target::references(&references, is_envoy_gateway)
    } else {
        Target::labels(&arguments.selector)
    };
    target.map_err(|(flag, problem, help)| usage(flag, &problem, help))
}
