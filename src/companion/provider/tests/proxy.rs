//! Requests through an HTTP proxy.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_tests::lab::rogue_provider::Endpoint;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::provider::ProxySettings;
use crate::provider::error::ErrorCategory;

/// A proxy that knows CONNECT. Stopped when dropped.
struct ConnectProxy {
    address: SocketAddr,
    /// The heads of the requests so far.
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl ConnectProxy {
    /// Starts a proxy that responds with this status, and forwards if it is 200.
    async fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let received = Arc::clone(&received);
                tokio::spawn(async move { forward(client, status, &received).await });
            }
        });
        Self {
            address,
            heads,
            task,
        }
    }

    fn settings(&self, credentials: &str, no_proxy: Option<&str>) -> ProxySettings {
        let url = format!("http://{credentials}{}", self.address);
        ProxySettings::parse(&url, no_proxy.map(str::to_owned)).unwrap()
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(client: TcpStream, status: u16, received: &Mutex<Vec<String>>) {
    let mut client = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    received.lock().unwrap().push(head.clone());
    // A successful response to CONNECT has no length.
    let length = if status == 200 {
        ""
    } else {
        "content-length: 0\r\n"
    };
    let response = format!("HTTP/1.1 {status} Status\r\n{length}\r\n");
    // The client may have gone.
    let _written = client.write_all(response.as_bytes()).await;
    let target = head.split(' ').nth(1).unwrap_or_default();
    if status == 200
        && let Ok(mut server) = TcpStream::connect(target).await
    {
        let _closed = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

#[tokio::test]
async fn all_requests_are_tunnelled_through_the_proxy() {
    let mut fixture = Fixture::new().await;
    let proxy = ConnectProxy::start(200).await;
    fixture.settings.proxy = Some(proxy.settings("", None));
    fixture.sign_in(&fixture.provider()).await.unwrap();
    let heads = proxy.heads();
    assert!(!heads.is_empty());
    let start = format!("CONNECT {} ", fixture.rogue.address());
    for head in heads {
        assert!(head.starts_with(&start), "{head}");
        assert!(!head.to_ascii_lowercase().contains("proxy-authorization"));
    }
}

#[tokio::test]
async fn the_user_and_password_of_the_url_authenticate_to_the_proxy_alone() {
    let mut fixture = Fixture::new().await;
    let proxy = ConnectProxy::start(200).await;
    fixture.settings.proxy = Some(proxy.settings("gate:hunter%402@", None));
    fixture.sign_in(&fixture.provider()).await.unwrap();
    let expected = format!("basic {}", STANDARD.encode("gate:hunter@2"));
    for head in proxy.heads() {
        let line = head.lines().find(|line| {
            line.to_ascii_lowercase()
                .starts_with("proxy-authorization: ")
        });
        let (_, value) = line.unwrap().split_once(": ").unwrap();
        assert!(value.eq_ignore_ascii_case(&expected), "{value}");
    }
    for request in fixture.rogue.requests(Endpoint::Keys) {
        assert!(request.authorization.is_none());
    }
}

#[tokio::test]
async fn listed_hosts_are_reached_directly() {
    let mut fixture = Fixture::new().await;
    let proxy = ConnectProxy::start(503).await;
    for (no_proxy, is_direct) in [
        ("127.0.0.1", true),
        ("example.com,127.0.0.0/8", true),
        ("example.com", false),
        ("", false),
    ] {
        fixture.settings.proxy = Some(proxy.settings("", Some(no_proxy)));
        let outcome = fixture.sign_in(&fixture.provider()).await;
        assert_eq!(outcome.is_ok(), is_direct, "{no_proxy}: {outcome:?}");
    }
}

#[tokio::test]
async fn no_error_and_no_debug_output_shows_the_password_of_the_proxy() {
    let mut fixture = Fixture::new().await;
    for status in [403, 407, 502] {
        let proxy = ConnectProxy::start(status).await;
        fixture.settings.proxy = Some(proxy.settings("gate:hunter2@", None));
        let provider = fixture.provider();
        let refused = fixture.sign_in(&provider).await.unwrap_err();
        assert_eq!(refused.category(), ErrorCategory::Unreachable, "{refused}");
        let encoded = STANDARD.encode("gate:hunter2");
        for text in [
            refused.to_string(),
            format!("{refused:?}"),
            format!("{:?}", fixture.settings),
            format!("{provider:?}"),
        ] {
            assert!(
                !text.contains("hunter2") && !text.contains(&encoded),
                "{text}"
            );
        }
    }
    // A proxy that is down.
    fixture.settings.proxy = ProxySettings::parse("http://gate:hunter2@127.0.0.1:1", None).ok();
    let refused = fixture.sign_in(&fixture.provider()).await.unwrap_err();
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
}

#[test]
fn a_proxy_is_the_url_of_an_http_server() {
    for (url, is_valid) in [
        ("http://proxy:3128", true),
        ("http://proxy", true),
        ("https://proxy:3128/", true),
        ("http://user:password@[::1]:3128", true),
        ("proxy:3128", false),
        ("socks5://proxy:1080", false),
        ("http://", false),
        ("http://proxy:x", false),
        ("http://proxy/path", false),
        ("http://proxy/?query", false),
        ("http://proxy/#fragment", false),
        ("http://pro xy", false),
        ("", false),
    ] {
        assert_eq!(ProxySettings::parse(url, None).is_ok(), is_valid, "{url}");
    }
}
