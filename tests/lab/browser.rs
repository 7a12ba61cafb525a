//! A real browser: headless Chromium, driven by WebDriver.

mod console;
mod devtools;
mod screen;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};

pub use screen::Screen;

use super::authority::Authority;
use super::process::Process;
use super::{folder, port, tools, wait};
use devtools::DevToolsCommand;

/// A running browser without state. Stopped when dropped.
///
/// Every host resolves to 127.0.0.1, with the port of the URL, unless the browser was started with
/// another address for the host.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    profile: PathBuf,
    _driver: Process,
}

impl Browser {
    /// Starts a browser that trusts these authorities.
    ///
    /// # Panics
    /// If it does not start; the message has the end of its log.
    pub async fn start(authorities: &[&Authority]) -> Self {
        Self::start_with(authorities, &[]).await
    }

    /// The same, with other addresses for some hosts, whatever the port.
    ///
    /// # Panics
    /// If it does not start; the message has the end of its log.
    pub async fn start_with(authorities: &[&Authority], addresses: &[(&str, SocketAddr)]) -> Self {
        let folder = folder::fresh("browser");
        let address = port::free();
        let mut command = tools::browser_driver();
        command.arg(format!("--port={}", address.port()));
        // The browser's other files go here too.
        for name in ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
            command.env(name, &folder);
        }
        let mut driver = Process::start("chromedriver", &folder, command);
        driver.ready_at(address, "/status").await;

        let profile = folder.join("profile");
        let mut arguments: Vec<String> = [
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-quic",
            "--disable-sync",
            "--headless",
            "--no-first-run",
            "--no-sandbox",
            // The browser ends with its driver, because the pipe breaks.
            "--remote-debugging-pipe",
            "--window-size=1200,800",
        ]
        .map(str::to_owned)
        .to_vec();
        let fingerprints: Vec<String> = authorities.iter().map(|a| a.fingerprint()).collect();
        let mut rules: Vec<String> = addresses
            .iter()
            .map(|(host, address)| format!("MAP {host} {address}"))
            .collect();
        rules.push("MAP * 127.0.0.1".to_owned());
        arguments.extend([
            format!("--host-resolver-rules={}", rules.join(", ")),
            format!(
                "--ignore-certificate-errors-spki-list={}",
                fingerprints.join(",")
            ),
            format!("--user-data-dir={}", profile.display()),
        ]);
        let mut capabilities = Map::new();
        let options = json!({"binary": tools::browser(), "args": arguments});
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        capabilities.insert("goog:loggingPrefs".to_owned(), json!({"browser": "ALL"}));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://{address}"))
            .await;
        let client = client.unwrap_or_else(|error| panic!("Chromium: {error}\n{}", driver.log()));
        Self {
            client,
            profile,
            _driver: driver,
        }
    }

    /// The folder of its profile.
    #[must_use]
    pub fn profile(&self) -> &Path {
        &self.profile
    }

    /// The WebDriver client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Opens a URL and waits until the page is loaded.
    ///
    /// # Panics
    /// If there is no page.
    pub async fn visit(&self, url: &str) {
        let visited = self.client.goto(url).await;
        visited.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// The URL of the current page.
    ///
    /// # Panics
    /// If the browser does not report it.
    pub async fn url(&self) -> url::Url {
        self.client.current_url().await.expect("a URL")
    }

    /// Waits until the URL matches.
    ///
    /// # Panics
    /// If it does not match within [`wait::LONG`].
    pub async fn wait_for_url(&self, what: &str, matches: impl Fn(&url::Url) -> bool) -> url::Url {
        let probe = async || Some(self.url().await).filter(|url| matches(url));
        match wait::within(wait::LONG, probe).await {
            Some(url) => url,
            None => panic!("{what}: the browser is still at {}", self.url().await),
        }
    }

    /// The visible text.
    ///
    /// # Panics
    /// If there is no page.
    pub async fn text(&self) -> String {
        // The page can be replaced while it is read.
        let probe = async || {
            let body = self.client.find(Locator::Css("body")).await.ok()?;
            body.text().await.ok()
        };
        wait::until("a page with its text", wait::LONG, probe).await
    }

    /// Waits for an element and clicks it.
    ///
    /// # Panics
    /// If there is none, or it can't be clicked.
    pub async fn click(&self, css: &str) {
        let found = self.client.wait().for_element(Locator::Css(css)).await;
        let element = found.unwrap_or_else(|error| panic!("{css}: {error}"));
        let clicked = element.click().await;
        clicked.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Waits for a field and types into it.
    ///
    /// # Panics
    /// If there is none.
    pub async fn type_into(&self, css: &str, text: &str) {
        let found = self.client.wait().for_element(Locator::Css(css)).await;
        let element = found.unwrap_or_else(|error| panic!("{css}: {error}"));
        element.send_keys(text).await.expect("a field to type into");
    }

    /// Signs in on the provider's page and consents, unless consent was given before.
    ///
    /// # Panics
    /// If no such page appears.
    pub async fn sign_in_as(&self, login: &str) {
        self.type_into("input[name=login]", login).await;
        self.type_into("input[name=password]", "any").await;
        let provider = self.url().await.origin();
        self.click("button[type=submit]").await;
        let consent = "form:has(input[name=prompt][value=consent]) button[type=submit]";
        let consent = Locator::Css(consent);
        wait::until_true("a page after the sign-in", wait::LONG, async || {
            if self.url().await.origin() != provider {
                return true;
            }
            match self.client.find(consent).await {
                Ok(button) => button.click().await.is_ok(),
                Err(_) => false,
            }
        })
        .await;
    }

    /// Confirms the provider's sign-out prompt.
    ///
    /// # Panics
    /// If no such page appears.
    pub async fn confirm_sign_out(&self) {
        self.click("button[name=logout][value=yes]").await;
    }

    /// Saves a screenshot as `target/screenshots/<name>.png`.
    ///
    /// # Panics
    /// If that fails.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let picture = self.client.screenshot().await.expect("a screenshot");
        let folder = folder::workspace().join("target/screenshots");
        fs::create_dir_all(&folder).expect("a folder for screenshots");
        let file = folder.join(format!("{name}.png"));
        fs::write(&file, picture).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        file
    }

    /// All its cookies, of every host, as the browser stores them: `name`, `value`, `domain` (with
    /// a leading dot if subdomains get it too), `path`, `expires`, `httpOnly`, `secure`,
    /// `sameSite`.
    ///
    /// # Panics
    /// If the browser does not report them.
    pub async fn cookies(&self) -> Vec<Value> {
        let response = self.command("Network.getAllCookies", json!({})).await;
        response["cookies"].as_array().expect("a list").clone()
    }

    /// Disables scripts of pages from now on.
    ///
    /// # Panics
    /// If the browser refuses.
    pub async fn without_scripts(&self) {
        let off = json!({"value": true});
        self.command("Emulation.setScriptExecutionDisabled", off)
            .await;
    }

    /// Runs a script in the page and returns its result.
    ///
    /// # Panics
    /// If it fails.
    pub async fn run(&self, script: &str) -> Value {
        let done = self.client.execute(script, vec![]).await;
        done.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Sends a DevTools command.
    async fn command(&self, method: &'static str, parameters: Value) -> Value {
        let response = self
            .client
            .issue_cmd(DevToolsCommand { method, parameters })
            .await;
        response.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The console messages since the last call, as `LEVEL: URL …`: output of scripts, and the
    /// browser's own warnings and errors.
    ///
    /// # Panics
    /// If the browser does not report them.
    pub async fn console(&self) -> Vec<String> {
        let response = self.client.issue_cmd(console::ReadConsole).await;
        let lines = response.expect("the console");
        let text = |line: &Value, member| line[member].as_str().unwrap_or_default().to_owned();
        let line = |line| format!("{}: {}", text(line, "level"), text(line, "message"));
        lines.as_array().into_iter().flatten().map(line).collect()
    }
}
