//! What a policy decides on a request of a log, for everyone whom the log can mean.

use portcullis_core::policy::{App, Policy, Rule};
use portcullis_core::reason::{Class, Reason};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::Kind;

use super::entry::{Entry, Sender};
use crate::caller_name;
use crate::explain::{Explanation, Origin};
use crate::simulation::{
    KnownUser, ListedCallers, NamedCaller, SimulatedCaller, SimulatedRequest, Simulator,
    service_account_of, unnamed,
};

/// Evaluates requests by one policy.
pub(super) struct Evaluator<'s> {
    simulator: &'s Simulator,
    unnamed: String,
    now: Timestamp,
}

/// What a policy decides.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Verdict {
    /// `None` if it depends on who the caller is.
    pub(super) is_allowed: Option<bool>,
    pub(super) app: Option<String>,
    pub(super) rule: Option<String>,
    /// The entry that lists the caller, as the policy has it.
    entry: Option<String>,
    /// The code of the reason.
    pub(super) reason: &'static str,
    pub(super) why: Option<String>,
}

impl<'s> Evaluator<'s> {
    pub(super) fn new(simulator: &'s Simulator, now: Timestamp) -> Self {
        let policy = simulator.policy();
        Self {
            simulator,
            unnamed: unnamed([policy, policy]),
            now,
        }
    }

    pub(super) const fn policy(&self) -> &'s Policy {
        self.simulator.policy()
    }

    /// What the policy decides on the request. A refusal that it only reports counts as one.
    pub(super) fn evaluate(&self, entry: &Entry) -> Verdict {
        let callers = self.callers(entry).into_iter();
        let mut verdicts = callers.map(|caller| self.decide(entry, &caller));
        let Some(first) = verdicts.next() else {
            return Verdict::refused("the policy has no trust entry or provider for such a caller");
        };
        let Some(other) = verdicts.find(|other| other.is_allowed != first.is_allowed) else {
            return first;
        };
        let (allowed, refused) = if first.is_allowed == Some(true) {
            (first, other)
        } else {
            (other, first)
        };
        Verdict {
            is_allowed: None,
            reason: refused.reason,
            why: allowed.entry.as_ref().map(|entry| {
                let rule = allowed.rule.as_deref().unwrap_or_default();
                format!("allowed by {rule} if `{entry}` lists the caller")
            }),
            ..allowed
        }
    }

    /// Everyone who can have sent the request.
    fn callers(&self, entry: &Entry) -> Vec<SimulatedCaller> {
        match &entry.sender {
            Sender::Anonymous => vec![SimulatedCaller::Anonymous],
            Sender::Caller { name, email } => self.recorded(entry, name, email.as_deref()),
            Sender::User(name) => self.logged(entry, name),
        }
    }

    /// The caller of an audit record.
    fn recorded(&self, entry: &Entry, name: &str, email: Option<&str>) -> Vec<SimulatedCaller> {
        let user = name.split_once('/').and_then(|(from, subject)| {
            let subject = caller_name::decoded(subject)?;
            self.has_users(from).then_some((from, subject))
        });
        match &user {
            Some((from, subject)) => self.possible(entry, from, subject, email),
            None => vec![named(name.to_owned())],
        }
    }

    /// The user of an access log, of whatever issuer.
    fn logged(&self, entry: &Entry, user: &str) -> Vec<SimulatedCaller> {
        let trusts = self.policy().trusts().iter();
        if let Some((namespace, account)) = service_account_of(user) {
            let trusts = trusts.filter(|trust| trust.kind == Kind::Kubernetes);
            let names = trusts.map(|trust| format!("{}/{namespace}/{account}", trust.name));
            return names.map(named).collect();
        }
        let providers = self.policy().sso().into_iter();
        let providers = providers.flat_map(|sso| sso.providers());
        let issuers = trusts
            .filter(|trust| trust.kind == Kind::Oidc)
            .map(|trust| &trust.name);
        // oauth2-proxy logs the address or, without one, the subject.
        let email = Some(user).filter(|user| user.contains('@'));
        providers
            .chain(issuers)
            .flat_map(|from| self.possible(entry, from, user, email))
            .collect()
    }

    /// Whether this is a provider, or a trust entry for users.
    fn has_users(&self, from: &str) -> bool {
        let policy = self.policy();
        let is_provider = policy.sso().is_some_and(|sso| sso.has_provider(from));
        let trust = policy.trust(from);
        is_provider || trust.is_some_and(|trust| trust.kind == Kind::Oidc)
    }

    /// Who this user can be, as far as the app's rules are concerned.
    fn possible(
        &self,
        entry: &Entry,
        from: &str,
        subject: &str,
        email: Option<&str>,
    ) -> Vec<SimulatedCaller> {
        let policy = self.policy();
        let callers = ListedCallers {
            own: policy,
            other: policy,
            unnamed: &self.unnamed,
        };
        let user = KnownUser {
            from,
            subject,
            email,
        };
        let app = policy.app_for(&entry.host).into_iter();
        let entries = app.flat_map(App::rules).flat_map(Rule::allow);
        callers.possible(user, entries)
    }

    fn decide(&self, entry: &Entry, caller: &SimulatedCaller) -> Verdict {
        let (host, path) = (entry.host.as_bytes(), entry.path.as_bytes());
        let request = SimulatedRequest::new(&entry.method, host, path);
        let request = match self.simulator.present(request, caller, self.now) {
            Ok(request) => request,
            Err(error) => return Verdict::refused(&error.problem),
        };
        let headers = request.headers();
        let decision = self.simulator.decide(&headers, self.now);
        let reason = decision.enforced_reason();
        let listed = decision.rule().zip(decision.authenticated());
        let listed = listed.and_then(|(rule, caller)| {
            let mut entries = rule.allow().iter();
            entries.find(|entry| entry.matches(caller.caller()))
        });
        let listed = listed.map(ToString::to_string);
        let policy = self.policy();
        let explanation = Explanation::of(policy, &headers, decision, Origin::MadeUp, self.now);
        Verdict {
            is_allowed: Some(reason.class() == Class::Allowed),
            app: explanation.app().map(str::to_owned),
            rule: explanation.rule().map(str::to_owned),
            entry: listed,
            reason: reason.code(),
            why: explanation.why(),
        }
    }
}

fn named(name: String) -> SimulatedCaller {
    SimulatedCaller::Named(NamedCaller {
        name,
        ..NamedCaller::default()
    })
}

impl Verdict {
    /// The policy can't have such a caller.
    fn refused(why: &str) -> Self {
        Self {
            is_allowed: Some(false),
            app: None,
            rule: None,
            entry: None,
            reason: Reason::IssuerUnknown.code(),
            why: Some(why.to_owned()),
        }
    }
}
