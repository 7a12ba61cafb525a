//! Reads `teams`. All errors are found, each at its place.

use glob::Pattern;
use portcullis_core::policy::{HostPattern, Shape, suggestion};

use super::{APPS, FIELDS, Team, Teams};
use crate::document::{Node, Value};
use crate::manifests::PolicyProblem;

const HOST_HELP: &str =
    "write a DNS name like `app.example.com`, or `*.` and a domain for exactly one label before it";

impl Teams {
    /// Reads the value of `teams`. The paths of errors begin with `teams`.
    pub(in crate::manifests) fn read(node: &Node) -> Result<Self, Vec<PolicyProblem>> {
        let mut reader = Reader::default();
        let teams = reader.teams(node);
        if reader.problems.is_empty() {
            Ok(Self(teams))
        } else {
            Err(reader.problems)
        }
    }
}

#[derive(Default)]
struct Reader {
    problems: Vec<PolicyProblem>,
}

impl Reader {
    fn error(&mut self, path: &str, problem: &str, help: &str) {
        self.problems.push(PolicyProblem {
            path: path.to_owned(),
            problem: problem.to_owned(),
            help: help.to_owned(),
        });
    }

    fn teams(&mut self, node: &Node) -> Vec<Team> {
        const PATH: &str = super::FIELD;
        let Some(elements) = node.as_list() else {
            let help = "write a list of teams, each with `name`, `files` and `hosts`";
            self.error(PATH, &expected("a list", node), help);
            return Vec::new();
        };
        if elements.is_empty() {
            let help = "list at least one team, or remove it";
            self.error(PATH, "the list is empty", help);
        }
        let mut teams: Vec<Team> = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            let path = format!("{PATH}[{index}]");
            let Some(team) = self.team(&path, element) else {
                continue;
            };
            if teams.iter().any(|other| other.name == team.name) {
                let problem = format!("duplicate name `{}`", team.name);
                self.error(&format!("{path}.name"), &problem, "give each a unique name");
            }
            for (number, host) in team.hosts.iter().enumerate() {
                if let Some(other) = teams.iter().find(|other| other.lists(host)) {
                    let problem = format!("`{host}` is already a host of team `{}`", other.name);
                    let path = format!("{path}.hosts[{number}]");
                    self.error(&path, &problem, "give each host to one team");
                }
            }
            teams.push(team);
        }
        teams
    }

    /// A team whose name, files and hosts are all there. They may still have errors.
    fn team(&mut self, path: &str, node: &Node) -> Option<Team> {
        let Some(members) = node.as_map() else {
            let help = "write a mapping with `name`, `files` and `hosts`";
            self.error(path, &expected("a mapping", node), help);
            return None;
        };
        for (name, value) in members {
            let at = format!("{path}.{}", name.text);
            match FIELDS.iter().find(|(known, _)| *known == name.text) {
                Some((_, shape)) => self.has_shape(&at, value, *shape),
                None => {
                    let known = FIELDS.map(|(known, _)| known);
                    let problem = format!("unknown field `{}`", name.text);
                    self.error(&at, &problem, &suggestion(&name.text, &known));
                }
            }
        }
        for (field, help) in [
            ("name", "give it a unique name"),
            ("files", "list the files of the team, like `apps/NAME/**`"),
            ("hosts", "list the hosts that its apps may have"),
        ] {
            if node.member(field).is_none() {
                self.error(path, &format!("missing field `{field}`"), help);
            }
        }
        let is_true =
            |field: &str| node.member(field).map(|node| &node.value) == Some(&Value::Bool(true));
        Some(Team {
            name: self.name(path, node),
            files: self.files(path, node),
            hosts: self.hosts(path, node),
            from: (self.texts(path, node, "from").into_iter())
                .map(|(_, text)| text.to_owned())
                .collect(),
            public: is_true("public"),
            forward_authorization: is_true("forward_authorization"),
        })
    }

    /// Reports a value of another type. Those of a list are reported with their elements.
    fn has_shape(&mut self, path: &str, node: &Node, shape: Shape) {
        let what = match (shape, &node.value) {
            (Shape::Boolean, Value::Bool(_))
            | (Shape::String, Value::String(_))
            | (Shape::List(_), Value::List(_)) => return,
            (Shape::Boolean, _) => "true or false",
            (Shape::List(_), _) => "a list",
            _ => "a string",
        };
        let help = format!("write {what}, or remove the field");
        self.error(path, &expected(what, node), &help);
    }

    fn name(&mut self, path: &str, node: &Node) -> String {
        let name = node.member("name").and_then(Node::as_text);
        let Some(name) = name else {
            return String::new();
        };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 63 || !name.bytes().all(plain) {
            self.error(
                &format!("{path}.name"),
                &format!("`{name}` is not a valid name"),
                "write 1 to 63 lower-case letters, digits and `-`",
            );
        }
        name.to_owned()
    }

    fn files(&mut self, path: &str, node: &Node) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for (at, text) in self.texts(path, node, "files") {
            let is_within = text.starts_with(APPS)
                && text.len() > APPS.len()
                && !text.split('/').any(|name| matches!(name, "" | "." | ".."));
            if !is_within {
                let problem = format!("`{text}` is not a pattern of files in the folder `apps`");
                let help = "write a path from the policy's folder on, like `apps/NAME/**` or `apps/NAME.yaml`";
                self.error(&at, &problem, help);
                continue;
            }
            match Pattern::new(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => {
                    let problem = format!("`{text}` is not a pattern: {}", error.msg);
                    let help = "write `*` for any part of a name, `**` for any number of folders, or `[…]` for a set of characters";
                    self.error(&at, &problem, help);
                }
            }
        }
        patterns
    }

    fn hosts(&mut self, path: &str, node: &Node) -> Vec<HostPattern> {
        let mut hosts = Vec::new();
        for (at, text) in self.texts(path, node, "hosts") {
            match HostPattern::parse(text) {
                Some(host) => hosts.push(host),
                None => self.error(&at, &format!("`{text}` is not a host"), HOST_HELP),
            }
        }
        hosts
    }

    /// The strings of a list, each once, with their paths.
    fn texts<'a>(&mut self, path: &str, node: &'a Node, field: &str) -> Vec<(String, &'a str)> {
        let Some(elements) = node.member(field).and_then(Node::as_list) else {
            return Vec::new();
        };
        if elements.is_empty() {
            let help = "list at least one, or remove the field";
            self.error(&format!("{path}.{field}"), "the list is empty", help);
        }
        let mut texts: Vec<(String, &str)> = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            let at = format!("{path}.{field}[{index}]");
            match element.as_text() {
                Some(text) if texts.iter().any(|(_, other)| *other == text) => {
                    let problem = format!("`{text}` is already listed");
                    self.error(&at, &problem, "remove one of the two");
                }
                Some(text) => texts.push((at, text)),
                None => self.error(&at, &expected("a string", element), "write a string"),
            }
        }
        texts
    }
}

/// The problem with a value of another type.
fn expected(what: &str, node: &Node) -> String {
    format!("expected {what}, found {}", node.kind())
}
