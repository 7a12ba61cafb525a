use super::*;

fn token(id: usize) -> (String, Arc<Token>) {
    let payload = format!(r#"{{"iss":"a","aud":"b","exp":1,"sub":"{id}"}}"#);
    let text = crate::fixtures::unsigned(r#"{"alg":"EdDSA","kid":"a"}"#, &payload);
    let token = Arc::new(Token::parse(&text).unwrap());
    (text, token)
}

/// Keeps a token without any proof, which is as good as one for what is tested here.
fn keep(memory: &mut Memory, id: usize) -> String {
    let (text, token) = token(id);
    memory.keep(
        text.as_str().into(),
        Arc::new(Remembered {
            token,
            proofs: Vec::new(),
        }),
    );
    text
}

#[test]
fn the_memory_is_bounded_by_tokens() {
    let mut memory = Memory::default();
    let texts: Vec<String> = (0..5000).map(|id| keep(&mut memory, id)).collect();
    assert!(memory.young.len() + memory.old.len() <= 2 * MAX_TOKENS);
    assert!(memory.recall(&texts[4999]).is_some());
    assert!(memory.recall(&texts[0]).is_none());
}

#[test]
fn the_memory_is_bounded_by_bytes() {
    let mut memory = Memory::default();
    let (_, token) = token(0);
    for id in 0..200 {
        let text = format!("{id}{}", "x".repeat(60_000));
        memory.keep(
            text.into(),
            Arc::new(Remembered {
                token: Arc::clone(&token),
                proofs: Vec::new(),
            }),
        );
        assert!(memory.bytes <= MAX_BYTES + 60_003);
    }
    let held: usize = memory
        .young
        .keys()
        .chain(memory.old.keys())
        .map(|text| text.len())
        .sum();
    assert!(held <= 2 * MAX_BYTES + 60_003);
}

#[test]
fn a_token_that_is_in_use_stays() {
    let mut memory = Memory::default();
    let used = keep(&mut memory, 0);
    for id in 1..10_000 {
        keep(&mut memory, id);
        assert!(memory.recall(&used).is_some(), "{id}");
    }
}

#[test]
fn what_is_forgotten_is_gone_from_both_generations() {
    let mut memory = Memory::default();
    let text = keep(&mut memory, 0);
    for id in 1..=MAX_TOKENS {
        keep(&mut memory, id);
    }
    assert!(memory.old.contains_key(text.as_str()));
    memory.forget(&text);
    assert!(memory.recall(&text).is_none());
}
