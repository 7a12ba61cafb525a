//! `bearer: app`: an app's own bearer tokens beside a session, such as those of Grafana and Argo CD.

use portcullis_tests::lab::fixture::HOST;
use portcullis_tests::lab::{Call, Version};
use serde_json::json;

use crate::sessions::session_gateway::{
    SessionGateway, TestSession, cookies, header_values, with_session,
};

/// A token of an issuer that the policy does not know.
const FOREIGN: &str =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhcmdvY2QiLCJzdWIiOiJhIiwiYXVkIjoiYiIsImV4cCI6MX0.c2ln";

#[tokio::test]
async fn a_token_of_the_app_reaches_it_only_beside_a_valid_session() {
    for version in Version::ALL {
        let mut gateway = SessionGateway::with(
            |policy| policy["apps"][0]["bearer"] = json!("app"),
            |builder| builder.version(version),
        )
        .await
        .explained();
        let ann = TestSession::new("ann");
        let valid = gateway.valid_token(&ann);
        for token in ["glsa_opaque", FOREIGN] {
            let bearer = format!("Bearer {token}");
            let call = with_session(&valid).header("authorization", &bearer);
            let (_, seen) = gateway.assert_allowed_with_response(token, call).await;
            assert_eq!(header_values(&seen, "authorization"), [bearer], "{version}");
            assert_eq!(header_values(&seen, "x-auth-request-user"), ["ann"]);
            assert_eq!(header_values(&seen, "cookie"), ["theme=dark; lang=en"]);
        }
        // Without a session it is a bearer token like any other.
        for (token, reason) in [
            ("glsa_opaque", "token-malformed"),
            (FOREIGN, "issuer-unknown"),
        ] {
            let call = with_session("x").header("authorization", format!("Bearer {token}"));
            gateway.assert_refused(token, call, 401, reason).await;
        }
        // A session that must be refreshed is refreshed first.
        gateway.refresh_succeeds(&ann);
        let expired = cookies(&gateway.expired_token(&ann));
        let call = Call::get(HOST, "/api/v2/alerts")
            .header("cookie", &expired)
            .header("authorization", "Bearer glsa_opaque");
        let (_, seen) = gateway
            .assert_allowed_with_response("refreshed", call)
            .await;
        assert_eq!(
            header_values(&seen, "authorization"),
            ["Bearer glsa_opaque"]
        );
        gateway.assert_clean().await;
    }
}
