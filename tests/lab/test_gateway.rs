//! A gateway on a fixture, and what becomes of each call: the app saw it, or it did not.

use serde_json::{Value, json};

use super::client::{Call, Reply};
use super::envoy::{Builder, Gateway};
use super::fixture::Fixture;
use super::wait;

/// A fixture with a gateway in front of its app. It counts what must have reached the app, and
/// nothing else may.
#[derive(Debug)]
pub struct TestGateway {
    /// What stands behind the gateway.
    pub fixture: Fixture,
    /// The gateway.
    pub gateway: Gateway,
    forwarded: usize,
}

impl TestGateway {
    /// One cluster, `blue`, and the fixture's own policy, changed by `edit`.
    pub async fn start(edit: impl FnOnce(&mut Value)) -> Self {
        Self::with(edit, |builder| builder).await
    }

    /// The same, with a gateway that is told more.
    pub async fn with(
        edit: impl FnOnce(&mut Value),
        more: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let fixture = Fixture::start(&["blue"]).await;
        Self::on(fixture, edit, more).await
    }

    /// The same on any fixture.
    pub async fn on(
        fixture: Fixture,
        edit: impl FnOnce(&mut Value),
        more: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let mut policy = fixture.policy();
        edit(&mut policy);
        let gateway = more(fixture.gateway(policy)).start().await;
        Self {
            fixture,
            gateway,
            forwarded: 0,
        }
    }

    /// A new token for `blue/monitoring/karma`, signed.
    #[must_use]
    pub fn token(&self) -> String {
        self.fixture.cluster("blue").token()
    }

    /// Sends a call that must reach the app, and returns what the app saw.
    ///
    /// # Panics
    /// When it does not, or not exactly once; `what` says which call it was.
    pub async fn assert_allowed(&mut self, what: &str, call: Call) -> Value {
        let reply = self.gateway.call(call).await;
        assert_eq!(reply.verdict(), "200", "{what}: {}", reply.text());
        self.forwarded += 1;
        let mut seen = self.fixture.app.requests();
        assert_eq!(seen.len(), self.forwarded, "{what}: as often as allowed");
        seen.pop().expect("the request just counted")
    }

    /// Sends a call that must be refused by the gate with this status and reason, unseen by the
    /// app.
    ///
    /// # Panics
    /// When it is not; `what` says which call it was.
    pub async fn assert_refused(&self, what: &str, call: Call, status: u16, reason: &str) -> Reply {
        let reply = self.gateway.call(call).await;
        self.assert_refusal(what, reply, status, reason)
    }

    /// Looks at an answer that must be the gate's refusal with this status and reason.
    ///
    /// # Panics
    /// When it is not; `what` says which call it was.
    pub fn assert_refusal(&self, what: &str, reply: Reply, status: u16, reason: &str) -> Reply {
        let expected = format!("{status} {reason}");
        assert_eq!(reply.verdict(), expected, "{what}: {}", reply.text());
        assert_eq!(
            reply.header("cache-control").as_deref(),
            Some("no-store"),
            "{what}"
        );
        self.assert_not_forwarded(what);
        reply
    }

    /// Looks whether the app saw nothing but what [`TestGateway::passes`] has let it see.
    ///
    /// # Panics
    /// When it did; `what` says after which call.
    pub fn assert_not_forwarded(&self, what: &str) {
        assert_eq!(
            self.fixture.app.count(),
            self.forwarded,
            "{what}: unseen by the app"
        );
    }

    /// Counts a request that reached the app by another way than [`TestGateway::passes`].
    pub fn count_forwarded(&mut self) {
        self.forwarded += 1;
    }

    /// The end of every test: the app has seen nothing more, the filter has never failed, and no
    /// token stands in Envoy's log or in the access log.
    ///
    /// # Panics
    /// When one of these is not so.
    pub async fn assert_clean(self) {
        // The marker is the last line: all requests before it are logged when it is.
        let marker = Call::get("marker.example.com", "/the-end");
        assert_eq!(self.gateway.call(marker).await.status, 403);
        let is_marker = |line: &Value| line["path"] == "/the-end";
        self.gateway.logged("the marker", is_marker).await;
        wait::until_true("the marker in the audit trail", wait::LONG, async || {
            self.gateway.log().contains("/the-end")
        })
        .await;
        self.assert_not_forwarded("at the end");
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
