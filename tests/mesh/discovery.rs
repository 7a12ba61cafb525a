//! Whether the gateway can read an API server's keys.

use portcullis_tests::lab::{ApiServer, App};

use crate::cluster::{Cluster, becomes, gateway, policy, verdict};
use crate::shipped;

const DOCUMENT: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/openid/v1/jwks";

async fn statuses(server: &ApiServer, paths: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for path in paths {
        statuses.push(server.anonymous(path).await.status);
    }
    statuses
}

#[tokio::test]
async fn keys_are_read_as_soon_as_the_binding_lets_anonymous_callers_read_them() {
    let blue = Cluster::start("blue").await;
    assert_eq!(statuses(&blue.server, &[DOCUMENT, KEYS]).await, [403, 403]);
    let app = App::start("alertmanager").await;
    let gateway = gateway(policy(&[&blue]), &[&blue], &app).start().await;
    let token = blue.token().await;
    assert_eq!(verdict(&gateway, &token).await, "503 keys-unavailable");
    assert_eq!(app.count(), 0);

    blue.open_discovery().await;
    becomes(&gateway, &token, "200").await;
    assert_eq!(statuses(&blue.server, &[DOCUMENT, KEYS]).await, [200, 200]);
}

#[tokio::test]
async fn an_authentication_configuration_lets_anonymous_callers_read_keys_and_nothing_else() {
    let mut blue = Cluster::start("blue").await;
    let others = ["/version", "/api/v1/namespaces"];
    assert_eq!(statuses(&blue.server, &others).await, [200, 403]);
    let file = shipped::path("cluster/authentication.yaml");
    blue.server
        .reconfigure(|settings| settings.authentication = Some(file))
        .await;
    // It says who is anonymous, not what they may read: that takes the binding.
    assert_eq!(statuses(&blue.server, &[DOCUMENT, KEYS]).await, [403, 403]);
    blue.open_discovery().await;
    let app = App::start("alertmanager").await;
    let gateway = gateway(policy(&[&blue]), &[&blue], &app).start().await;
    becomes(&gateway, &blue.token().await, "200").await;
    assert_eq!(statuses(&blue.server, &others).await, [401, 401]);
    // The kubelet's probes of the API server are anonymous.
    assert_eq!(
        statuses(&blue.server, &["/livez", "/readyz"]).await,
        [200, 200]
    );
}
