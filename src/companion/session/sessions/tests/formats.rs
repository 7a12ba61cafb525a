//! What version 0.1 has stored is read by this one: keys, cookies, the state file, the database and the records in Redis,
//! as the folder `formats` has them. `tests/README.md` says how they were recorded.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_tests::lab::Redis;
use serde_json::{Value, json};

use super::*;
use crate::session::fixtures::redis_settings;
use crate::session::keys::make_or_rotate;

/// The versions whose formats are read.
const VERSIONS: [&str; 1] = ["0.1"];

const KEYS: &str = "session-keys";

/// The cookies of two browsers: the second one has signed out.
const COOKIES: &str = "cookies.json";

/// A script that returns the sealed session of a record in hexadecimal, because `redis-cli` prints text.
const SEALED_AS_HEX: &str = "return (redis.call('HGET', KEYS[1], 'sealed'):gsub('.', \
    function(byte) return string.format('%02x', byte:byte()) end))";

/// A script that writes a record.
const RESTORE: &str = "return redis.call('HSET', KEYS[1], 'generation', '0', 'sealed', \
    (ARGV[1]:gsub('..', function(byte) return string.char(tonumber(byte, 16)) end)))";

fn recorded(version: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("session/sessions/tests/formats");
    folder.join(version)
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

fn load_keys(path: &Path) -> Arc<ArcSwap<Keys>> {
    Arc::new(ArcSwap::from_pointee(Keys::load(path).unwrap().0))
}

impl Fixture {
    /// With the recorded keys, in a store whose files are recorded too.
    fn recorded(version: &str, name: &str, store: fn(&Folder) -> StoreSettings) -> Self {
        let (folder, from) = (Folder::new(), recorded(version));
        for file in fs::read_dir(from.join(name)).unwrap() {
            let file = file.unwrap();
            copy(&file.path(), &folder.path().join(file.file_name()));
        }
        let (keys, store) = (folder.file(KEYS), store(&folder));
        copy(&from.join(KEYS), &keys);
        let mut fixture = Self::with_file();
        fixture.sessions = None;
        fixture.keys = load_keys(&keys);
        fixture.store = store;
        fixture.folder = folder;
        fixture.restart(at(200));
        fixture
    }

    /// The first recorded browser is signed in, and the second is signed out.
    async fn assert_reads_recorded(&mut self, cookies_file: &Path) {
        let text = fs::read_to_string(cookies_file).unwrap();
        let [first, second] = serde_json::from_str::<[Value; 2]>(&text).unwrap();
        self.browser = browser(&second);
        assert!(self.read(at(201)).await.is_err());
        assert!(!self.is_accepted_by_filter(at(201)).await);
        self.browser = browser(&first);
        let session = self.read(at(201)).await.unwrap();
        assert_eq!(session.user, ada().user);
        assert!(self.is_accepted_by_filter(at(201)).await);
        let refreshed = self.refresh(at(3599)).await.unwrap();
        assert_eq!(refreshed.sid, session.sid);
        assert_eq!(self.provider.redeemed(), ["refresh-0"]);
    }
}

fn browser(recorded: &Value) -> Browser {
    let mut browser = Browser::default();
    for (name, value) in recorded.as_object().unwrap() {
        browser.add(name, value.as_str().unwrap());
    }
    browser
}

fn cookie_store(folder: &Folder) -> StoreSettings {
    folder.store()
}

fn file_store(folder: &Folder) -> StoreSettings {
    let path = folder.file("sessions");
    StoreSettings::File { path }
}

#[tokio::test]
async fn sessions_of_the_versions_before_continue_with_the_cookie_store() {
    for version in VERSIONS {
        let mut fixture = Fixture::recorded(version, "cookie", cookie_store);
        let cookies = fixture.folder.file(COOKIES);
        fixture.assert_reads_recorded(&cookies).await;
        // The journal has the session too.
        let sid = ada().tokens.sid.unwrap();
        let logout = LogoutClaims {
            provider: "sso",
            sub: None,
            sid: Some(&sid),
            jti: "one",
            until: at(100_000),
        };
        let outcome = fixture.log_out(&logout, at(3600)).await.unwrap();
        assert!(
            matches!(outcome, LogoutOutcome::Revoked { .. }),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn sessions_of_the_versions_before_continue_with_the_file_store() {
    for version in VERSIONS {
        let mut fixture = Fixture::recorded(version, "file", file_store);
        let cookies = fixture.folder.file(COOKIES);
        fixture.assert_reads_recorded(&cookies).await;
    }
}

#[tokio::test]
async fn sessions_of_the_versions_before_continue_with_redis() {
    for version in VERSIONS {
        let server = Redis::start().await;
        let from = recorded(version).join("redis");
        let records = fs::read_to_string(from.join("records.json")).unwrap();
        let records: Value = serde_json::from_str(&records).unwrap();
        for (key, sealed) in records["sessions"].as_object().unwrap() {
            let _written = server.command(&["EVAL", RESTORE, "1", key, sealed.as_str().unwrap()]);
        }
        let list = records["revocations"].as_object().unwrap();
        for (key, state) in list {
            let state = state.as_str().unwrap();
            let _written = server.command(&["HSET", key, "version", "recorded", "state", state]);
        }
        let mut fixture = Fixture::recorded(version, "redis", file_store);
        fixture.store = StoreSettings::Redis(redis_settings(&server.session()));
        fixture.restart(at(200));
        fixture.assert_reads_recorded(&from.join(COOKIES)).await;
    }
}

/// Records the formats of this version. Run it at a release, and add the version to [`VERSIONS`].
#[tokio::test]
#[ignore = "it writes the files that the other tests read"]
async fn record() {
    let version = env!("CARGO_PKG_VERSION").rsplit_once('.').unwrap().0;
    let to = recorded(version);
    fs::create_dir_all(&to).unwrap();
    let key_file = Folder::new();
    make_or_rotate(&key_file.file(KEYS), at(0)).unwrap();
    copy(&key_file.file(KEYS), &to.join(KEYS));
    let keys = load_keys(&key_file.file(KEYS));
    let server = Redis::start().await;
    let redis = StoreSettings::Redis(redis_settings(&server.session()));
    for name in ["cookie", "file", "redis"] {
        let to = to.join(name);
        fs::create_dir_all(&to).unwrap();
        let folder = Folder::new();
        let store = match name {
            "cookie" => cookie_store(&folder),
            "file" => file_store(&folder),
            _ => redis.clone(),
        };
        let mut fixture = Fixture::with_file();
        fixture.keys = Arc::clone(&keys);
        fixture.store = store;
        fixture.restart(at(0));
        fixture.start(at(0)).await;
        let mut other = other_browser(&fixture);
        other.start(at(1)).await;
        let signed_out = other.browser.clone();
        other.sign_out(at(100)).await;
        let cookies = [&fixture.browser, &signed_out].map(|browser| {
            let pairs = [TOKEN, SEALED].map(|name| (name, browser.value(name).unwrap()));
            json!({pairs[0].0: pairs[0].1, pairs[1].0: pairs[1].1})
        });
        let text = serde_json::to_string_pretty(&cookies).unwrap() + "\n";
        fs::write(to.join(COOKIES), text).unwrap();
        drop((fixture, other));
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            if !file.file_name().to_string_lossy().ends_with(".lock") {
                copy(&file.path(), &to.join(file.file_name()));
            }
        }
    }
    let sealed = |key: String| {
        let sealed = server.command(&["EVAL", SEALED_AS_HEX, "1", &key]);
        (key, Value::String(sealed))
    };
    let state = |key: String| {
        let state = server.command(&["HGET", &key, "state"]);
        (key, Value::String(state))
    };
    let sessions = server
        .keys("portcullis:*:session:*")
        .into_iter()
        .map(sealed);
    let lists = server.keys("portcullis:*:ended").into_iter().map(state);
    let records = json!({
        "sessions": sessions.collect::<serde_json::Map<_, _>>(),
        "revocations": lists.collect::<serde_json::Map<_, _>>(),
    });
    let text = serde_json::to_string_pretty(&records).unwrap() + "\n";
    fs::write(to.join("redis/records.json"), text).unwrap();
}
