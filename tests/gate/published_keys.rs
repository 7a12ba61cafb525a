//! Keys as file stores serve them: without a media type of JSON, and with entries that can't be used.

use portcullis_tests::lab::fixture::get_alerts;
use portcullis_tests::lab::{Endpoint, Fixture, ServerResponse, Version};
use serde_json::{Value, json};

fn typed(content_type: &str, document: &Value) -> ServerResponse {
    let headers = [("content-type", content_type)];
    ServerResponse::whole(200, &headers, document.to_string())
}

#[tokio::test]
async fn d04_keys_of_a_file_store_are_accepted_without_the_entries_that_can_t_be_used() {
    for content_type in ["binary/octet-stream", "text/plain; charset=utf-8"] {
        let fixture = Fixture::start(&["blue"]).await;
        let blue = fixture.cluster("blue");
        let issuer = &blue.issuer;
        let keys = format!("https://{}/openid/v1/jwks", issuer.address());
        let discovery = json!({"issuer": issuer.name(), "jwks_uri": keys});
        let own = blue.key.jwk();
        // Guides for self-hosted clusters publish the key twice, the second time with an empty `kid`.
        let mut nameless = own.clone();
        nameless["kid"] = json!("");
        let mut encryption = own.clone();
        encryption["kid"] = json!("encryption");
        encryption["use"] = json!("enc");
        let keys = json!({"keys": [
            {"kty": "EC", "crv": "P-521", "kid": "es512", "use": "sig", "alg": "ES512", "x": "AA", "y": "AA"},
            {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-65", "pub": "AA"},
            "not a key",
            encryption,
            nameless,
            own,
        ]});
        issuer.set_response(Endpoint::Discovery, typed(content_type, &discovery));
        issuer.set_response(Endpoint::Keys, typed(content_type, &keys));
        for version in Version::ALL {
            let gateway = fixture.gateway(fixture.policy()).version(version);
            let gateway = gateway.start().await;
            let response = gateway.call(get_alerts(&blue.token())).await;
            assert_eq!(response.verdict(), "200", "{content_type} {version}");
        }
    }
}
