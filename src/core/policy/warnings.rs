//! Warnings about a valid policy.

use super::Policy;
use crate::keys::Owner;

impl Policy {
    /// Warnings about settings that are valid and probably a mistake, for `check` and the logs.
    ///
    /// Trust entries that share an issuer are distinguished by their keys. Without `keys.pins` an
    /// entry can publish the key of another, and after a restart it is unknown to which of them the
    /// key belongs.
    pub fn warnings(&self) -> Vec<String> {
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
        warnings.collect()
    }
}

#[cfg(test)]
mod tests;
