//! The objects that carry a policy.

use crate::document::emit::{literal, scalar, yaml};
use crate::document::{Name, Node, Value};

/// An image with its digest.
pub(super) struct Image {
    /// Registry, name and digest.
    reference: String,
    digest: String,
}

impl Image {
    /// Parses `REGISTRY/NAME@sha256:DIGEST`, where `oci://` may be in front and a tag before the digest.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let reference = text.strip_prefix("oci://").unwrap_or(text);
        let Some((name, digest)) = reference.split_once("@sha256:") else {
            return Err("the image has no digest, so the registry can replace it");
        };
        let is_digest = digest.len() == 64
            && digest
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_digest {
            return Err("the digest is not `sha256:` and 64 lower-case hexadecimal digits");
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"./:_-[]".contains(&byte);
        if name.is_empty() || name.contains("://") || !name.bytes().all(is_name) {
            return Err("the image has an invalid name");
        }
        Ok(Self {
            reference: reference.to_owned(),
            digest: digest.to_owned(),
        })
    }
}

/// Which proxies have the filter.
pub(super) enum Target {
    /// Those of these objects.
    References(Vec<Reference>),
    /// Those in pods with these labels.
    Labels(Vec<(String, String)>),
}

/// An object that a policy is attached to.
pub(super) struct Reference {
    group: &'static str,
    kind: &'static str,
    name: String,
}

/// A flag, what is wrong with it, and how to fix it.
type FlagError = (&'static str, String, &'static str);

impl Target {
    /// Parses `KIND/NAME`.
    pub(super) fn references(texts: &[String], is_envoy_gateway: bool) -> Result<Self, FlagError> {
        let kinds: &[(&str, &str)] = if is_envoy_gateway {
            &[
                ("Gateway", "gateway.networking.k8s.io"),
                ("HTTPRoute", "gateway.networking.k8s.io"),
                ("GRPCRoute", "gateway.networking.k8s.io"),
            ]
        } else {
            &[
                ("Gateway", "gateway.networking.k8s.io"),
                ("GatewayClass", "gateway.networking.k8s.io"),
                ("Service", ""),
                ("ServiceEntry", "networking.istio.io"),
            ]
        };
        let references = texts.iter().map(|text| {
            let parts = text.split_once('/').filter(|(_, name)| is_name(name));
            let known = |kind: &str| kinds.iter().find(|(known, _)| *known == kind);
            let found = parts.and_then(|(kind, name)| Some((known(kind)?, name)));
            let Some(((kind, group), name)) = found else {
                let problem = format!("`{text}` is no target of this kind of object");
                let help = if is_envoy_gateway {
                    "write Gateway/NAME, HTTPRoute/NAME or GRPCRoute/NAME"
                } else {
                    "write Gateway/NAME, GatewayClass/NAME, Service/NAME or ServiceEntry/NAME"
                };
                return Err(("--target-ref", problem, help));
            };
            Ok(Reference {
                group,
                kind,
                name: name.to_owned(),
            })
        });
        references.collect::<Result<_, _>>().map(Self::References)
    }

    /// Parses `LABEL=VALUE`.
    pub(super) fn labels(texts: &[String]) -> Result<Self, FlagError> {
        let labels = texts.iter().map(|text| {
            let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
            let pair = pair.map(|(name, value)| (name.to_owned(), value.to_owned()));
            pair.ok_or_else(|| {
                let problem = format!("`{text}` is no label");
                ("--selector", problem, "write LABEL=VALUE, like `app=shop`")
            })
        });
        labels.collect::<Result<_, _>>().map(Self::Labels)
    }

    /// Whether the proxies are sidecars, which have the filter for what they receive only. Gateways of Istio's own
    /// API are pods with known labels.
    fn is_sidecar(&self) -> bool {
        match self {
            Self::References(_) => false,
            Self::Labels(labels) => !labels.iter().any(|(name, value)| {
                name == "gateway.networking.k8s.io/gateway-name"
                    || name == "istio" && value.contains("gateway")
            }),
        }
    }

    fn member(&self) -> (&'static str, Node) {
        match self {
            Self::References(references) => {
                let references = references.iter().map(|reference| {
                    map([
                        ("group", text(reference.group)),
                        ("kind", text(reference.kind)),
                        ("name", text(&reference.name)),
                    ])
                });
                ("targetRefs", list(references.collect()))
            }
            Self::Labels(labels) => {
                let labels = labels.iter().map(|(name, value)| (&**name, text(value)));
                ("selector", map([("matchLabels", map(labels))]))
            }
        }
    }
}

/// A DNS name, as objects have.
fn is_name(text: &str) -> bool {
    portcullis_core::request::is_dns_name(text)
}

/// What the objects have in common.
pub(super) struct Manifest<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) policy: &'a Node,
}

impl Manifest<'_> {
    /// A WasmPlugin of Istio.
    pub(super) fn wasm_plugin(&self, image: &Image, target: &Target) -> String {
        let mut spec = self.istio(target);
        spec.extend(self.plugin(image));
        self.object(
            "extensions.istio.io/v1alpha1",
            "WasmPlugin",
            ("spec", map(spec)),
        )
    }

    /// A TrafficExtension of Istio.
    pub(super) fn traffic_extension(&self, image: &Image, target: &Target) -> String {
        let mut spec = self.istio(target);
        spec.push(("wasm", map(self.plugin(image))));
        self.object(
            "extensions.istio.io/v1alpha1",
            "TrafficExtension",
            ("spec", map(spec)),
        )
    }

    /// An EnvoyExtensionPolicy of Envoy Gateway.
    pub(super) fn envoy_extension_policy(&self, image: &Image, target: &Target) -> String {
        let source = map([
            ("url", text(&image.reference)),
            // Envoy Gateway verifies what the registry sends.
            ("sha256", text(&image.digest)),
        ]);
        let plugin = map([
            ("name", text("portcullis")),
            ("rootID", text("portcullis")),
            ("failOpen", node(Value::Bool(false))),
            ("code", map([("type", text("Image")), ("image", source)])),
            ("config", self.policy.clone()),
        ]);
        let spec = map([target.member(), ("wasm", list(vec![plugin]))]);
        self.object(
            "gateway.envoyproxy.io/v1alpha1",
            "EnvoyExtensionPolicy",
            ("spec", spec),
        )
    }

    /// A ConfigMap with the file `portcullis.yaml`.
    pub(super) fn config_map(&self) -> String {
        let head = self.object("v1", "ConfigMap", ("data", text("")));
        let head = head.trim_end().trim_end_matches("\"\"").trim_end();
        let policy = literal(&yaml(self.policy), 4);
        format!("{head}\n  {}: {policy}", scalar("portcullis.yaml"))
    }

    /// The members of `spec` besides the plugin.
    fn istio(&self, target: &Target) -> Vec<(&'static str, Node)> {
        let mut spec = vec![target.member(), ("phase", text("AUTHN"))];
        if target.is_sidecar() {
            let server = map([("mode", text("SERVER"))]);
            spec.push(("match", list(vec![server])));
        }
        spec
    }

    /// The plugin of Istio.
    fn plugin(&self, image: &Image) -> Vec<(&'static str, Node)> {
        vec![
            ("url", text(&format!("oci://{}", image.reference))),
            ("pluginName", text("portcullis")),
            ("failStrategy", text("FAIL_RELOAD")),
            ("pluginConfig", self.policy.clone()),
        ]
    }

    fn object(&self, version: &str, kind: &str, body: (&str, Node)) -> String {
        let mut metadata = vec![("name", text(self.name))];
        metadata.extend(
            self.namespace
                .map(|namespace| ("namespace", text(namespace))),
        );
        yaml(&map([
            ("apiVersion", text(version)),
            ("kind", text(kind)),
            ("metadata", map(metadata)),
            body,
        ]))
    }
}

const fn node(value: Value) -> Node {
    Node { span: 0..0, value }
}

fn text(text: &str) -> Node {
    node(Value::String(text.to_owned()))
}

const fn list(elements: Vec<Node>) -> Node {
    node(Value::List(elements))
}

fn map<'a>(members: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
    let members = members.into_iter().map(|(name, value)| {
        let text = name.to_owned();
        (Name { span: 0..0, text }, value)
    });
    node(Value::Map(members.collect()))
}
