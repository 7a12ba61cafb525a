//! A request in a log: of an audit record, or of an access log.

use std::borrow::Cow;

use portcullis_core::policy::Policy;
use portcullis_core::reason::Reason;

use crate::access_log::LoggedRequest;
use crate::explain::{RecordedRequest, record_in};
use crate::simulation::SimulatedCaller;

/// A request, who sent it, and whether it was allowed.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Entry {
    pub(super) sender: Sender,
    pub(super) method: String,
    pub(super) host: String,
    /// Without the query.
    pub(super) path: String,
    pub(super) was_allowed: bool,
    /// Whether the sender may have had credentials that the log does not show.
    has_hidden_credentials: bool,
}

/// Who sent a request.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Sender {
    /// Someone without credentials.
    Anonymous,
    /// The caller with this name and perhaps this e-mail address, as audit records have them.
    Caller { name: String, email: Option<String> },
    /// A user of oauth2-proxy or NGINX: a subject or an e-mail address.
    User(String),
}

/// Why a line is not evaluated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Skipped {
    NoRequest,
    NoHost,
    NoPath,
    ForwardAuth,
    Unanswered,
    Unidentified,
    Unrecorded(Reason),
}

/// What NGINX logs if the client closes the connection.
const CLIENT_CLOSED: u16 = 499;

impl Entry {
    /// Reads a line of a log.
    pub(super) fn read(line: &str, policy: &Policy) -> Result<Self, Skipped> {
        match record_in(line) {
            Some(record) => Self::of_record(&RecordedRequest::new(record), policy),
            None => LoggedRequest::parse(line)
                .ok_or(Skipped::NoRequest)
                .and_then(|request| Self::of_access_log(&request, policy)),
        }
    }

    fn of_record(record: &RecordedRequest, policy: &Policy) -> Result<Self, Skipped> {
        let reason = record.reason().ok_or(Skipped::NoRequest)?;
        let has_hidden_credentials = match reason {
            Reason::Rule
            | Reason::Public
            | Reason::Ungated
            | Reason::ReportOnly
            | Reason::NoCredentials
            | Reason::CallerRefused
            | Reason::CallerNotAllowed => false,
            // The gate does not look at credentials there.
            Reason::AppUnknown => true,
            // What is decisive, such as the token, its time or a header field, is not recorded.
            _ => return Err(Skipped::Unrecorded(reason)),
        };
        let (method, host, path) = record.method_host_path().ok_or(Skipped::NoPath)?;
        let sender = match record.caller(policy, &[], None) {
            SimulatedCaller::Named(caller) => Sender::Caller {
                name: caller.name,
                email: record.email().map(str::to_owned),
            },
            _ => Sender::Anonymous,
        };
        Ok(Self {
            has_hidden_credentials: has_hidden_credentials && sender == Sender::Anonymous,
            sender,
            method: method.to_owned(),
            host: host.to_ascii_lowercase(),
            path: path.to_owned(),
            was_allowed: record.was_forwarded(),
        })
    }

    fn of_access_log(request: &LoggedRequest<'_>, policy: &Policy) -> Result<Self, Skipped> {
        if request.is_for_oauth2_proxy() {
            return Err(Skipped::ForwardAuth);
        }
        if request.status == CLIENT_CLOSED {
            return Err(Skipped::Unanswered);
        }
        let host = request.host_name().or_else(|| only_host(policy));
        let is_anonymous = request.user.is_none();
        Ok(Self {
            sender: match request.user {
                Some(user) => Sender::User(user.to_owned()),
                None => Sender::Anonymous,
            },
            method: request.method.to_owned(),
            host: host.ok_or(Skipped::NoHost)?,
            path: request.path.to_owned(),
            was_allowed: match request.status {
                401 | 403 => false,
                // To the sign-in page.
                302 => !is_anonymous,
                _ => true,
            },
            // A refused token has no user in these logs.
            has_hidden_credentials: is_anonymous,
        })
    }

    /// Whether the refusal says nothing, because the sender may have had credentials.
    pub(super) const fn is_unidentified(&self) -> bool {
        self.has_hidden_credentials
    }

    /// The sender's name, as the log has it; `None` without credentials.
    pub(super) fn caller_name(&self) -> Option<String> {
        match &self.sender {
            Sender::Anonymous => None,
            Sender::Caller { name, .. } | Sender::User(name) => Some(name.clone()),
        }
    }
}

/// The only host of a policy: formats of NGINX have none.
fn only_host(policy: &Policy) -> Option<String> {
    let mut hosts = policy.host_patterns();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host.to_string()).filter(|host| !host.contains('*')),
        _ => None,
    }
}

impl Skipped {
    /// Why, for a person.
    pub(super) fn text(self) -> Cow<'static, str> {
        let text = match self {
            Self::NoRequest => "no request",
            Self::NoHost => {
                "no host, and the policy has several: use the log of oauth2-proxy, or audit records"
            }
            Self::NoPath => "a record without method, host or path",
            Self::ForwardAuth => {
                "an endpoint of oauth2-proxy, such as `/oauth2/auth`: the log of NGINX has the paths"
            }
            Self::Unanswered => "the client closed the connection",
            Self::Unidentified => "refused, and the log does not show whether with credentials",
            Self::Unrecorded(reason) => {
                return format!("decided by what is not in the record: {reason}").into();
            }
        };
        Cow::Borrowed(text)
    }
}
