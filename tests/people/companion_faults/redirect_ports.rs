//! Redirect targets with a port: only with one that `redirect_hosts` names.

use url::form_urlencoded::byte_serialize;

use crate::companion_faults::deployment::{Settings, URL};

fn encoded(rd: &str) -> String {
    byte_serialize(rd.as_bytes()).collect()
}

#[tokio::test]
async fn r06_a_port_that_redirect_hosts_names_is_kept() {
    let hosts = serde_json::json!([
        "alertmanager.example.com:8443",
        "*.tools.example.com:9443",
        ".wide.example.com"
    ]);
    let deployment = Settings::single()
        .with("redirect_hosts", hosts)
        .start()
        .await;
    for port in ["", ":8443"] {
        let page = format!("https://alertmanager.example.com{port}/graph?x=1");
        let mut user = deployment.user_agent(0);
        user.visit(&page).await;
        let shown = user.sign_in_as("alice").await;
        assert_eq!((shown.url.as_str(), shown.response.status), (&*page, 200));
        // A sign-out accepts the same targets.
        let rd = encoded(&page);
        user.visit(&format!("{URL}/oauth2/sign_out?rd={rd}")).await;
        let form = user.page().forms().into_iter().next().unwrap();
        user.submit(form).await;
        let shown = user.confirm_sign_out().await;
        assert!(shown.text().contains(&page), "{}", shown.text());
    }
    let replica = &deployment.replicas[0];
    for (rd, status) in [
        ("https://a.tools.example.com:9443/", 302),
        ("https://a.tools.example.com:443/", 302),
        ("https://a.b.wide.example.com/", 302),
        ("https://alertmanager.example.com:9443/", 400),
        ("https://alertmanager.example.com:08443/", 302),
        ("https://a.b.tools.example.com:9443/", 400),
        ("https://a.wide.example.com:8443/", 400),
        ("https://auth.example.com:8443/", 400),
        ("http://alertmanager.example.com:8443/", 400),
        ("https://alertmanager.example.com:8443@evil.example/", 400),
    ] {
        let path = format!("/oauth2/start?rd={}", encoded(rd));
        assert_eq!(replica.get(&path).await.status, status, "{rd}");
    }
}
