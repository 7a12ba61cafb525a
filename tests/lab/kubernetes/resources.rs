//! Objects: server-side apply of manifests of any kind.

use serde_json::Value;

use super::{ApiServer, HOST};
use crate::lab::client::{Call, Response};
use crate::lab::wait;

/// Who applies, in `managedFields`.
const MANAGER: &str = "mesh-tests";

/// Whether a request is only validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DryRun {
    Yes,
    No,
}

impl ApiServer {
    /// Applies an object (`kubectl apply --server-side`). Unknown fields are errors.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn apply(&self, object: &Value) -> Value {
        let response = self.try_apply(object).await;
        assert!(
            matches!(response.status, 200 | 201),
            "{} {}: {}",
            object["kind"],
            object["metadata"]["name"],
            response.text()
        );
        response.json()
    }

    /// Applies an object, which may be refused.
    ///
    /// # Panics
    /// If the kind of the object is unknown to the API server, or it does not respond.
    pub async fn try_apply(&self, object: &Value) -> Response {
        self.send_apply(object, DryRun::No).await
    }

    /// Validates an object without storing it (`kubectl apply --server-side --dry-run=server`):
    /// schema, defaults and admission.
    ///
    /// # Errors
    /// Why it is refused.
    ///
    /// # Panics
    /// If the API server does not respond.
    pub async fn validate(&self, object: &Value) -> Result<(), String> {
        let response = self.send_apply(object, DryRun::Yes).await;
        match response.status {
            200 | 201 => Ok(()),
            status => Err(format!("{status} {}", response.json()["message"])),
        }
    }

    /// Applies custom resource definitions and waits until the API server serves their kinds.
    ///
    /// # Panics
    /// If one is refused or not served within [`wait::LONG`].
    pub async fn define(&self, definitions: &[Value]) {
        for definition in definitions {
            self.apply(definition).await;
        }
        for definition in definitions {
            let name = definition["metadata"]["name"].as_str().expect("a name");
            let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
            wait::until_true(name, wait::LONG, async || {
                let status = self.get(&path).await.json()["status"].clone();
                let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
                conditions.iter().any(|condition| {
                    condition["type"] == "Established" && condition["status"] == "True"
                })
            })
            .await;
        }
    }

    async fn send_apply(&self, object: &Value, dry_run: DryRun) -> Response {
        let mut path = self.path_of(object).await;
        path += &format!("?fieldManager={MANAGER}&force=true&fieldValidation=Strict");
        if dry_run == DryRun::Yes {
            path += "&dryRun=All";
        }
        // JSON is YAML.
        let call = Call::new("PATCH", HOST, &path)
            .header("content-type", "application/apply-patch+yaml")
            .body(object.to_string());
        self.as_admin(call).await
    }

    /// The path of an object, by the kinds that the API server lists.
    ///
    /// # Panics
    /// If the kind of the object is unknown to the API server.
    pub async fn path_of(&self, object: &Value) -> String {
        let version = object["apiVersion"].as_str().expect("an apiVersion");
        let kind = object["kind"].as_str().expect("a kind");
        let root = if version.contains('/') { "apis" } else { "api" };
        let root = format!("/{root}/{version}");
        let response = self.get(&root).await;
        let listed = if response.status == 200 {
            response.json()["resources"].clone()
        } else {
            Value::Null
        };
        let listed = listed.as_array().cloned().unwrap_or_default();
        let resource = listed.iter().find(|resource| {
            let is_subresource = resource["name"]
                .as_str()
                .is_some_and(|name| name.contains('/'));
            resource["kind"] == kind && !is_subresource
        });
        let resource = resource.unwrap_or_else(|| panic!("no kind {kind} in {version}"));
        let plural = resource["name"].as_str().expect("a plural");
        let name = object["metadata"]["name"].as_str().expect("a name");
        if resource["namespaced"] == true {
            let namespace = object["metadata"]["namespace"]
                .as_str()
                .unwrap_or("default");
            format!("{root}/namespaces/{namespace}/{plural}/{name}")
        } else {
            format!("{root}/{plural}/{name}")
        }
    }
}
