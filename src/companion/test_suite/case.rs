//! One case: a request, who sends it, and what is expected.

use axum::http::HeaderName;
use portcullis_core::json::Json;
use portcullis_core::timestamp::Timestamp;

use super::expectation::{Expectation, Mismatch};
use super::field::{Field, Place};
use crate::document::{Document, Report};
use crate::explain::{Explanation, Origin};
use crate::simulation::{self, NamedCaller, Person, SimulatedCaller, SimulatedRequest, Simulator};

const NAME: &str = "write what the case shows, like `karma reads alerts`";

const URL: &str = "write a URL like `https://alertmanager.example.com/api/v2/alerts`";

const HEADERS: &str = "write names and values, like `{sec-fetch-site: cross-site}`";

const CALLER: &str =
    "write one of `as`, `claims` with `from`, and `person`, or none for a request without a caller";

/// The fields of a case. The first two are required, and `each` is replaced by its rows before a case is read.
pub(super) const FIELDS: [&str; 10] = [
    "name", "expect", "request", "as", "groups", "email", "claims", "from", "person", "at",
];

/// The fields of `request`.
pub(super) const REQUEST_FIELDS: [&str; 3] = ["method", "url", "headers"];

/// One case.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) name: String,
    /// Where its name is or, of a case of a table, its row.
    pub(super) place: Place,
    request: SimulatedRequest,
    caller: SimulatedCaller,
    /// Where the caller is described.
    caller_place: Place,
    at: Option<Timestamp>,
    expectation: Expectation,
}

/// What a case came to.
#[derive(Debug)]
pub(crate) struct CaseResult {
    /// The test file.
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) name: String,
    /// Method, host and path.
    pub(super) request: String,
    pub(super) caller: Option<String>,
    pub(super) app: Option<String>,
    pub(super) decision: &'static str,
    pub(super) reason: &'static str,
    pub(super) rule: Option<String>,
    /// The entry of the rule that lists the caller: `allow[0]`.
    pub(super) entry: Option<String>,
    pub(super) status: u16,
    /// What is not as expected; empty for a case that passes.
    pub(super) mismatches: Vec<Mismatch>,
    /// Why the decision is what it is.
    pub(super) why: Option<String>,
    /// The failure with its place.
    pub(super) failure: Option<Report>,
}

impl Case {
    /// Reads a case, of a table if it has a `row`.
    pub(super) fn read(field: &Field<'_>, row: Option<Place>) -> Result<Self, Report> {
        field.only(&FIELDS)?;
        let name = field.required("name", NAME)?;
        let request = field.required("request", "write `request: {url: …}`")?;
        let expect = field.required("expect", "write `expect: {decision: …}`")?;
        let (caller, caller_place) = caller(field)?;
        Ok(Self {
            place: row.unwrap_or_else(|| name.place()),
            name: name.text(NAME)?.to_owned(),
            request: read_request(&request)?,
            caller,
            caller_place,
            at: field.member("at").map(|at| time(&at)).transpose()?,
            expectation: Expectation::read(&expect)?,
        })
    }

    /// Evaluates the request and compares the decision with what is expected.
    ///
    /// # Errors
    /// The policy can't have such a caller.
    pub(super) fn run(
        &self,
        document: &Document,
        simulator: &Simulator,
        now: Timestamp,
    ) -> Result<CaseResult, Report> {
        let at = self.at.unwrap_or(now);
        let present = simulator.present(self.request.clone(), &self.caller, at);
        let request = present.map_err(|error| {
            self.caller_place
                .report(document, &error.problem, &error.help)
        })?;
        let origin = match self.caller {
            SimulatedCaller::Anonymous => Origin::Given,
            _ => Origin::MadeUp,
        };
        let headers = request.headers();
        let decision = simulator.decide(&headers, at);
        let explanation = Explanation::of(simulator.policy(), &headers, decision, origin, at);
        let mismatches = self.expectation.mismatches(&explanation, &headers);
        let why = explanation.why();
        let failure = (!mismatches.is_empty()).then(|| {
            let differences: Vec<String> = mismatches.iter().map(Mismatch::text).collect();
            let problem = format!("case `{}` failed: {}", self.name, differences.join("; "));
            let help = why.clone().unwrap_or_default();
            self.place.report(document, &problem, &help)
        });
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(CaseResult {
            file: document.name().to_owned(),
            line: self.place.line(document),
            name: self.name.clone(),
            request: explanation.request().to_owned(),
            caller: owned(explanation.caller()),
            app: owned(explanation.app()),
            decision: explanation.decision(),
            reason: explanation.reason().code(),
            rule: owned(explanation.rule()),
            entry: owned(explanation.entry()),
            status: explanation.status(),
            mismatches,
            why,
            failure,
        })
    }
}

fn read_request(field: &Field<'_>) -> Result<SimulatedRequest, Report> {
    field.only(&REQUEST_FIELDS)?;
    let method = match field.member("method") {
        Some(method) => method.text("write a method, like `GET`")?,
        None => "GET",
    };
    let url = field.required("url", URL)?;
    let mut request = SimulatedRequest::for_url(method, url.text(URL)?.as_bytes())
        .map_err(|problem| url.error(problem, URL))?;
    let Some(headers) = field.member("headers") else {
        return Ok(request);
    };
    for (name, field) in headers.members(HEADERS)? {
        // A value may be a credential.
        let error = |problem| field.error(problem, HEADERS).without_source();
        // Also refuses pseudo-header fields.
        HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| error("is not the name of a header field"))?;
        for value in field.texts(HEADERS).map_err(Report::without_source)? {
            if value.contains(['\r', '\n', '\0']) {
                let problem = "the value has a line break or NUL, which no proxy passes on";
                return Err(error(problem));
            }
            request = request.with(&name, value.as_bytes());
        }
    }
    Ok(request)
}

/// The caller, and where it is described.
fn caller(case: &Field<'_>) -> Result<(SimulatedCaller, Place), Report> {
    let [name, claims, person] = ["as", "claims", "person"].map(|name| case.member(name));
    let second = [&name, &claims, &person].into_iter().flatten().nth(1);
    if let Some(second) = second {
        return Err(second.error("the case has several callers", CALLER));
    }
    for (member, of, present) in [
        ("groups", "as", name.is_some()),
        ("email", "as", name.is_some()),
        ("from", "claims", claims.is_some()),
    ] {
        if let Some(field) = case.member(member).filter(|_| !present) {
            let problem = format!("`{member}` needs `{of}`");
            return Err(field.error(&problem, CALLER));
        }
    }
    if let Some(field) = name {
        let help = "write the name of a caller, like `blue/monitoring/karma` or `sso/ada`";
        let groups = case.member("groups");
        let groups = groups.map(|field| field.texts("write a group or a list of groups"));
        let email = case.member("email");
        let email = email.map(|field| field.text("write an e-mail address"));
        let named = NamedCaller {
            name: field.text(help)?.to_owned(),
            groups: groups
                .transpose()?
                .unwrap_or_default()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            email: email.transpose()?.map(str::to_owned),
        };
        return Ok((SimulatedCaller::Named(named), field.place()));
    }
    if let Some(field) = claims {
        let help = "write `from` with the name of a trust entry";
        let trust = case.required("from", help)?;
        let claims = SimulatedCaller::Claims {
            trust: trust.text(help)?.to_owned(),
            claims: json(&field)?,
        };
        return Ok((claims, trust.place()));
    }
    if let Some(field) = person {
        let person = Person::read(&json(&field)?);
        let person = person.map_err(|(path, problem)| {
            let place = field.member(&path).unwrap_or_else(|| field.clone());
            place.error(&problem, simulation::PERSON_HELP)
        })?;
        return Ok((SimulatedCaller::Person(person), field.place()));
    }
    Ok((SimulatedCaller::Anonymous, case.place()))
}

/// Claims as core's JSON.
fn json(field: &Field<'_>) -> Result<Json, Report> {
    let help = "write the claims of a token, like `{sub: ada}`";
    field.members(help)?;
    Json::parse(field.node().to_string().as_bytes())
        .map_err(|error| field.error(&error.to_string(), "write fewer or simpler claims"))
}

fn time(field: &Field<'_>) -> Result<Timestamp, Report> {
    let help = "write a time like `\"2027-01-31T00:00:00Z\"`";
    let text = field.text(help)?;
    Timestamp::parse(text).ok_or_else(|| {
        let problem = format!("`{text}` is not a time in UTC with whole seconds");
        field.error(&problem, help)
    })
}

// === impl CaseResult ===

impl CaseResult {
    /// Whether everything is as expected.
    pub(crate) fn is_passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}
