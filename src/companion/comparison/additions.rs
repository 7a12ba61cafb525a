//! What one policy allows in addition to another.

use portcullis_core::caller::Caller;
use portcullis_core::decision::Decision;
use portcullis_core::policy::{App, Entry, Pattern, Policy, Rule, Uncovered};
use portcullis_core::reason::Reason;
use portcullis_core::timestamp::Timestamp;

use super::hosts::{HostPolicy, representatives};
use super::methods::Methods;
use crate::caller_name;
use crate::grants::EVERYBODY;
use crate::simulation::{
    ListedCallers, SimulatedCaller, SimulatedRequest, Simulator, selects_tokens, unnamed,
};

/// Requests that one of two policies allows.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Access {
    /// The app there; `None` for hosts that are ungated.
    pub(crate) app: Option<String>,
    /// A pattern, or that it is for all paths.
    pub(crate) paths: String,
    /// The methods.
    pub(crate) methods: String,
    /// Who: an entry, as the policy has it, or everybody.
    pub(crate) callers: String,
    /// The rule that allows it.
    pub(crate) rule: Option<String>,
    /// One of the requests, which the other policy refuses; `None` if none could be made up.
    pub(crate) example: Option<Example>,
}

/// A request.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Example {
    pub(crate) method: String,
    pub(crate) url: String,
    /// The caller's name; `None` for a request without credentials.
    pub(crate) caller: Option<String>,
}

const ALL_PATHS: &str = "all paths";

/// What `to` allows and `from` does not.
pub(super) fn of(from: &Simulator, to: &Simulator, now: Timestamp) -> Vec<Access> {
    let mut found: Vec<Access> = Vec::new();
    let policies = [from.policy(), to.policy()];
    let unnamed = unnamed(policies);
    let only_refused = only_refused_by(from.policy(), to.policy());
    for (host, [other, own]) in representatives(policies) {
        let pair = Pair {
            from,
            to,
            now,
            host: &host,
            unnamed: &unnamed,
            only_refused: &only_refused,
            own,
            other,
        };
        for access in pair.additions() {
            // An app may have hosts of several apps of the other policy.
            let is_known = |known: &Access| {
                let mut known = known.clone();
                known.example.clone_from(&access.example);
                known == access
            };
            if !found.iter().any(is_known) {
                found.push(access);
            }
        }
    }
    found
}

/// The two policies for one host.
struct Pair<'p> {
    from: &'p Simulator,
    to: &'p Simulator,
    now: Timestamp,
    host: &'p str,
    unnamed: &'p str,
    /// The subjects of the callers that only `from` refuses.
    only_refused: &'p [String],
    /// What `to` does there.
    own: HostPolicy<'p>,
    /// What `from` does there.
    other: HostPolicy<'p>,
}

/// Some requests that a rule allows.
struct Allowed<'p> {
    app: &'p App,
    rule: &'p Rule,
    /// Who may send them.
    callers: String,
    /// One of them.
    caller: &'p SimulatedCaller,
    /// The rules of the other policy that allow this caller something.
    others: Vec<&'p Rule>,
    /// Whether other rules allow this caller something by its token, but not all whom the entry lists.
    is_unsure: bool,
}

/// What a policy says of a caller.
enum Standing<T> {
    Known(T),
    /// The policy refuses it by name.
    Refused,
    /// It does not accept the token.
    Unaccepted,
}

impl Pair<'_> {
    fn additions(&self) -> Vec<Access> {
        let app = match (self.own, self.other) {
            (HostPolicy::Refused, _) | (_, HostPolicy::Ungated) => return Vec::new(),
            (HostPolicy::Ungated, _) => return vec![self.ungated()],
            (HostPolicy::App(app), _) => app,
        };
        let methods = Methods::of([Some(app), self.other.app()]);
        let mut found = Vec::new();
        for rule in app.rules() {
            if rule.is_public() {
                let allowed = Allowed {
                    app,
                    rule,
                    callers: EVERYBODY.to_owned(),
                    caller: &SimulatedCaller::Anonymous,
                    others: self.public_rules(),
                    is_unsure: false,
                };
                self.add(&methods, &allowed, &mut found);
            }
            for entry in rule.allow() {
                let (callers, has_others) = self.callers(rule, entry, &methods);
                if has_others && !self.is_known(rule, entry) {
                    found.push(without_example(app, rule, entry));
                }
                for caller in callers {
                    let (others, is_unsure) = self.rules_for(&caller, entry, &methods);
                    let allowed = Allowed {
                        app,
                        rule,
                        callers: entry.to_string(),
                        others,
                        is_unsure,
                        caller: &caller,
                    };
                    self.add(&methods, &allowed, &mut found);
                }
            }
        }
        found
    }

    /// A host at which everything is allowed.
    fn ungated(&self) -> Access {
        Access {
            app: None,
            paths: ALL_PATHS.to_owned(),
            methods: "all methods".to_owned(),
            callers: EVERYBODY.to_owned(),
            rule: None,
            example: Some(Example {
                method: "GET".to_owned(),
                url: format!("https://{}/", self.host),
                caller: None,
            }),
        }
    }

    /// The callers that an entry lists and that `to` does not refuse, those that only `from` refuses among them; and
    /// whether it may list others, who could not be made up.
    fn callers(
        &self,
        rule: &Rule,
        entry: &Entry,
        methods: &Methods,
    ) -> (Vec<SimulatedCaller>, bool) {
        let policies = ListedCallers {
            own: self.to.policy(),
            other: self.from.policy(),
            unnamed: self.unnamed,
        };
        let subjects = self.only_refused.iter().map(|name| Some(&**name));
        let subjects = std::iter::once(None).chain(subjects);
        let (mut callers, mut has_others) = (Vec::new(), false);
        for subject in subjects {
            for caller in policies.listed_by(entry, subject) {
                match self.standing(self.to, &caller, methods, |caller| rule.allows(caller)) {
                    Standing::Known(true) => callers.push(caller),
                    Standing::Refused => {}
                    Standing::Known(false) | Standing::Unaccepted => {
                        has_others |= subject.is_none()
                    }
                }
            }
        }
        (callers, has_others)
    }

    /// What `known` says of the caller, if a policy identifies it and does not refuse it.
    fn standing<T>(
        &self,
        simulator: &Simulator,
        caller: &SimulatedCaller,
        methods: &Methods,
        known: impl FnOnce(&Caller) -> T,
    ) -> Standing<T> {
        // No public rule matches this method, so the caller is identified.
        let request = SimulatedRequest::new(methods.other(), self.host.as_bytes(), b"/");
        let Ok(request) = simulator.present(request, caller, self.now) else {
            return Standing::Unaccepted;
        };
        let headers = request.headers();
        let decision = simulator.decide(&headers, self.now);
        match (decision.enforced_reason(), decision.authenticated()) {
            (Reason::CallerRefused, _) => Standing::Refused,
            (Reason::CallerNotAllowed | Reason::Rule, Some(caller)) => {
                Standing::Known(known(caller.caller()))
            }
            _ => Standing::Unaccepted,
        }
    }

    /// Whether the other policy has the same rule there, with the same entry.
    fn is_known(&self, rule: &Rule, entry: &Entry) -> bool {
        let rules = self.other.app().map_or_else(Default::default, App::rules);
        rules.iter().any(|other| {
            other.methods() == rule.methods()
                && other.paths() == rule.paths()
                && other.allow().iter().any(|other| is_same(other, entry))
        })
    }

    fn public_rules(&self) -> Vec<&Rule> {
        let rules = self.other.app().map_or_else(Default::default, App::rules);
        rules.iter().filter(|rule| rule.is_public()).collect()
    }

    /// The rules of `from` that allow a caller something, and whether others do by its token alone: that is accepted
    /// everywhere, so what an entry requires of it, another caller of `entry` need not have.
    fn rules_for(
        &self,
        caller: &SimulatedCaller,
        entry: &Entry,
        methods: &Methods,
    ) -> (Vec<&Rule>, bool) {
        let rules = self.other.app().map_or_else(Default::default, App::rules);
        let standing = self.standing(self.from, caller, methods, |caller| {
            let is_for_all = |other: &Entry| !selects_tokens(other) || is_same(other, entry);
            let lists = |rule: &&Rule| {
                let mut entries = rule.allow().iter();
                entries.any(|other| is_for_all(other) && other.matches(caller))
            };
            let (listed, others): (Vec<&Rule>, Vec<&Rule>) = rules.iter().partition(lists);
            (listed, others.iter().any(|rule| rule.allows(caller)))
        });
        let mut all = self.public_rules();
        let Standing::Known((listed, is_unsure)) = standing else {
            return (all, false);
        };
        all.extend(listed);
        (all, is_unsure)
    }

    /// Adds what `allowed` has and the other policy has not.
    fn add(&self, methods: &Methods, allowed: &Allowed<'_>, found: &mut Vec<Access>) {
        let all = [Pattern::all()];
        let Allowed { app, rule, .. } = allowed;
        let (patterns, is_all) = match rule.paths() {
            [] => (&all[..], true),
            patterns => (patterns, false),
        };
        for pattern in patterns {
            let mut added: Vec<&str> = Vec::new();
            let mut example = None;
            for method in methods.iter().filter(|method| rule.matches_method(method)) {
                let others = allowed
                    .others
                    .iter()
                    .filter(|other| other.matches_method(method));
                let others: Vec<&Pattern> = others
                    .flat_map(|other| match other.paths() {
                        [] => &all[..],
                        patterns => patterns,
                    })
                    .collect();
                match pattern.uncovered_by(&others) {
                    Uncovered::None => {}
                    Uncovered::Unknown => added.push(method),
                    Uncovered::Path(path) => {
                        let confirmed = self.confirmed(allowed.caller, method, &path);
                        if confirmed.is_some() || allowed.is_unsure {
                            added.push(method);
                        }
                        example = example.or(confirmed);
                    }
                }
            }
            if !added.is_empty() {
                found.push(Access {
                    app: Some(app.name().to_owned()),
                    paths: if is_all {
                        ALL_PATHS.to_owned()
                    } else {
                        pattern.to_string()
                    },
                    methods: methods.describe(&added),
                    callers: allowed.callers.clone(),
                    rule: Some(rule.name().to_owned()),
                    example,
                });
            }
        }
    }

    /// The request, if `to` allows it and `from` does not.
    fn confirmed(&self, caller: &SimulatedCaller, method: &str, path: &str) -> Option<Example> {
        let is_allowed =
            |decision: &Decision<'_>| decision.is_allowed() && decision.reported().is_none();
        let request = || SimulatedRequest::new(method, self.host.as_bytes(), path.as_bytes());
        let request_to = self.to.present(request(), caller, self.now).ok()?;
        let headers = request_to.headers();
        let decision = self.to.decide(&headers, self.now);
        if !is_allowed(&decision) {
            return None;
        }
        // A caller that the other policy can't have is refused there.
        if let Ok(request) = self.from.present(request(), caller, self.now)
            && is_allowed(&self.from.decide(&request.headers(), self.now))
        {
            return None;
        }
        Some(Example {
            method: method.to_owned(),
            url: format!("https://{}{path}", self.host),
            caller: decision
                .authenticated()
                .map(|caller| caller.caller_name().to_owned()),
        })
    }
}

/// What an entry may allow for which no caller could be made up, so that nothing is known of it.
fn without_example(app: &App, rule: &Rule, entry: &Entry) -> Access {
    let paths: Vec<String> = rule.paths().iter().map(Pattern::to_string).collect();
    let methods = rule.methods().join(", ");
    Access {
        app: Some(app.name().to_owned()),
        paths: Some(paths.join(", "))
            .filter(|paths| !paths.is_empty())
            .unwrap_or_else(|| ALL_PATHS.to_owned()),
        methods: Some(methods)
            .filter(|methods| !methods.is_empty())
            .unwrap_or_else(|| "all methods".to_owned()),
        callers: entry.to_string(),
        rule: Some(rule.name().to_owned()),
        example: None,
    }
}

fn is_same(one: &Entry, other: &Entry) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

/// The subjects of the callers that only one policy refuses, without the name in front, as tokens have them.
fn only_refused_by(one: &Policy, other: &Policy) -> Vec<String> {
    let names = one.refused_callers().filter(|name| !other.refuses(name));
    names
        .filter_map(|name| caller_name::decoded(name.split_once('/')?.1))
        .collect()
}
