//! Values of oauth2-proxy's Helm chart.

use super::alpha::{self, Alpha};
use super::environment::{self, Environment};
use super::flags::{self, Flags};
use super::{Input, toml, without_sources};
use crate::document::{Document, Node, Report, Value};
use crate::migration::oauth2_proxy::options;
use crate::migration::oauth2_proxy::outcome::{Line, Outcome};
use crate::migration::oauth2_proxy::setting::Setting;

/// What the values say, by the source that the chart makes of them.
#[derive(Debug, Default)]
pub(in crate::migration::oauth2_proxy) struct Helm {
    pub(in crate::migration::oauth2_proxy) file: Vec<Setting>,
    pub(in crate::migration::oauth2_proxy) environment: Environment,
    pub(in crate::migration::oauth2_proxy) flags: Flags,
    pub(in crate::migration::oauth2_proxy) alpha: Alpha,
    /// The addresses that the chart writes to a file.
    pub(in crate::migration::oauth2_proxy) addresses: Option<String>,
    /// What is in the values and in no option.
    pub(in crate::migration::oauth2_proxy) lines: Vec<Line>,
    pub(in crate::migration::oauth2_proxy) errors: Vec<Report>,
}

/// Reads the values.
pub(in crate::migration::oauth2_proxy) fn read(input: &Input) -> Helm {
    let (documents, error) = Document::parse_all(&input.name, input.text.clone().into_bytes());
    let mut helm = Helm::default();
    let mut errors: Vec<Report> = error.into_iter().collect();
    errors.extend(documents.iter().flat_map(Document::errors));
    for document in &documents {
        let values = Values {
            root: document.root(),
            document,
            name: &input.name,
        };
        values.config(&mut helm);
        values.arguments(&mut helm);
        values.variables(&mut helm);
        values.sessions(&mut helm);
        values.files(&mut helm);
        values.alpha(&mut helm);
    }
    errors.append(&mut helm.errors);
    errors.append(&mut helm.flags.errors);
    errors.append(&mut helm.environment.errors);
    errors.append(&mut helm.alpha.errors);
    helm.errors = without_sources(errors);
    helm
}

struct Values<'a> {
    root: &'a Node,
    document: &'a Document,
    name: &'a str,
}

// === impl Values ===

impl Values<'_> {
    fn text(&self, path: &str) -> Option<&str> {
        let text = self.root.at(path).and_then(Node::as_text);
        text.filter(|text| !text.is_empty())
    }

    fn is_on(&self, path: &str) -> bool {
        self.root
            .at(path)
            .is_some_and(|node| node.value == Value::Bool(true))
    }

    fn is_off(&self, path: &str) -> bool {
        self.root
            .at(path)
            .is_some_and(|node| node.value == Value::Bool(false))
    }

    /// `config`: the configuration file, and what the chart makes variables of.
    fn config(&self, helm: &mut Helm) {
        if let Some(file) = self.text("config.configFile") {
            let name = format!("{}: config.configFile", self.name);
            let text = file.to_owned();
            let (settings, errors) = toml::read(&Input { name, text });
            let settings = settings.into_iter().map(|setting| Setting {
                name: format!("config.configFile: {}", setting.name),
                ..setting
            });
            helm.file.extend(settings);
            helm.errors.extend(errors);
        }
        let is_used = !self.is_off("proxyVarsAsSecrets");
        for (path, flag) in [
            ("config.clientID", "client-id"),
            ("config.clientSecret", "client-secret"),
            ("config.cookieSecret", "cookie-secret"),
        ] {
            match self.text("config.existingSecret") {
                Some(_) if is_used && flag != "client-id" => {
                    set(
                        &mut helm.environment.settings,
                        "config.existingSecret",
                        flag,
                        "in a Secret",
                    );
                }
                Some(secret) if is_used => helm.lines.push(Line {
                    name: "config.existingSecret".to_owned(),
                    value: Some(secret.to_owned()),
                    outcome: Outcome::NeedsYou,
                    to: Some("providers[0].client_id".to_owned()),
                    why: "its key `client-id` is the OAuth client ID, `client-secret` the secret"
                        .to_owned(),
                }),
                _ => {
                    if let Some(value) = self.text(path).filter(|_| is_used) {
                        set(&mut helm.environment.settings, path, flag, value);
                    }
                }
            }
        }
        for (path, flag) in [
            ("config.cookieName", "cookie-name"),
            ("config.google.adminEmail", "google-admin-email"),
            ("config.google.targetPrincipal", "google-target-principal"),
        ] {
            if let Some(value) = self.text(path) {
                set(&mut helm.flags.settings, path, flag, value);
            }
        }
        for path in [
            "config.existingConfig",
            "alphaConfig.existingConfig",
            "alphaConfig.existingSecret",
        ] {
            if let Some(name) = self.text(path) {
                helm.lines.push(Line {
                    name: path.to_owned(),
                    value: Some(name.to_owned()),
                    outcome: Outcome::NeedsYou,
                    to: None,
                    why: "import its content too, with --config or --alpha-config".to_owned(),
                });
            }
        }
    }

    /// `extraArgs`: a mapping, or a list.
    fn arguments(&self, helm: &mut Helm) {
        let Some(node) = self.root.member("extraArgs") else {
            return;
        };
        let arguments: Vec<String> = match &node.value {
            Value::Map(members) => {
                let members = members.iter();
                members
                    .flat_map(|(name, value)| match &value.value {
                        Value::List(elements) => {
                            let elements = elements.iter();
                            elements
                                .map(|one| format!("--{}={}", name.text, scalar(one)))
                                .collect()
                        }
                        Value::Null => vec![format!("--{}", name.text)],
                        _ if scalar(value).is_empty() => vec![format!("--{}", name.text)],
                        _ => vec![format!("--{}={}", name.text, scalar(value))],
                    })
                    .collect()
            }
            Value::List(elements) => elements.iter().map(scalar).collect(),
            _ => Vec::new(),
        };
        let mut flags = flags::read(&arguments, &format!("{}: extraArgs", self.name));
        for setting in &mut flags.settings {
            setting.name = format!("extraArgs: {}", setting.name.trim_start_matches('-'));
        }
        helm.flags.settings.append(&mut flags.settings);
        helm.errors.append(&mut flags.errors);
    }

    /// `extraEnv`: variables, whose values may be in Secrets.
    fn variables(&self, helm: &mut Helm) {
        let variables = self.root.member("extraEnv").and_then(Node::as_list);
        for variable in variables.unwrap_or_default() {
            let name = variable
                .member("name")
                .and_then(Node::as_text)
                .unwrap_or_default();
            let value = variable.member("value").map(scalar);
            match environment::setting(name, value.as_deref().unwrap_or_default()) {
                Ok(Some(setting)) if value.is_none() => {
                    let option = setting.option;
                    if option.kind == options::Kind::Secret {
                        set(
                            &mut helm.environment.settings,
                            &format!("extraEnv: {name}"),
                            option.flag,
                            "in a Secret",
                        );
                    } else {
                        helm.lines.push(Line {
                            name: format!("extraEnv: {name}"),
                            value: None,
                            outcome: Outcome::NeedsYou,
                            to: Some(option.to.to_owned()).filter(|to| !to.is_empty()),
                            why: "its value is not in these values: set it with `-- --FLAG=VALUE`"
                                .to_owned(),
                        });
                    }
                }
                Ok(Some(setting)) => helm.environment.settings.push(Setting {
                    name: format!("extraEnv: {name}"),
                    ..setting
                }),
                Ok(None) => {}
                Err((problem, help)) => {
                    helm.errors
                        .push(self.document.report("extraEnv", &problem, &help));
                }
            }
            if let Some(value) = value {
                helm.environment.variables.insert(name.to_owned(), value);
            }
        }
    }

    /// `sessionStorage`: where the chart sets the store.
    fn sessions(&self, helm: &mut Helm) {
        if self.text("sessionStorage.type") != Some("redis") {
            return;
        }
        let settings = &mut helm.environment.settings;
        set(
            settings,
            "sessionStorage.type",
            "session-store-type",
            "redis",
        );
        let redis = "sessionStorage.redis";
        let has_secret = self.text(&format!("{redis}.existingSecret")).is_some();
        for (path, flag) in [
            ("password", "redis-password"),
            ("sentinel.password", "redis-sentinel-password"),
        ] {
            let path = format!("{redis}.{path}");
            if let Some(value) = self.text(&path) {
                set(settings, &path, flag, value);
            } else if has_secret && flag == "redis-password" {
                set(
                    settings,
                    &format!("{redis}.existingSecret"),
                    flag,
                    "in a Secret",
                );
            }
        }
        match self.text(&format!("{redis}.clientType")) {
            Some("cluster") => {
                set(
                    settings,
                    &format!("{redis}.clientType"),
                    "redis-use-cluster",
                    "true",
                );
                self.urls(
                    settings,
                    &format!("{redis}.cluster.connectionUrls"),
                    "redis-cluster-connection-urls",
                );
            }
            Some("sentinel") => {
                set(
                    settings,
                    &format!("{redis}.clientType"),
                    "redis-use-sentinel",
                    "true",
                );
                let path = format!("{redis}.sentinel.masterName");
                if let Some(master) = self.text(&path) {
                    set(settings, &path, "redis-sentinel-master-name", master);
                }
                self.urls(
                    settings,
                    &format!("{redis}.sentinel.connectionUrls"),
                    "redis-sentinel-connection-urls",
                );
            }
            _ => {
                let path = format!("{redis}.standalone.connectionUrl");
                if let Some(url) = self.text(&path) {
                    set(settings, &path, "redis-connection-url", url);
                }
            }
        }
    }

    fn urls(&self, settings: &mut Vec<Setting>, path: &str, flag: &str) {
        match self.root.at(path).map(|node| (&node.value, node)) {
            Some((Value::List(elements), _)) => {
                for element in elements {
                    set(settings, path, flag, &scalar(element));
                }
            }
            Some((Value::String(text), _)) if !text.is_empty() => {
                for url in text.split(',') {
                    set(settings, path, flag, url);
                }
            }
            _ => {}
        }
    }

    /// Addresses, and the files that the chart makes.
    fn files(&self, helm: &mut Helm) {
        let flags = &mut helm.flags.settings;
        if self.is_on("metrics.enabled")
            && !flags.iter().any(|one| one.option.flag == "metrics-address")
        {
            let port = self
                .root
                .at("metrics.port")
                .map_or_else(|| "44180".to_owned(), scalar);
            set(
                flags,
                "metrics.port",
                "metrics-address",
                &format!("0.0.0.0:{port}"),
            );
        }
        if !flags.iter().any(|one| one.option.flag == "http-address") {
            // What the chart sets.
            set(
                flags,
                "chart: --http-address",
                "http-address",
                "0.0.0.0:4180",
            );
        }
        if self.is_on("htpasswdFile.enabled") {
            set(flags, "htpasswdFile", "htpasswd-file", "in a Secret");
        }
        if self.is_on("authenticatedEmailsFile.enabled") {
            let name = "authenticatedEmailsFile";
            let template = self.text("authenticatedEmailsFile.template");
            let file = [
                "/etc/oauth2-proxy/",
                template.unwrap_or("authenticated-emails-list"),
            ]
            .concat();
            set(flags, name, "authenticated-emails-file", &file);
            let list = self.text("authenticatedEmailsFile.restricted_access");
            helm.addresses = list.map(str::to_owned);
        }
        if self.is_on("ingress.enabled") {
            helm.lines.push(Line {
                name: "ingress".to_owned(),
                value: None,
                outcome: Outcome::Changed,
                to: Some("url".to_owned()),
                why: "the companion's chart makes the route for its own host".to_owned(),
            });
        }
    }

    /// `alphaConfig`: the same as the alpha configuration.
    fn alpha(&self, helm: &mut Helm) {
        if !self.is_on("alphaConfig.enabled") {
            return;
        }
        let mut text = String::new();
        for block in ["metricsConfigData", "serverConfigData", "configData"] {
            let node = self
                .root
                .at("alphaConfig")
                .and_then(|alpha| alpha.member(block));
            if let Some(node) =
                node.filter(|node| node.as_map().is_some_and(|members| !members.is_empty()))
            {
                let name = match block {
                    "metricsConfigData" => Some("metricsServer"),
                    "serverConfigData" => Some("server"),
                    _ => None,
                };
                let json = match name {
                    Some(name) => format!("{{\"{name}\":{node}}}"),
                    None => node.to_string(),
                };
                self.alpha_of(&json, &format!("alphaConfig.{block}"), helm);
            }
        }
        if let Some(file) = self.text("alphaConfig.configFile") {
            text.push_str(file);
            self.alpha_of(&text, "alphaConfig.configFile", helm);
        }
    }

    fn alpha_of(&self, text: &str, path: &str, helm: &mut Helm) {
        let input = Input {
            name: format!("{}: {path}", self.name),
            text: text.to_owned(),
        };
        let mut found = alpha::read(&input, &helm.environment.variables);
        for setting in &mut found.settings {
            setting.name = format!("{path}: {}", setting.name);
        }
        for line in &mut found.lines {
            line.name = format!("{path}: {}", line.name);
        }
        helm.alpha.settings.append(&mut found.settings);
        helm.alpha.lines.append(&mut found.lines);
        helm.alpha.headers.append(&mut found.headers);
        helm.alpha.errors.append(&mut found.errors);
    }
}

/// Sets an option by its flag.
fn set(settings: &mut Vec<Setting>, name: &str, flag: &str, value: &str) {
    if let Some(option) = options::by_flag(flag) {
        settings.push(Setting {
            option,
            name: name.to_owned(),
            values: vec![value.to_owned()],
        });
    }
}

fn scalar(node: &Node) -> String {
    match node.as_text() {
        Some(text) => text.to_owned(),
        None => node.to_string(),
    }
}
