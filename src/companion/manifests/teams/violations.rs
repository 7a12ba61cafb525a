//! What the files of teams have that the teams may not have.

use std::collections::BTreeSet;

use portcullis_core::policy::{App, Entry, HostPattern, Matcher, NamePart, Policy, suggestion};
use portcullis_core::trust::Kind;

use super::{Team, Teams, wildcard_of};
use crate::document::Report;
use crate::manifests::found::AppsPart;
use crate::manifests::{FoundPolicy, PolicyProblem, Warning};

impl Teams {
    /// All violations in a valid policy.
    pub(in crate::manifests) fn check(&self, found: &FoundPolicy, policy: &Policy) -> Vec<Report> {
        let mut reports = self.unknown_sources(found, policy);
        let hosts: BTreeSet<&HostPattern> = policy.host_patterns().collect();
        for part in found.parts() {
            let apps = policy.apps().iter().skip(part.first).take(part.count);
            reports.extend(self.check_file(found, policy, part, apps, Some(&hosts)));
        }
        reports
    }

    /// The violations in a policy that is not valid as a whole, such as because two files have the same host: those in
    /// each file that is valid without the others.
    pub(in crate::manifests) fn check_each_file(&self, found: &FoundPolicy) -> Vec<Report> {
        let mut reports = Vec::new();
        let mut are_sources_checked = false;
        for part in found.parts() {
            let alone = Policy::from_json(&found.with_apps_of(part).to_string());
            if let Ok(policy) = &alone
                && !are_sources_checked
            {
                are_sources_checked = true;
                reports.extend(self.unknown_sources(found, policy));
            }
            match &alone {
                Ok(policy) => {
                    reports.extend(self.check_file(
                        found,
                        policy,
                        part,
                        policy.apps().iter(),
                        None,
                    ));
                }
                Err(_) => reports.extend(self.owner_of(part).err()),
            }
        }
        reports
    }

    /// The violations in one file. `apps` are those of the file; `hosts` those of the whole policy,
    /// unless it is invalid.
    fn check_file<'a>(
        &self,
        found: &FoundPolicy,
        policy: &Policy,
        part: &AppsPart,
        apps: impl Iterator<Item = &'a App>,
        hosts: Option<&BTreeSet<&HostPattern>>,
    ) -> Vec<Report> {
        let team = match self.owner_of(part) {
            Ok(team) => team,
            Err(report) => return vec![report],
        };
        let mut checked = CheckedApps {
            team,
            teams: self,
            sources: &Sources::of(policy),
            used_hosts: hosts,
            problems: Vec::new(),
        };
        for (index, app) in (part.first..).zip(apps) {
            checked.app(&format!("apps[{index}]"), app);
        }
        let problems = checked.problems.iter();
        problems.map(|problem| found.report(problem)).collect()
    }

    /// Warnings about patterns that match no file.
    pub(in crate::manifests) fn warnings(&self, found: &FoundPolicy) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (index, team) in self.0.iter().enumerate() {
            for (number, pattern) in team.files.iter().enumerate() {
                let is_match = |part: &AppsPart| {
                    let is_owned = team.has_file(&part.file);
                    is_owned && pattern.matches_with(&part.file, super::MATCH_OPTIONS)
                };
                if !found.parts().iter().any(is_match) {
                    warnings.push(Warning(found.definition_report(&PolicyProblem {
                        path: format!("teams[{index}].files[{number}]"),
                        problem: format!("`{pattern}` matches no file"),
                        help: "check the pattern, or remove it".to_owned(),
                    })));
                }
            }
        }
        warnings
    }

    /// The only team that has this file.
    fn owner_of(&self, part: &AppsPart) -> Result<&Team, Report> {
        let owner = self.owner(&part.file);
        owner.map_err(|(problem, help)| part.document.report(&part.at, &problem, &help))
    }

    /// The only team that has this file; else what is wrong, and how to fix it.
    fn owner(&self, file: &str) -> Result<&Team, (String, String)> {
        let mut owners = self.0.iter().filter(|team| team.has_file(file));
        match (owners.next(), owners.next()) {
            (Some(team), None) => Ok(team),
            (None, _) => Err((
                format!("`{file}` belongs to no team"),
                "move the file to a folder of a team, or add a pattern for it to the `files` of one team".to_owned(),
            )),
            (Some(one), Some(other)) => Err((
                format!("`{file}` belongs to the teams `{}` and `{}`", one.name, other.name),
                "change the `files` of the teams so that one of them matches".to_owned(),
            )),
        }
    }

    /// Names in `from` that are in neither `trust` nor `sso.providers`.
    fn unknown_sources(&self, found: &FoundPolicy, policy: &Policy) -> Vec<Report> {
        let Sources { all, .. } = Sources::of(policy);
        let mut reports = Vec::new();
        for (index, team) in self.0.iter().enumerate() {
            for (number, name) in team.from.iter().enumerate() {
                if !all.contains(&&**name) {
                    reports.push(found.definition_report(&PolicyProblem {
                        path: format!("teams[{index}].from[{number}]"),
                        problem: format!("`{name}` is neither a trust entry nor a provider"),
                        help: suggestion(name, &all),
                    }));
                }
            }
        }
        reports
    }
}

/// The names that `from` can have.
struct Sources<'a> {
    all: Vec<&'a str>,
    /// Those of service accounts.
    clusters: Vec<&'a str>,
}

impl<'a> Sources<'a> {
    fn of(policy: &'a Policy) -> Self {
        let trusts = policy.trusts().iter();
        let providers = policy.sso().into_iter().flat_map(|sso| sso.providers());
        let clusters = trusts.clone();
        Self {
            all: trusts
                .map(|trust| &*trust.name)
                .chain(providers.map(String::as_str))
                .collect(),
            clusters: clusters
                .filter(|trust| trust.kind == Kind::Kubernetes)
                .map(|trust| &*trust.name)
                .collect(),
        }
    }
}

/// The apps of a file, and what their team may not have.
struct CheckedApps<'a> {
    team: &'a Team,
    teams: &'a Teams,
    sources: &'a Sources<'a>,
    /// The hosts of all apps, and the ungated ones. `None` if the policy is invalid as a whole.
    used_hosts: Option<&'a BTreeSet<&'a HostPattern>>,
    problems: Vec<PolicyProblem>,
}

impl CheckedApps<'_> {
    fn error(&mut self, path: String, problem: String, help: String) {
        self.problems.push(PolicyProblem {
            path,
            problem,
            help,
        });
    }

    fn app(&mut self, path: &str, app: &App) {
        self.hosts(path, app);
        let name = &self.team.name;
        let lacks = |field: &str| format!("the team `{name}` has no `{field}: true`");
        if app.forward_authorization() && !self.team.forward_authorization {
            let problem = format!(
                "would pass on tokens that other apps accept, and {}",
                lacks("forward_authorization")
            );
            let help = "remove it, or add `forward_authorization: true` to the team";
            self.error(
                format!("{path}.forward_authorization"),
                problem,
                help.to_owned(),
            );
        }
        if app.report_until().is_some() {
            // It opens the app to everyone, and forwards `Authorization` unchanged.
            for (field, is_given) in [
                ("public", self.team.public),
                ("forward_authorization", self.team.forward_authorization),
            ] {
                if !is_given {
                    let problem = format!(
                        "would open the app to everyone and pass on `Authorization`, and {}",
                        lacks(field)
                    );
                    let help = format!("remove it, or add `{field}: true` to the team");
                    self.error(format!("{path}.report_until"), problem, help);
                }
            }
        }
        for (field, rules) in [("rules", app.rules()), ("shadow_rules", app.shadow_rules())] {
            for (index, rule) in rules.iter().enumerate() {
                let path = format!("{path}.{field}[{index}]");
                if rule.is_public() && !self.team.public {
                    let problem = format!("the rule admits everyone, and {}", lacks("public"));
                    let help = "list callers in `allow`, or add `public: true` to the team";
                    self.error(format!("{path}.public"), problem, help.to_owned());
                }
                for (number, entry) in rule.allow().iter().enumerate() {
                    self.entry(&format!("{path}.allow[{number}]"), entry);
                }
            }
        }
    }

    fn hosts(&mut self, path: &str, app: &App) {
        let team = self.team;
        if app.has_any_host() {
            let problem = format!("`any` is not a host of the team `{}`", team.name);
            self.error(format!("{path}.hosts"), problem, self.host_help());
        }
        for (index, host) in app.hosts().iter().enumerate() {
            let path = format!("{path}.hosts[{index}]");
            // As for requests, an exact host takes precedence over a wildcard.
            let owner = self.teams.0.iter().find(|other| other.lists(host));
            match owner {
                Some(owner) if owner.name == team.name => self.other_hosts(&path, host),
                Some(owner) => {
                    let problem = format!("`{host}` is a host of the team `{}`", owner.name);
                    self.error(path, problem, self.host_help());
                }
                None if team.covers(host) => {}
                None => {
                    let problem = format!("`{host}` is not a host of the team `{}`", team.name);
                    self.error(path, problem, self.host_help());
                }
            }
        }
    }

    /// The exact hosts of other teams that an app's wildcard would take over, because no app has them.
    fn other_hosts(&mut self, path: &str, wildcard: &HostPattern) {
        let Some(used) = self.used_hosts else {
            return;
        };
        let team = self.team;
        let others = self.teams.0.iter().filter(|other| other.name != team.name);
        for other in others {
            for host in &other.hosts {
                if wildcard_of(host).as_ref() == Some(wildcard) && !used.contains(host) {
                    let name = &other.name;
                    let problem = format!(
                        "`{wildcard}` matches `{host}`, a host of the team `{name}`, which has no app for it"
                    );
                    let help = format!(
                        "name the hosts of this app instead of `{wildcard}`, write an app of the team `{name}` \
                         for `{host}`, or remove `{host}` from the `hosts` of `{name}` in `teams`"
                    );
                    self.error(path.to_owned(), problem, help);
                }
            }
        }
    }

    fn host_help(&self) -> String {
        let hosts: Vec<String> = self.team.hosts.iter().map(HostPattern::to_string).collect();
        format!(
            "use one of {}, or add it to the `hosts` of the team",
            hosts.join(", ")
        )
    }

    fn entry(&mut self, path: &str, entry: &Entry) {
        if let Some(from) = entry.from() {
            self.source(&format!("{path}.from"), from);
        }
        for matcher in entry.matchers() {
            let Matcher::ServiceAccount { trust, .. } = matcher else {
                continue;
            };
            let path = format!("{path}.service_account");
            match trust {
                NamePart::Exact(name) => self.source(&path, name),
                // `from` says which one.
                NamePart::Any if entry.from().is_some() => {}
                NamePart::Any => self.every_cluster(path),
            }
        }
    }

    fn source(&mut self, path: &str, name: &str) {
        let team = self.team;
        if team.from.iter().any(|known| known == name) {
            return;
        }
        let problem = format!("the team `{}` may not name `{name}`", team.name);
        let help = if team.from.is_empty() {
            format!("add `from: [{name}]` to the team")
        } else {
            let known = team.from.join(", ");
            format!("use one of {known}, or add `{name}` to `from` of the team")
        };
        self.error(path.to_owned(), problem, help);
    }

    /// `*` in place of the trust entry.
    fn every_cluster(&mut self, path: String) {
        let is_missing = |name: &&&str| !self.team.from.iter().any(|known| known == *name);
        let Some(missing) = self.sources.clusters.iter().find(is_missing) else {
            return;
        };
        let problem = format!(
            "`*` is every trust entry of the kind `kubernetes`, and the team `{}` may not name `{missing}`",
            self.team.name
        );
        let help = "name the trust entry instead of `*`".to_owned();
        self.error(path, problem, help);
    }
}
