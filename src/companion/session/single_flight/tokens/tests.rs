use std::sync::Arc;

use super::*;
use crate::provider::User;
use crate::session::fixtures::{ada, at, tokens as provider_tokens};

#[test]
fn outcomes_and_spent_tokens_are_bounded() {
    let mut tokens = Tokens::default();
    let ends = at(1_000_000);
    for number in 0..MAX_SPENT + MAX_OUTCOMES + 100 {
        let hash = Sha256::digest(number.to_le_bytes()).into();
        tokens.finish(hash, RedemptionOutcome::Ended, ends, at(0));
        assert!(tokens.outcomes.len() <= MAX_OUTCOMES);
        assert!(tokens.spent.len() <= MAX_SPENT);
        assert!(tokens.states.len() <= MAX_OUTCOMES + MAX_SPENT);
    }
    // The oldest are dropped, the others are still known as spent.
    let first = Sha256::digest(0_usize.to_le_bytes()).into();
    let later = Sha256::digest(200_usize.to_le_bytes()).into();
    assert!(tokens.state(&first, at(1)).is_none());
    assert!(matches!(
        tokens.state(&later, at(1)),
        Some(TokenState::Spent { .. })
    ));
    // All are dropped when no session can hold them any more.
    tokens.prune(at(1_000_100));
    tokens.prune(ends);
    assert_eq!(tokens.states.len(), 0);
}

#[test]
fn of_users_with_one_outcome_each_the_oldest_outcome_is_dropped() {
    let mut tokens = Tokens::default();
    let ada = ada();
    let finish = |tokens: &mut Tokens, number: usize| {
        let user = User {
            sub: number.to_string(),
            ..ada.user.clone()
        };
        let new = provider_tokens(Some("new"), at(100));
        let session = Session::new("sso", user, new, at(0), Duration::from_secs(1000));
        let outcome = RedemptionOutcome::Refreshed(Arc::new(session));
        tokens.finish(hash(number), outcome, at(1000), at(0));
    };
    for number in 0..MAX_OUTCOMES + 20 {
        finish(&mut tokens, number);
    }
    for number in 0..MAX_OUTCOMES + 20 {
        let is_kept = matches!(
            tokens.state(&hash(number), at(1)),
            Some(TokenState::Redeemed { .. })
        );
        assert_eq!(is_kept, number >= 20, "{number}");
    }
}

fn hash(number: usize) -> TokenHash {
    Sha256::digest(number.to_le_bytes()).into()
}
