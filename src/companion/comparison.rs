//! Who gains access by a change of the policy, and who loses it.
//!
//! For each host, each rule of one policy is compared with all rules of the other: for a caller that an entry of the rule
//! lists, and that as few other entries as possible list. Entries only require that a caller has something, so what the
//! other policy allows such a caller, it allows every caller of the entry. Paths are compared as patterns, by
//! [`portcullis_core::policy::Uncovered`]. So the names and the order of rules make no difference, and neither does a rule
//! whose requests others allow.
//!
//! What selects tokens before rules are asked, such as the audiences of a trust entry, is compared setting by setting.

mod additions;
mod hosts;
mod methods;
mod render;
mod settings;

#[cfg(test)]
mod tests;

use portcullis_core::timestamp::Timestamp;

use crate::simulation::Simulator;

pub(crate) use additions::Access;
pub(crate) use settings::Setting;

/// What two policies differ in.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// The digests of both.
    digests: [String; 2],
    gained: Vec<Access>,
    lost: Vec<Access>,
    settings: Vec<Setting>,
}

impl Comparison {
    /// Compares an old and a new policy, as they are at a time.
    pub(crate) fn of(old: &Simulator, new: &Simulator, now: Timestamp) -> Self {
        Self {
            digests: [old, new].map(|one| one.policy().digest().to_string()),
            gained: additions::of(old, new, now),
            lost: additions::of(new, old, now),
            settings: settings::of(old.policy(), new.policy(), now),
        }
    }

    /// Whether somebody may do more than before.
    pub(crate) fn is_widened(&self) -> bool {
        !self.gained.is_empty() || self.settings.iter().any(|setting| setting.widens)
    }

    /// Whether access differs at all.
    pub(crate) fn has_differences(&self) -> bool {
        !self.gained.is_empty() || !self.lost.is_empty() || !self.settings.is_empty()
    }
}
