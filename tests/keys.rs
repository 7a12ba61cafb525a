//! Keys reach the gate by themselves, and outlive the issuer's bad days.

use std::time::Duration;

use portcullis_tests::lab::scene::poll;
use portcullis_tests::lab::{Scene, Version, wait};

/// Longer than the longest pause between two reads of an issuer that was down at the start of a test.
const RECOVERY: Duration = Duration::from_secs(35);

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_costs_503_until_it_is_up() {
    for version in Version::ALL {
        let mut scene = Scene::start(&["staging"]).await;
        scene.cluster_mut("staging").issuer.down().await;
        let gateway = scene.gateway(scene.policy()).version(version).start().await;
        let call = poll(&scene.cluster("staging").token());

        let reply = gateway.call(call.clone()).await;
        assert_eq!(reply.verdict(), "503 keys-unavailable", "{version}");
        assert!(reply.header("retry-after").is_some());
        assert_eq!(scene.app.count(), 0);

        scene.cluster_mut("staging").issuer.up().await;
        wait::until_true("the keys are read", RECOVERY, async || {
            call.send(gateway.address()).await.verdict() == "200"
        })
        .await;
    }
}
