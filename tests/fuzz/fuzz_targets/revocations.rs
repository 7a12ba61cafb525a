//! The list of revoked sessions, compared with a naive model.
#![no_main]

use std::collections::BTreeMap;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portcullis_core::session::{Id, Revocations, Revoked, SessionHandles};
use portcullis_core::timestamp::Timestamp;

#[derive(Arbitrary, Clone, Debug)]
enum Operation {
    /// Revokes a session or a user.
    End {
        user: bool,
        id: u8,
        before: u16,
        lasts: u16,
    },
    /// Revokes this many different sessions: of unknown users, or each of another user of one of
    /// these providers.
    EndMany {
        count: u16,
        before: u16,
        lasts: u16,
        providers: u8,
    },
    /// Revokes all sessions that began then or earlier.
    RaiseFloor(u16),
    /// Writes the list and reads it again.
    Reread,
    /// Merges an empty list with it.
    Unite,
    /// Time passes.
    Wait(u8),
}

/// A point in time.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + seconds)
}

fn id(number: u64) -> Id {
    Id::from_bytes(u128::from(number).to_be_bytes())
}

/// A user of this provider. Those of [`id`] have provider 0.
fn user_of(provider: u8, number: u64) -> Id {
    let provider = u128::from(provider) << 96;
    Id::from_bytes((provider | u128::from(number)).to_be_bytes())
}

/// What was revoked: until when, and which sessions.
#[derive(Default)]
struct Model {
    targets: BTreeMap<Revoked, Vec<(Timestamp, Timestamp)>>,
}

impl Model {
    fn end(&mut self, target: Revoked, before: Timestamp, ends: Timestamp) {
        self.targets.entry(target).or_default().push((before, ends));
    }

    /// Whether a revocation that has not ended must still be in force.
    fn must_revoke(&self, target: Revoked, began: Timestamp, now: Timestamp) -> bool {
        let mut targets = self.of(target).iter();
        targets.any(|(before, ends)| began <= *before && now < *ends)
    }

    /// Whether it may be: of several for the same target, the latest times apply.
    fn may_revoke(&self, target: Revoked, began: Timestamp, now: Timestamp) -> bool {
        let targets = self.of(target);
        let before = targets.iter().map(|(before, _)| *before).max();
        let ends = targets.iter().map(|(_, ends)| *ends).max();
        before.is_some_and(|before| began <= before) && ends.is_some_and(|ends| now < ends)
    }

    fn of(&self, target: Revoked) -> &[(Timestamp, Timestamp)] {
        self.targets
            .get(&target)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}

/// A list has fewer of [`Operation::EndMany`], and two fill it.
const BATCH: u64 = 2200;

/// So that a run does not take long.
const MAX_BATCHES: u64 = 3;

/// Revocations of one session are only tried for the first of these.
const CHECKED: u64 = 24;

fuzz_target!(|operations: Vec<Operation>| {
    let (mut list, mut model) = (Revocations::default(), Model::default());
    let (mut now, mut floor, mut batches) = (0_u64, None, 0);
    // Of sessions that begin later, revocations may be lost.
    let mut kept_until = at(u64::from(u32::MAX));
    for operation in operations.into_iter().take(64) {
        match operation {
            Operation::End {
                user,
                id: number,
                before,
                lasts,
            } => {
                let number = id(u64::from(number) % CHECKED);
                let target = if user {
                    Revoked::User(number)
                } else {
                    Revoked::Session(number)
                };
                let (before, ends) = (at(before.into()), at(now + u64::from(lasts)));
                list.revoke(target, before, ends, at(now));
                model.end(target, before, ends);
            }
            Operation::EndMany {
                count,
                before,
                lasts,
                providers,
            } => {
                batches += 1;
                let (before, ends) = (at(before.into()).secs(), now + u64::from(lasts));
                let numbers = 0..u64::from(count) % BATCH;
                let entries = numbers.map(|number| {
                    let sid = id(batches * 10_000 + number);
                    let user = number.checked_rem(providers.into()).map(|provider| {
                        let provider = u8::try_from(provider).unwrap_or_default();
                        let user = user_of(provider, batches * 10_000 + number);
                        format!(".{user}")
                    });
                    let (user, ends) = (user.unwrap_or_default(), at(ends).secs());
                    format!(r#"{{"sid":"{sid}{user}","before":{before},"ends":{ends}}}"#)
                });
                let entries: Vec<String> = entries.collect();
                let json = format!(
                    r#"{{"version":1,"floor":0,"entries":[{}]}}"#,
                    entries.join(",")
                );
                let other = Revocations::parse(json.as_bytes()).expect("a list");
                if batches <= MAX_BATCHES {
                    list.merge(&other, at(now));
                }
            }
            Operation::RaiseFloor(before) => {
                list.raise_floor(at(before.into()));
                floor = floor.max(Some(at(before.into())));
            }
            Operation::Reread => {
                let json = list.to_json();
                assert!(json.len() <= Revocations::MAX_BYTES);
                let again = Revocations::parse(json.as_bytes()).expect("a list");
                assert_eq!(again, list);
                list = again;
            }
            Operation::Unite => {
                let is_ahead = list.floor() > at(now + 60);
                let mut other = Revocations::default();
                other.merge(&list, at(now));
                other.merge(&list, at(now));
                list = other;
                // Of a floor that is far in the future, a minute counts.
                let latest = at(now + 60);
                floor = floor.map(|floor| floor.min(latest));
                if is_ahead {
                    kept_until = kept_until.min(latest);
                }
            }
            Operation::Wait(seconds) => now += u64::from(seconds),
        }
        assert!(list.len() <= Revocations::MAX_ENTRIES);
        assert!(floor.is_none_or(|floor| floor <= list.floor()));
        let of_no_entry = SessionHandles {
            sid: id(u64::MAX),
            handle: user_of(u8::MAX, 0),
            began: list.floor().after(Duration::from_secs(1)),
        };
        assert!(
            !list.revokes(&of_no_entry, at(now)),
            "a session is revoked because of another provider"
        );
        for number in 0..CHECKED {
            for (target, user) in [
                (Revoked::Session(id(number)), false),
                (Revoked::User(id(number)), true),
            ] {
                for began in [0, 1000, 30_000, 65_535] {
                    let other = id(u64::MAX);
                    let handles = SessionHandles {
                        sid: if user { other } else { id(number) },
                        handle: if user { id(number) } else { other },
                        began: at(began),
                    };
                    let is_revoked = list.revokes(&handles, at(now));
                    let is_kept = handles.began <= kept_until;
                    if is_kept && model.must_revoke(target, handles.began, at(now)) {
                        assert!(is_revoked, "a revocation is lost before its end");
                    } else if list.highest_floor() < handles.began
                        && !model.may_revoke(target, handles.began, at(now))
                    {
                        assert!(!is_revoked, "a session is revoked without a revocation");
                    }
                }
            }
        }
    }
    let later = at(now).after(Duration::from_secs(100_000));
    list.prune(later);
    assert_eq!(list.len(), 0);
});
