//! A gateway on a scene, and what becomes of each call: the app saw it, or it did not.

use serde_json::{Value, json};

use super::client::{Call, Reply};
use super::envoy::{Builder, Gateway};
use super::scene::Scene;
use super::wait;

/// A scene with a gateway in front of its app. It counts what must have reached the app, and
/// nothing else may.
#[derive(Debug)]
pub struct Stand {
    /// What stands behind the gateway.
    pub scene: Scene,
    /// The gateway.
    pub gateway: Gateway,
    passed: usize,
}

impl Stand {
    /// One cluster, `blue`, and the scene's own policy, changed by `edit`.
    pub async fn start(edit: impl FnOnce(&mut Value)) -> Self {
        Self::with(edit, |builder| builder).await
    }

    /// The same, with a gateway that is told more.
    pub async fn with(
        edit: impl FnOnce(&mut Value),
        more: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let scene = Scene::start(&["blue"]).await;
        Self::on(scene, edit, more).await
    }

    /// The same on any scene.
    pub async fn on(
        scene: Scene,
        edit: impl FnOnce(&mut Value),
        more: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let mut policy = scene.policy();
        edit(&mut policy);
        let gateway = more(scene.gateway(policy)).start().await;
        Self {
            scene,
            gateway,
            passed: 0,
        }
    }

    /// A new token for `blue/monitoring/karma`, signed.
    #[must_use]
    pub fn token(&self) -> String {
        self.scene.cluster("blue").token()
    }

    /// Sends a call that must reach the app, and returns what the app saw.
    ///
    /// # Panics
    /// When it does not, or not exactly once; `what` says which call it was.
    pub async fn passes(&mut self, what: &str, call: Call) -> Value {
        let reply = self.gateway.call(call).await;
        assert_eq!(reply.verdict(), "200", "{what}: {}", reply.text());
        self.passed += 1;
        let mut seen = self.scene.app.seen();
        assert_eq!(seen.len(), self.passed, "{what}: as often as allowed");
        seen.pop().expect("the request just counted")
    }

    /// Sends a call that must be refused by the gate with this status and reason, unseen by the
    /// app.
    ///
    /// # Panics
    /// When it is not; `what` says which call it was.
    pub async fn refuses(&self, what: &str, call: Call, status: u16, reason: &str) -> Reply {
        let reply = self.gateway.call(call).await;
        self.refused(what, reply, status, reason)
    }

    /// Looks at an answer that must be the gate's refusal with this status and reason.
    ///
    /// # Panics
    /// When it is not; `what` says which call it was.
    pub fn refused(&self, what: &str, reply: Reply, status: u16, reason: &str) -> Reply {
        let expected = format!("{status} {reason}");
        assert_eq!(reply.verdict(), expected, "{what}: {}", reply.text());
        assert_eq!(
            reply.header("cache-control").as_deref(),
            Some("no-store"),
            "{what}"
        );
        self.unseen(what);
        reply
    }

    /// Looks whether the app saw nothing but what [`Stand::passes`] has let it see.
    ///
    /// # Panics
    /// When it did; `what` says after which call.
    pub fn unseen(&self, what: &str) {
        assert_eq!(
            self.scene.app.count(),
            self.passed,
            "{what}: unseen by the app"
        );
    }

    /// Counts a request that reached the app by another way than [`Stand::passes`].
    pub fn passed_besides(&mut self) {
        self.passed += 1;
    }

    /// The end of every test: the app has seen nothing more, the filter has never failed, and no
    /// token stands in Envoy's log or in the access log.
    ///
    /// # Panics
    /// When one of these is not so.
    pub async fn ends_clean(self) {
        // The mark is the last line: all requests before it are logged when it is.
        let mark = Call::get("mark.example.com", "/the-end");
        assert_eq!(self.gateway.call(mark).await.status, 403);
        let is_mark = |line: &Value| line["path"] == "/the-end";
        self.gateway.logged("the mark", is_mark).await;
        wait::until_true("the mark in the audit trail", wait::LONG, async || {
            self.gateway.log().contains("/the-end")
        })
        .await;
        self.unseen("at the end");
        for (name, log) in [
            ("Envoy's log", self.gateway.log()),
            (
                "the access log",
                json!(self.gateway.access_log()).to_string(),
            ),
        ] {
            if let Some(place) = log.find("eyJ") {
                let around = log.get(place.saturating_sub(80)..place + 3);
                panic!("{name} holds the beginning of a token: {around:?}");
            }
        }
        let stats = self.gateway.stats().await;
        assert_eq!(stats.sum("envoy_wasm_portcullis_vm_reload"), 0.0);
    }
}
