//! A gateway in front of a fixture, with assertions on each request: whether the app received it.

use serde_json::{Value, json};

use super::client::{Call, Response};
use super::envoy::{Builder, Gateway};
use super::explained::Explainer;
use super::fixture::Fixture;
use super::{secrets, wait};

/// A fixture with a gateway. It counts the requests that must have reached the app; no other may.
#[derive(Debug)]
pub struct TestGateway {
    /// The clusters and the app.
    pub fixture: Fixture,
    /// The gateway.
    pub gateway: Gateway,
    forwarded: usize,
    policy: Value,
    explainer: Option<Explainer>,
}

impl TestGateway {
    /// One cluster, `blue`, and the fixture's policy, changed by `edit`.
    pub async fn start(edit: impl FnOnce(&mut Value)) -> Self {
        Self::with(edit, |builder| builder).await
    }

    /// The same, with more settings of the gateway.
    pub async fn with(
        edit: impl FnOnce(&mut Value),
        more: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let fixture = Fixture::start(&["blue"]).await;
        Self::on(fixture, edit, more).await
    }

    /// The same with any fixture.
    pub async fn on(
        fixture: Fixture,
        edit: impl FnOnce(&mut Value),
        more: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let mut policy = fixture.policy();
        edit(&mut policy);
        let gateway = more(fixture.gateway(policy.clone())).start().await;
        Self {
            fixture,
            gateway,
            forwarded: 0,
            policy,
            explainer: None,
        }
    }

    /// The same, and each request is explained too: the decision must be the same.
    #[must_use]
    pub fn explained(self) -> Self {
        Self {
            explainer: Some(Explainer::new(&self.policy, &self.fixture)),
            ..self
        }
    }

    /// The same with these keys, by the names of trust entries; the companion's are `sso`.
    #[must_use]
    pub fn explained_with_keys(self, keys: &Value) -> Self {
        Self {
            explainer: Some(Explainer::new(&self.policy, &self.fixture).with_keys(keys)),
            ..self
        }
    }

    /// A new token for `blue/monitoring/karma`, signed.
    #[must_use]
    pub fn token(&self) -> String {
        self.fixture.cluster("blue").token()
    }

    /// Sends a request that must reach the app, and returns what the app received.
    ///
    /// # Panics
    /// If it does not, or not exactly once; `what` names the request.
    pub async fn assert_allowed(&mut self, what: &str, call: Call) -> Value {
        let response = self.gateway.call(call.clone()).await;
        assert_eq!(response.verdict(), "200", "{what}: {}", response.text());
        self.assert_explained(what, &call, &response).await;
        self.forwarded += 1;
        let mut seen = self.fixture.app.requests();
        assert_eq!(
            seen.len(),
            self.forwarded,
            "{what}: number of requests at the app"
        );
        seen.pop().expect("the request just counted")
    }

    /// Sends a request that must be refused with this status and reason, and not reach the app.
    ///
    /// # Panics
    /// If it is not; `what` names the request.
    pub async fn assert_refused(
        &self,
        what: &str,
        call: Call,
        status: u16,
        reason: &str,
    ) -> Response {
        let response = self.gateway.call(call.clone()).await;
        self.assert_explained(what, &call, &response).await;
        self.assert_refusal(what, response, status, reason)
    }

    /// Checks that the explanation of a request says what the gateway did, if the gate decided and not Envoy itself.
    ///
    /// # Panics
    /// If it does not; `what` names the request.
    pub async fn assert_explained(&self, what: &str, call: &Call, response: &Response) {
        if let Some(explainer) = &self.explainer {
            explainer.assert_agrees(what, call, response).await;
        }
    }

    /// Checks that a response is a refusal with this status and reason.
    ///
    /// # Panics
    /// If it is not; `what` names the request.
    pub fn assert_refusal(
        &self,
        what: &str,
        response: Response,
        status: u16,
        reason: &str,
    ) -> Response {
        let expected = format!("{status} {reason}");
        assert_eq!(response.verdict(), expected, "{what}: {}", response.text());
        assert_eq!(
            response.header("cache-control").as_deref(),
            Some("no-store"),
            "{what}"
        );
        self.assert_not_forwarded(what);
        response
    }

    /// Checks that the app received only the requests counted so far.
    ///
    /// # Panics
    /// If it received more; `what` names the last request.
    pub fn assert_not_forwarded(&self, what: &str) {
        assert_eq!(
            self.fixture.app.count(),
            self.forwarded,
            "{what}: number of requests at the app"
        );
    }

    /// Counts a request that reached the app in another way than by
    /// [`TestGateway::assert_allowed`].
    pub fn count_forwarded(&mut self) {
        self.forwarded += 1;
    }

    /// The end of every test: the app has received nothing more, the filter has never failed, and
    /// no token is in Envoy's log or in the access log.
    ///
    /// # Panics
    /// If one of these does not hold.
    pub async fn assert_clean(self) {
        // The marker request is the last line: when it is logged, all requests before it are.
        let marker = Call::get("marker.example.com", "/the-end");
        assert_eq!(self.gateway.call(marker).await.status, 403);
        let is_marker = |line: &Value| line["path"] == "/the-end";
        self.gateway
            .logged("the marker in the access log", is_marker)
            .await;
        wait::until_true("the audit record of the marker", wait::LONG, async || {
            self.gateway.log().contains("/the-end")
        })
        .await;
        self.assert_not_forwarded("at the end");
        if let Some(explainer) = &self.explainer {
            assert_ne!(explainer.count(), 0, "no request was explained");
        }
        for (name, log) in [
            ("Envoy's log", self.gateway.log()),
            (
                "the access log",
                json!(self.gateway.access_log()).to_string(),
            ),
        ] {
            if let Some(start) = secrets::start_of_token(&log) {
                let around = log.get(start.saturating_sub(80)..start + 3);
                panic!("{name} contains the start of a token: {around:?}");
            }
        }
        let stats = self.gateway.stats().await;
        assert_eq!(stats.sum("envoy_wasm_portcullis_vm_reload"), 0.0);
    }
}
