use super::*;
use crate::session::fixtures::at;

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
