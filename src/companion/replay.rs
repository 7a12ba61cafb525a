//! Evaluates the requests in a log again, by a policy: who would lose access by it, and who would gain.
//!
//! A log names callers, and has not all that rules may require of them: no groups, and oauth2-proxy does not log which
//! issuer a token is of. So a request is evaluated for everyone whom the log can mean. If the decisions differ, the result
//! is that the decision depends on it.

mod entry;
mod evaluation;
pub(crate) mod fuzzing;
mod render;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use portcullis_core::timestamp::Timestamp;

use crate::document::{self, Report};
use crate::explain::MAX_LINE;
use crate::files;
use crate::simulation::Simulator;

use entry::{Entry, Skipped};
use evaluation::{Evaluator, Verdict};

/// How many changes are listed. Requests of further ones are counted.
const MAX_CHANGES: usize = 10_000;

/// How many paths of a change are listed.
const MAX_PATHS: usize = 10;

/// How many evaluations are remembered: the requests in a log repeat.
const MAX_REMEMBERED: usize = 100_000;

/// What the requests in a log come to.
#[derive(Debug)]
pub(crate) struct Replay {
    log: String,
    policy: String,
    /// Requests with the same decision.
    unchanged: usize,
    changes: Vec<Change>,
    /// Requests of changes that are not listed.
    unlisted: usize,
    /// Lines that can't be evaluated, by why.
    skipped: BTreeMap<Cow<'static, str>, Lines>,
}

/// Requests of one caller that the policy decides in one way, and the log in another.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Change {
    effect: Effect,
    /// As the log has it; `None` without credentials.
    caller: Option<String>,
    method: String,
    host: String,
    /// Some of the paths, the first one first.
    paths: Vec<String>,
    app: Option<String>,
    rule: Option<String>,
    /// The code of the reason.
    reason: &'static str,
    /// Why the first request is decided so.
    why: Option<String>,
    requests: usize,
    /// The line of the first, from 1.
    line: usize,
}

/// What becomes of requests.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Effect {
    /// They were allowed, and are refused.
    Loses,
    /// They were refused, and are allowed.
    Gains,
    /// It depends on what the log does not have.
    Depends,
}

/// Some lines of a log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Lines {
    count: usize,
    /// The first, from 1.
    first: usize,
}

/// What requests of one change have in common: effect, caller, method, host, rule, and reason.
type Key = (
    Effect,
    Option<String>,
    String,
    String,
    Option<String>,
    &'static str,
);

impl Replay {
    /// Evaluates the requests in a log, or in standard input for `-`, as if they arrived now.
    ///
    /// # Errors
    /// The log can't be read, or has nothing that can be evaluated.
    pub(crate) fn of(
        simulator: &Simulator,
        policy: &Path,
        log: &Path,
        now: Timestamp,
    ) -> Result<Self, Report> {
        let mut replay = Self::new(policy, log);
        let mut reader = Reader::new(simulator, now);
        let read = files::each_line(log, MAX_LINE, |line| reader.read(line, &mut replay));
        read.map_err(|error| document::unreadable(log, &error))?;
        if replay.requests() == 0 {
            let why: Vec<&str> = replay.skipped.keys().map(Cow::as_ref).collect();
            let problem = format!("has no request that can be evaluated ({})", why.join("; "));
            let help = "name a log with audit records, the request log of oauth2-proxy, or an access log of NGINX";
            return Err(Report::of(&replay.log, &problem, help));
        }
        let order = |change: &Change| (change.effect, change.caller.clone(), change.line);
        replay.changes.sort_by_key(order);
        Ok(replay)
    }

    fn new(policy: &Path, log: &Path) -> Self {
        Self {
            log: document::name_of(log),
            policy: document::name_of(policy),
            unchanged: 0,
            changes: Vec::new(),
            unlisted: 0,
            skipped: BTreeMap::new(),
        }
    }

    /// Whether nobody loses or gains access, as far as the log shows.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.unlisted == 0 && self.failures().next().is_none()
    }

    /// Who loses or gains access.
    fn failures(&self) -> impl Iterator<Item = &Change> {
        let changes = self.changes.iter();
        changes.filter(|change| change.effect != Effect::Depends)
    }

    /// How many requests were evaluated.
    fn requests(&self) -> usize {
        let changed = self.changes.iter().map(|change| change.requests);
        changed.fold(
            self.unchanged.saturating_add(self.unlisted),
            usize::saturating_add,
        )
    }

    /// How many requests a kind of change is about.
    fn requests_of(&self, effect: Effect) -> usize {
        let changes = self.changes.iter();
        let of = changes.filter(|change| change.effect == effect);
        of.map(|change| change.requests)
            .fold(0, usize::saturating_add)
    }
}

/// Reads the lines of one log.
struct Reader<'s> {
    evaluator: Evaluator<'s>,
    verdicts: HashMap<Entry, Verdict>,
    /// The places of changes in the list.
    changes: HashMap<Key, usize>,
    /// The number of the line that is read, from 1.
    line: usize,
    is_at_start: bool,
}

impl<'s> Reader<'s> {
    fn new(simulator: &'s Simulator, now: Timestamp) -> Self {
        Self {
            evaluator: Evaluator::new(simulator, now),
            verdicts: HashMap::new(),
            changes: HashMap::new(),
            line: 0,
            is_at_start: true,
        }
    }

    /// Reads a line, or a part of a long one.
    fn read(&mut self, text: &str, replay: &mut Replay) {
        if self.is_at_start {
            self.line = self.line.saturating_add(1);
        }
        self.is_at_start = text.ends_with('\n');
        match Entry::read(text.trim_end(), self.evaluator.policy()) {
            Ok(entry) => self.evaluate(entry, replay),
            Err(skipped) => self.skip(skipped, replay),
        }
    }

    fn skip(&self, skipped: Skipped, replay: &mut Replay) {
        let first = self.line;
        let why = skipped.text();
        let lines = replay
            .skipped
            .entry(why)
            .or_insert(Lines { count: 0, first });
        lines.count = lines.count.saturating_add(1);
    }

    fn evaluate(&mut self, entry: Entry, replay: &mut Replay) {
        let verdict = match self.verdicts.get(&entry) {
            Some(verdict) => verdict.clone(),
            None => {
                let verdict = self.evaluator.evaluate(&entry);
                if self.verdicts.len() < MAX_REMEMBERED {
                    self.verdicts.insert(entry.clone(), verdict.clone());
                }
                verdict
            }
        };
        let effect = match (entry.was_allowed, verdict.is_allowed) {
            (true, Some(true)) | (false, Some(false)) => {
                if !entry.was_allowed && entry.is_unidentified() {
                    return self.skip(Skipped::Unidentified, replay);
                }
                replay.unchanged = replay.unchanged.saturating_add(1);
                return;
            }
            (true, Some(false)) => Effect::Loses,
            (false, Some(true)) => Effect::Gains,
            (_, None) => Effect::Depends,
        };
        self.add(entry, verdict, effect, replay);
    }

    fn add(&mut self, entry: Entry, verdict: Verdict, effect: Effect, replay: &mut Replay) {
        let key = (
            effect,
            entry.caller_name(),
            entry.method.clone(),
            entry.host.clone(),
            verdict.rule.clone(),
            verdict.reason,
        );
        let known = self.changes.get(&key).copied();
        if let Some(change) = known.and_then(|place| replay.changes.get_mut(place)) {
            change.requests = change.requests.saturating_add(1);
            if change.paths.len() < MAX_PATHS && !change.paths.contains(&entry.path) {
                change.paths.push(entry.path);
            }
            return;
        }
        if replay.changes.len() >= MAX_CHANGES {
            replay.unlisted = replay.unlisted.saturating_add(1);
            return;
        }
        let caller = key.1.clone();
        self.changes.insert(key, replay.changes.len());
        replay.changes.push(Change {
            effect,
            caller,
            method: entry.method,
            host: entry.host,
            paths: vec![entry.path],
            app: verdict.app,
            rule: verdict.rule,
            reason: verdict.reason,
            why: verdict.why,
            requests: 1,
            line: self.line,
        });
    }
}
