//! Fixtures of the session tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use portcullis_core::json::Json;
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use tokio::sync::Semaphore;

use super::record::{RefreshFailure, Session};
use super::sessions::Redeem;
use super::settings::SessionSettings;
use super::store::{RedisSettings, RedisTopology, StoreSettings};
use super::{Cookies, Keys, SetCookie, bytes};
use crate::provider::{Authentication, ProviderTokens, Secret, User, UserInfoClaims};

/// The companion's `sso.url` in tests.
pub(super) const URL: &str = "https://auth.example.com";

/// The names of its cookies.
pub(super) const TOKEN: &str = "__Secure-portcullis";
pub(super) const SEALED: &str = "__Secure-portcullis-session";

/// The time this many seconds after the start of the test.
pub(super) const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + seconds)
}

pub(super) fn settings() -> SessionSettings {
    let policy = r#"{
        "trust": [],
        "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
        "apps": [{"name": "app", "hosts": ["app.example.com"], "rules": [
            {"name": "all", "allow": [{"from": "sso", "anyone": true}]}
        ]}]
    }"#;
    let policy = Policy::from_json(policy).unwrap();
    SessionSettings {
        domain: Some("example.com".to_owned()),
        ..SessionSettings::new(policy.sso().unwrap())
    }
}

pub(super) fn keys() -> Arc<ArcSwap<Keys>> {
    Arc::new(ArcSwap::from_pointee(Keys::fresh(at(0))))
}

pub(super) fn user(sub: &str) -> User {
    User {
        sub: sub.to_owned(),
        email: Some("ada@example.com".to_owned()),
        email_verified: true,
        groups: vec!["sre".to_owned(), "dev".to_owned()],
        preferred_username: Some("ada".to_owned()),
        claims: None,
    }
}

/// Provider tokens that expire at this time.
pub(super) fn tokens(refresh_token: Option<&str>, expires_at: Timestamp) -> ProviderTokens {
    ProviderTokens {
        refresh_token: refresh_token.map(Secret::new),
        id_token: Some(Secret::new("an.id.token")),
        sid: Some("session at the provider".to_owned()),
        expires_at: expires_at.secs(),
        nonce: Secret::new("nonce"),
        azp: false,
        auth_time: None,
        userinfo_claims: UserInfoClaims::default(),
    }
}

/// A sign-in of Ada, whose provider tokens expire after an hour.
pub(super) fn ada() -> Authentication {
    Authentication {
        claims: Json::Object(Vec::new()),
        user: user("ada"),
        tokens: tokens(Some("refresh-0"), at(3600)),
    }
}

/// A folder that is deleted after the test.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        let name = format!("portcullis-{}", bytes::encode(bytes::random::<9>()));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A cookie store with its state file here.
    pub(super) fn store(&self) -> StoreSettings {
        StoreSettings::Cookie {
            state_file: self.file("state"),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The settings of the lab's Redis.
pub(super) fn redis_settings(session: &serde_json::Value) -> RedisSettings {
    let (scheme, rest) = session["store"]
        .as_str()
        .unwrap()
        .split_once("://")
        .unwrap();
    let (nodes, master) = rest.split_once('/').unwrap_or((rest, ""));
    let nodes = nodes.split(',').map(|node| {
        let (host, port) = node.rsplit_once(':').unwrap();
        (host.to_owned(), port.parse().unwrap())
    });
    let file = |name: &str| session["redis"][name].as_str().map(PathBuf::from);
    RedisSettings {
        topology: match scheme.split_once('-') {
            Some((_, "cluster")) => RedisTopology::Cluster,
            Some((_, "sentinel")) => RedisTopology::Sentinel(master.to_owned()),
            _ => RedisTopology::Single,
        },
        nodes: nodes.collect(),
        tls: scheme.starts_with("rediss"),
        database: 0,
        username: None,
        password_file: file("password_file"),
        ca_file: file("ca_file"),
        sentinel_username: None,
        sentinel_password_file: file("sentinel_password_file"),
    }
}

/// The cookies of a browser.
#[derive(Clone, Debug, Default)]
pub(super) struct Browser {
    cookies: Vec<(String, String)>,
}

impl Browser {
    /// Stores the cookies of a response, and checks that a browser would accept each.
    pub(super) fn store(&mut self, lines: &[SetCookie]) {
        for line in lines {
            let line = line.header();
            let (pair, attributes) = line.split_once("; ").unwrap();
            assert!(attributes.contains("Path=/; "), "{attributes}");
            assert!(attributes.contains("; Secure; HttpOnly; "), "{attributes}");
            let (name, value) = pair.split_once('=').unwrap();
            assert!(name.len() + value.len() <= 4096, "{name} is too long");
            self.cookies.retain(|(own, _)| own != name);
            if !attributes.contains("Max-Age=0;") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.cookies.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.cookies.retain(|(own, _)| own != name);
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.cookies.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let mut cookies = self.cookies.iter();
        let found = cookies.find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The `Cookie` header that it sends.
    pub(super) fn header(&self) -> String {
        let pairs = self.cookies.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }
}

/// The cookies of one header.
pub(super) fn cookies(header: &str) -> Cookies<'_> {
    Cookies::read([header.as_bytes()])
}

/// A provider that counts its requests and responds when the test permits it.
#[derive(Debug)]
pub(super) struct FakeProvider {
    requests: AtomicUsize,
    /// The redeemed refresh tokens, in order.
    redeemed: std::sync::Mutex<Vec<String>>,
    /// Each permit lets one redemption finish.
    pub(super) gate: Semaphore,
    pub(super) respond: fn(&Session, usize) -> Result<Authentication, RefreshFailure>,
}

impl FakeProvider {
    /// One that responds at once.
    pub(super) fn new(
        respond: fn(&Session, usize) -> Result<Authentication, RefreshFailure>,
    ) -> Arc<Self> {
        let provider = Self::closed(respond);
        provider.gate.add_permits(1000);
        provider
    }

    /// One that responds when the gate has permits.
    pub(super) fn closed(
        respond: fn(&Session, usize) -> Result<Authentication, RefreshFailure>,
    ) -> Arc<Self> {
        Arc::new(Self {
            requests: AtomicUsize::new(0),
            redeemed: std::sync::Mutex::default(),
            gate: Semaphore::new(0),
            respond,
        })
    }

    /// One that rotates the refresh token, with tokens for another hour.
    pub(super) fn rotating() -> Arc<Self> {
        Self::new(rotate)
    }

    /// How many requests it received.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(super) fn redeemed(&self) -> Vec<String> {
        self.redeemed.lock().unwrap().clone()
    }
}

/// New tokens, which expire an hour after the last ones.
pub(super) fn rotate(session: &Session, time: usize) -> Result<Authentication, RefreshFailure> {
    let expires_at = Timestamp::from_secs(session.tokens.expires_at + 3600);
    Ok(Authentication {
        claims: Json::Object(Vec::new()),
        user: session.user.clone(),
        tokens: tokens(Some(&format!("refresh-{time}")), expires_at),
    })
}

impl Redeem for FakeProvider {
    async fn redeem(&self, session: Session) -> Result<Authentication, RefreshFailure> {
        let time = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let token = session.tokens.refresh_token.as_ref().unwrap();
        self.redeemed
            .lock()
            .unwrap()
            .push(token.expose().to_owned());
        self.gate.acquire().await.unwrap().forget();
        (self.respond)(&session, time)
    }
}
