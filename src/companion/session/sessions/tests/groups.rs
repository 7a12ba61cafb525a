//! Users in more groups than cookies can hold, and the claims that rules match on.

use portcullis_core::json::Json;
use portcullis_core::policy::Policy;

use super::*;
use crate::session::policy_claims::tests::policy;
use crate::session::policy_claims::{KeptGroups, PolicyClaims};

impl Fixture {
    /// With these groups in rules; `two` is in one anyway.
    fn with_rules(kept: KeptGroups, named: &[&str]) -> Self {
        Self::with_policy(kept, &policy(named))
    }

    fn with_policy(kept: KeptGroups, policy: &Policy) -> Self {
        let mut fixture = Self::with(|settings| settings.groups = kept);
        // A state file is open once.
        fixture.sessions = None;
        let claims = PolicyClaims::default();
        claims.update(policy);
        let sessions = Sessions::open(
            fixture.settings.clone(),
            Arc::clone(&fixture.keys),
            fixture.folder.store(),
            at(0),
        );
        let sessions = sessions.unwrap().with_policy_claims(claims);
        fixture.sessions = Some(Arc::new(sessions));
        fixture
    }

    /// The groups of the session token, and whether some were left out at the sign-in.
    async fn groups_of(&mut self, groups: Vec<String>) -> Result<(Vec<String>, bool), StartError> {
        let mut signed_in = ada();
        signed_in.user.groups = groups;
        let (sessions, nothing) = (self.sessions(), cookies(""));
        let known = sessions.known_revocations(at(0)).await.unwrap();
        let started = sessions.start(&nothing, "sso", signed_in, "", &known, at(0));
        let active = started.await?;
        self.browser = Browser::default();
        self.browser.store(&active.set_cookies);
        let header = self.browser.header();
        let token = cookies(&header).candidates(TOKEN).remove(0).into_owned();
        let claims = self.keys.load().verify_token(&self.settings.url, &token);
        Ok((claims.unwrap().groups, active.are_groups_left_out))
    }
}

/// This many groups of 60 characters, and `sre`.
fn many(count: usize) -> Vec<String> {
    let mut groups: Vec<String> = (0..count).map(|number| format!("{number:060}")).collect();
    groups.insert(count / 2, "sre".to_owned());
    groups
}

#[tokio::test]
async fn c03_groups_that_are_too_large_for_cookies_are_cut_to_those_of_rules() {
    for (count, is_cut) in [
        (0, false),
        (50, false),
        (150, false),
        (200, true),
        (2_000, true),
    ] {
        let mut fixture = Fixture::with_rules(KeptGroups::All, &["sre", "dev"]);
        let (groups, are_left_out) = fixture.groups_of(many(count)).await.unwrap();
        let expected = if is_cut {
            vec!["sre".to_owned()]
        } else {
            many(count)
        };
        assert_eq!(groups, expected, "{count}");
        assert_eq!(are_left_out, is_cut, "{count}");
        // The session can be refreshed, and keeps what it has.
        let session = fixture.refresh(at(10)).await.unwrap();
        assert_eq!(session.user.groups, expected, "{count}");
        assert!(fixture.is_accepted_by_filter(at(10)).await, "{count}");
    }
}

#[tokio::test]
async fn with_the_groups_of_the_policy_no_session_has_others() {
    for count in [0, 50, 200] {
        let mut fixture = Fixture::with_rules(KeptGroups::Policy, &["sre", "dev"]);
        let (groups, are_left_out) = fixture.groups_of(many(count)).await.unwrap();
        assert_eq!((groups, are_left_out), (vec!["sre".to_owned()], false));
        let session = fixture.refresh(at(10)).await.unwrap();
        assert_eq!(session.user.groups, ["sre"], "{count}");
    }
}

#[tokio::test]
async fn c03_groups_of_rules_that_are_too_large_start_no_session() {
    let groups = many(200);
    let named: Vec<&str> = groups.iter().map(String::as_str).collect();
    for kept in [KeptGroups::All, KeptGroups::Policy] {
        let mut fixture = Fixture::with_rules(kept, &named);
        let refused = fixture.groups_of(groups.clone()).await;
        assert_eq!(refused, Err(StartError::TooLarge), "{kept:?}");
    }
}

#[tokio::test]
async fn a_session_carries_those_claims_of_the_user_that_rules_match_on() {
    let policy = serde_json::json!({
        "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
        "apps": [{"name": "one", "hosts": ["one.example.com"], "rules": [
            {"name": "all", "allow": [{"from": "sso", "claim": {"path": ["roles"], "contains": "admin"}}]},
        ]}],
    });
    let policy = Policy::from_json(&policy.to_string()).unwrap();
    let mut fixture = Fixture::with_policy(KeptGroups::All, &policy);
    let mut signed_in = ada();
    let claims = br#"{"roles":["admin","dev"],"scope":"admin","address":{"a":1}}"#;
    signed_in.claims = Json::parse(claims).unwrap();
    let (sessions, nothing) = (fixture.sessions(), cookies(""));
    let known = sessions.known_revocations(at(0)).await.unwrap();
    let started = sessions.start(&nothing, "sso", signed_in, "", &known, at(0));
    let active = started.await.unwrap();
    fixture.browser.store(&active.set_cookies);
    let carried = |fixture: &Fixture| {
        let header = fixture.browser.header();
        let token = cookies(&header).candidates(TOKEN).remove(0).into_owned();
        let claims = fixture
            .keys
            .load()
            .verify_token(&fixture.settings.url, &token);
        let claims = claims.unwrap().provider_claims?;
        Some(serde_json::to_string(&claims).unwrap())
    };
    let roles = Some(r#"{"roles":["admin","dev"]}"#.to_owned());
    assert_eq!(carried(&fixture), roles);
    // A new session token carries them too.
    fixture.refresh(at(10)).await.unwrap();
    assert_eq!(carried(&fixture), roles);
}
