//! The caller of the command line.

use std::path::{Path, PathBuf};

use clap::Args;
use portcullis_core::json::Json;
use portcullis_core::policy::Policy;

use crate::commands::progress::Progress;
use crate::document::{self, Document, Report};
use crate::explain::RecordedRequest;
use crate::simulation::{self, NamedCaller, Person, SimulatedCaller};

/// The options that describe the caller.
#[derive(Args, Debug)]
#[command(next_help_heading = "Caller")]
pub(super) struct CallerArguments {
    /// A caller by its name: `TRUST/NAMESPACE/NAME`, or `FROM/SUBJECT` for users
    #[arg(long = "as", value_name = "NAME", group = "who")]
    name: Option<String>,

    /// A group of the caller; may be repeated
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,

    /// The caller's verified e-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,

    /// A file with a bearer token; `-` reads standard input
    #[arg(long, value_name = "FILE", group = "who")]
    token_file: Option<PathBuf>,

    /// A file with the claims of a bearer token, YAML or JSON; needs `--from`
    #[arg(long, value_name = "FILE", group = "who", requires = "from")]
    claims: Option<PathBuf>,

    /// The trust entry that vouches for `--claims`
    #[arg(long, value_name = "TRUST", requires = "claims")]
    from: Option<String>,

    /// A file with a user who has signed in, YAML or JSON: the claims of the ID token, and `provider`
    #[arg(long, value_name = "FILE", group = "who")]
    person: Option<PathBuf>,

    /// A log with audit records; the request and the caller of one are explained
    #[arg(long, value_name = "FILE", group = "who")]
    audit: Option<PathBuf>,

    /// The request id of the audit record, if there are several
    #[arg(long, value_name = "REQUEST-ID", requires = "audit")]
    id: Option<String>,
}

/// The caller, and where it comes from.
pub(super) struct Described {
    pub(super) caller: SimulatedCaller,
    /// The audit record, if it is of one.
    pub(super) recorded: Option<RecordedRequest>,
    /// What the reader should know.
    pub(super) notes: Vec<String>,
}

const EMPTY: &str = "write the claims, like `{sub: …}`";

impl CallerArguments {
    /// The option that describes the caller, for errors.
    pub(super) const fn flag(&self) -> &'static str {
        if self.claims.is_some() {
            "--from"
        } else if self.person.is_some() {
            "--person"
        } else if self.audit.is_some() {
            "--audit"
        } else {
            "--as"
        }
    }

    /// The files that describe the caller.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let files = [&self.token_file, &self.claims, &self.person, &self.audit];
        files.into_iter().flatten()
    }

    /// The caller.
    pub(super) fn read(&self, policy: &Policy) -> Result<Described, Report> {
        if (!self.group.is_empty() || self.email.is_some())
            && self.name.is_none()
            && self.audit.is_none()
        {
            let help = "add `--as`, or write them into the file of `--person` or `--claims`";
            let problem = "a group or an e-mail address needs a caller that is named";
            return Err(Report::of("--group, --email", problem, help));
        }
        if let Some(path) = &self.audit {
            return self.of_record(path, policy);
        }
        let caller = if let Some(name) = &self.name {
            SimulatedCaller::Named(NamedCaller {
                name: name.clone(),
                groups: self.group.clone(),
                email: self.email.clone(),
            })
        } else if let Some(path) = &self.token_file {
            SimulatedCaller::Token(token(path)?)
        } else if let (Some(path), Some(trust)) = (&self.claims, &self.from) {
            let (document, claims) = json(path)?;
            if claims.as_object().is_none() {
                let report = document.report(".", "expected a mapping with claims", EMPTY);
                return Err(report.without_source());
            }
            SimulatedCaller::Claims {
                trust: trust.clone(),
                claims,
            }
        } else if let Some(path) = &self.person {
            let (document, description) = json(path)?;
            let person = Person::read(&description)
                .map_err(|problem| simulation::person_report(&document, &problem))
                .map_err(Report::without_source)?;
            SimulatedCaller::Person(person)
        } else {
            SimulatedCaller::Anonymous
        };
        Ok(Described {
            caller,
            recorded: None,
            notes: Vec::new(),
        })
    }

    fn of_record(&self, path: &Path, policy: &Policy) -> Result<Described, Report> {
        let progress = Progress::of_log(path);
        let recorded = RecordedRequest::find(path, self.id.as_deref())?;
        drop(progress);
        let caller = recorded.caller(policy, &self.group, self.email.as_ref());
        let mut notes = vec![
            "the record has neither the query nor other header fields of the request: add those that matter with \
             `--header`"
                .to_owned(),
        ];
        if matches!(caller, SimulatedCaller::Named(_)) && !recorded.is_of_service_account(policy) {
            notes.push(
                "the record has neither the groups nor the e-mail address of the caller: add them with `--group` and \
                 `--email`, if rules need them"
                    .to_owned(),
            );
        }
        Ok(Described {
            caller,
            recorded: Some(recorded),
            notes,
        })
    }
}

/// A document as core's JSON. Errors do not show the line: the file may be a token, named by mistake.
fn json(path: &Path) -> Result<(Document, Json), Report> {
    let document = Document::open(path, EMPTY).map_err(Report::without_source)?;
    let json = Json::parse(document.root().to_string().as_bytes());
    match json {
        Ok(json) => Ok((document, json)),
        Err(error) => Err(document
            .report(".", &error.to_string(), "write fewer or simpler claims")
            .without_source()),
    }
}

/// The token in a file. Errors show nothing of it.
fn token(path: &Path) -> Result<String, Report> {
    let (name, text) = document::read_text(path)?;
    let token = text.trim();
    let is_one = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if is_one {
        return Ok(token.to_owned());
    }
    let help = "write the token alone, without `Authorization` and `Bearer`";
    Err(Report::of(
        &name,
        "expected one token of visible ASCII",
        help,
    ))
}
