//! Why a rule applies to a request, or does not: for operators, never for the client.
//!
//! It asks the functions that decide, one condition at a time, so it says what they say. Nothing that
//! runs in a proxy uses it.

mod caller;
mod entry;

#[cfg(test)]
mod tests;

use super::{App, Entry, Pattern, Rule};
use crate::caller::Caller;
use crate::request::Request;

/// Why a rule applies to a request, or does not.
#[derive(Clone, Debug)]
pub struct RuleExplanation<'p> {
    rule: &'p Rule,
    /// What the request or its caller lacks; empty if the rule applies.
    misses: Vec<String>,
    /// How many conditions are not met.
    distance: usize,
    /// The entry that lists the caller, with its index.
    entry: Option<(usize, &'p Entry)>,
}

impl App {
    /// Why each of the rules applies to a request, or does not: first those that apply, in the policy's
    /// order, then the others, the nearest first. `caller` is `None` for a request without a verified
    /// caller.
    pub fn explain_rules<'p>(
        &'p self,
        request: &Request<'_>,
        caller: Option<&Caller>,
    ) -> Vec<RuleExplanation<'p>> {
        let rules = self.rules().iter();
        let mut explained: Vec<_> = rules.map(|rule| rule.explain(request, caller)).collect();
        // The sort is stable, so rules of the same distance stay in the policy's order.
        explained.sort_by_key(|explanation| explanation.distance);
        explained
    }
}

impl Rule {
    /// Why this rule applies to a request of this caller, or does not.
    pub fn explain<'p>(
        &'p self,
        request: &Request<'_>,
        caller: Option<&Caller>,
    ) -> RuleExplanation<'p> {
        let mut explanation = RuleExplanation {
            rule: self,
            misses: Vec::new(),
            distance: 0,
            entry: None,
        };
        let (method, path) = (request.method(), request.path());
        if !self.matches_method(method) {
            let methods = self.methods().join(", ");
            explanation.miss(1, format!("the method is {method}, expected {methods}"));
        }
        if !self.matches_path(path) {
            let paths: Vec<String> = self.paths().iter().map(Pattern::to_string).collect();
            let paths = paths.join(", ");
            explanation.miss(1, format!("the path is {path}, expected {paths}"));
        }
        if self.is_public() {
            if request.has_encoded_separator() {
                let miss = "the path has an encoded separator, which no public rule matches";
                explanation.miss(1, miss.to_owned());
            }
        } else {
            explanation.explain_caller(caller);
        }
        explanation
    }
}

// === impl RuleExplanation ===

impl<'p> RuleExplanation<'p> {
    /// The rule.
    pub const fn rule(&self) -> &'p Rule {
        self.rule
    }

    /// Whether the rule allows the request. The first public rule that does decides or, if there is none, the
    /// first other one.
    pub const fn fits(&self) -> bool {
        self.misses.is_empty()
    }

    /// How many conditions of the rule are not met; of its entries, those of the nearest one.
    pub const fn distance(&self) -> usize {
        self.distance
    }

    /// The index of the entry of `allow` by which the rule fits.
    pub fn entry(&self) -> Option<usize> {
        let entry = self.entry.filter(|_| self.fits());
        entry.map(|(index, _)| index)
    }

    /// Why it fits or does not, in one line. It may have texts of the client and of the issuer, not escaped.
    pub fn why(&self) -> String {
        if !self.fits() {
            return self.misses.join("; ");
        }
        match self.entry {
            Some((index, entry)) => format!("allow[{index}] lists the caller: {entry}"),
            None => "public".to_owned(),
        }
    }

    fn miss(&mut self, distance: usize, why: String) {
        self.distance = self.distance.saturating_add(distance);
        self.misses.push(why);
    }

    /// Explains whether one of the rule's entries lists the caller.
    fn explain_caller(&mut self, caller: Option<&Caller>) {
        let entries = self.rule.allow().iter().enumerate();
        let Some(caller) = caller else {
            // As far away as a caller whom the smallest entry does not list.
            return self.miss(1, "it requires a caller, and none is verified".to_owned());
        };
        let explained = entries.map(|(index, entry)| (index, entry, entry.explain(caller)));
        match explained.min_by_key(|(_, _, explanation)| explanation.distance()) {
            Some((index, entry, explanation)) if explanation.fits() => {
                self.entry = Some((index, entry));
            }
            Some((index, entry, explanation)) => {
                let nearest = match self.rule.allow().len() {
                    1 => String::new(),
                    all => format!(", the nearest of {all} entries"),
                };
                let why = format!("allow[{index}] ({entry}{nearest}): {}", explanation.why());
                self.miss(explanation.distance(), why);
            }
            // A rule without entries can't be built; if it could, it lists nobody.
            None => self.miss(1, "it lists nobody".to_owned()),
        }
    }
}
