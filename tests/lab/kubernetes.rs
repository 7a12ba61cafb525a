//! A real Kubernetes API server with an etcd of its own.
//!
//! There are no nodes and no controllers: what a controller would create, a test creates.

mod etcd;
mod resources;
mod settings;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub use settings::Settings;

use super::authority::{Authority, Identity};
use super::client::{Call, Response};
use super::process::Process;
use super::secrets;
use etcd::Etcd;

/// The issuer of clusters that kubeadm sets up, and the host that its discovery URL has.
pub const DEFAULT_ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// The host of [`DEFAULT_ISSUER`].
pub const HOST: &str = "kubernetes.default.svc.cluster.local";

/// A running API server. Stopped when dropped.
#[derive(Debug)]
pub struct ApiServer {
    settings: Settings,
    address: SocketAddr,
    authority: Authority,
    identity: Identity,
    admin_token: String,
    folder: PathBuf,
    starts: usize,
    process: Process,
    _etcd: Etcd,
}

impl ApiServer {
    /// An API server as kubeadm configures it: one issuer, one key, anonymous callers allowed, RBAC.
    #[must_use]
    pub fn with_defaults() -> Settings {
        Settings::default()
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The private CA of its certificate, which is for [`HOST`].
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The folder with its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The bearer token of a member of `system:masters`.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// Changes its flags and restarts it with the same data, as an administrator who edits the
    /// manifest of a static pod.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn reconfigure(&mut self, edit: impl FnOnce(&mut Settings)) {
        edit(&mut self.settings);
        self.process.kill();
        self.starts += 1;
        let name = format!("kube-apiserver-{}", self.starts);
        let command = self
            .settings
            .command(&self.folder, self.address, &self.identity);
        self.process = Process::start(&name, &self.folder, command);
        self.ready().await;
    }

    /// Sends a request without credentials.
    ///
    /// # Panics
    /// If no complete response arrives.
    pub async fn anonymous(&self, path: &str) -> Response {
        self.send(Call::get(HOST, path)).await
    }

    /// Sends a request as a cluster administrator.
    ///
    /// # Panics
    /// If no complete response arrives.
    pub async fn get(&self, path: &str) -> Response {
        self.as_admin(Call::get(HOST, path)).await
    }

    /// Sends a request with a body as a cluster administrator.
    ///
    /// # Panics
    /// If no complete response arrives.
    pub async fn post(&self, path: &str, body: &Value) -> Response {
        let call = Call::post(HOST, path).header("content-type", "application/json");
        self.as_admin(call.body(body.to_string())).await
    }

    /// Deletes an object.
    ///
    /// # Panics
    /// If it can't be deleted.
    pub async fn delete(&self, path: &str) {
        let response = self.as_admin(Call::new("DELETE", HOST, path)).await;
        assert_eq!(response.status, 200, "DELETE {path}: {}", response.text());
    }

    /// A token of a service account, by the TokenRequest API.
    ///
    /// # Panics
    /// If the API server refuses it.
    pub async fn token(&self, namespace: &str, name: &str, spec: Value) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": spec,
        });
        let response = self.post(&path, &request).await;
        assert_eq!(response.status, 201, "{path}: {}", response.text());
        let token = response.json()["status"]["token"].clone();
        let token = token.as_str().expect("a token").to_owned();
        secrets::register("a service account's token", &token);
        token
    }

    /// Whether the API server itself accepts a token for this audience, by the TokenReview API.
    ///
    /// # Panics
    /// If it does not respond.
    pub async fn accepts(&self, token: &str, audience: &str) -> bool {
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [audience]},
        });
        let path = "/apis/authentication.k8s.io/v1/tokenreviews";
        let response = self.post(path, &review).await;
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()["status"]["authenticated"] == true
    }

    async fn as_admin(&self, call: Call) -> Response {
        self.send(call.bearer(&self.admin_token)).await
    }

    async fn send(&self, call: Call) -> Response {
        let trust = self.authority.trust();
        call.try_send_as(HOST, self.address, &trust)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", self.address))
    }

    async fn ready(&mut self) {
        let (address, trust) = (self.address, self.authority.trust());
        let probe = Call::get(HOST, "/readyz").bearer(&self.admin_token);
        let is_ready = async || {
            let response = probe.try_send_as(HOST, address, &trust).await;
            response.is_ok_and(|response| response.status == 200)
        };
        self.process.ready(is_ready).await;
    }
}
