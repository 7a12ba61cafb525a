//! A user of whom a log has a name, and not all that rules may require.

use portcullis_core::json::Json;
use portcullis_core::policy::Entry;

use super::claims::{insert, insert_email};
use super::{ListedCallers, Person, SimulatedCaller};

/// What is known of a user.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct KnownUser<'a> {
    /// The trust entry or the provider.
    pub(crate) from: &'a str,
    /// The subject, as tokens have it.
    pub(crate) subject: &'a str,
    /// The verified e-mail address.
    pub(crate) email: Option<&'a str>,
}

impl ListedCallers<'_> {
    /// Who the user can be, as far as these entries are concerned: someone of whom nothing else is true, and someone of
    /// whom all is true that an entry requires, for each entry.
    pub(crate) fn possible<'e>(
        self,
        user: KnownUser<'_>,
        entries: impl Iterator<Item = &'e Entry>,
    ) -> Vec<SimulatedCaller> {
        let mut callers = vec![self.with_nothing_else(user)];
        for entry in entries.filter(|entry| entry.from() == Some(user.from)) {
            let listed = self.listed_by(entry, Some(user.subject)).into_iter();
            callers.extend(listed.map(|caller| self.with(caller, user)));
        }
        callers
    }

    fn with_nothing_else(self, user: KnownUser<'_>) -> SimulatedCaller {
        let caller = match self.own.trust(user.from) {
            Some(trust) => SimulatedCaller::Claims {
                trust: trust.name.clone(),
                claims: Json::Object(Vec::new()),
            },
            None => SimulatedCaller::Person(Person {
                provider: Some(user.from.to_owned()),
                email_verified: true,
                ..Person::default()
            }),
        };
        self.with(caller, user)
    }

    /// The caller with what is known of the user.
    fn with(self, mut caller: SimulatedCaller, user: KnownUser<'_>) -> SimulatedCaller {
        match &mut caller {
            SimulatedCaller::Person(person) => {
                let mut claims = match person.claims.take() {
                    Some(Json::Object(members)) => members,
                    _ => Vec::new(),
                };
                user.subject.clone_into(&mut person.subject);
                insert(&mut claims, &["sub".to_owned()], text(user.subject));
                if let Some(email) = user.email {
                    person.email = Some(email.to_owned());
                    insert(&mut claims, &["email".to_owned()], text(email));
                }
                person.claims = Some(Json::Object(claims));
            }
            SimulatedCaller::Claims {
                trust,
                claims: Json::Object(members),
            } => {
                insert(members, &["sub".to_owned()], text(user.subject));
                if let (Some(email), Some(trust)) = (user.email, self.own.trust(trust)) {
                    insert_email(members, trust, email);
                }
            }
            _ => {}
        }
        caller
    }
}

fn text(text: &str) -> Json {
    Json::String(text.to_owned())
}
