//! Warnings about a valid policy.

use std::time::Duration;

use super::{App, Policy};
use crate::keys::Owner;
use crate::timestamp::Timestamp;

/// How long an app is open without a warning.
const LONG: Duration = Duration::from_secs(90 * 24 * 3600);

impl Policy {
    /// Warnings about settings that are valid and probably a mistake, for `check` and the logs.
    ///
    /// Trust entries that share an issuer are distinguished by their keys. Without `keys.pins` an
    /// entry can publish the key of another, and after a restart it is unknown to which of them the
    /// key belongs.
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        let mut issuers: Vec<&str> = Vec::new();
        for issuer in self.trusts().iter().flat_map(|trust| trust.issuers()) {
            if !issuers.contains(&issuer) {
                issuers.push(issuer);
            }
        }
        let warnings = issuers.into_iter().filter_map(|issuer| {
            let mut owners: Vec<Owner> = Vec::new();
            for trust in self.trusts() {
                let may_be_ambiguous = trust.accepts_issuer(issuer)
                    && trust.keys.remote.is_some()
                    && trust.keys.pins.is_empty();
                let owner = Owner::of(trust);
                if may_be_ambiguous && !owners.iter().any(|other| other.is_same(&owner)) {
                    owners.push(owner);
                }
            }
            let names: Vec<&str> = owners.iter().map(Owner::name).collect();
            (names.len() > 1).then(|| {
                [
                    "trust: ",
                    &names.join(", "),
                    " share the issuer `",
                    issuer,
                    "` and have no `keys.pins`: a key that one of them copies from another can be \
                     refused after a restart (key-ambiguous); help: set `keys.pins` in each of them",
                ]
                .concat()
            })
        });
        warnings.chain(self.report_until_warnings(now)).collect()
    }

    fn report_until_warnings(&self, now: Timestamp) -> impl Iterator<Item = String> {
        let limit = now.after(LONG);
        self.apps()
            .iter()
            .enumerate()
            .filter_map(move |(index, app)| {
                let until = app.report_until()?;
                let (problem, help) = if until.time <= now {
                    ("is in the past, so it has no effect", "remove it")
                } else if until.time > limit {
                    (
                        "is more than 90 days ahead",
                        "choose an earlier time, and extend it if necessary",
                    )
                } else {
                    return None;
                };
                let index = index.to_string();
                let place = ["apps[", &index, "].report_until: `", &until.text, "` "];
                Some([&*place.concat(), problem, "; help: ", help].concat())
            })
    }

    /// The apps whose refusals are only reported now, each with a line for the log.
    pub fn report_only_apps(&self, now: Timestamp) -> impl Iterator<Item = (&App, String)> {
        let open = move |app: &&App| app.is_report_only(now);
        self.apps().iter().filter(open).map(|app| {
            let until = app.report_until().map_or("", |until| &until.text);
            let parts = [
                "app `",
                app.name(),
                "` is open until ",
                until,
                ": requests that its rules refuse are forwarded and reported (report_until)",
            ];
            (app, parts.concat())
        })
    }
}

#[cfg(test)]
mod tests;
