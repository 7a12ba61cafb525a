use super::*;

fn token(id: usize) -> (String, Arc<Token>) {
    let payload = format!(r#"{{"iss":"a","aud":"b","exp":1,"sub":"{id}"}}"#);
    let text = crate::fixtures::unsigned(r#"{"alg":"EdDSA","kid":"a"}"#, &payload);
    let token = Arc::new(Token::parse(&text).unwrap());
    (text, token)
}

/// Inserts a token that was not verified, which makes no difference here.
fn keep(cache: &mut TokenCache, id: usize) -> String {
    let (text, token) = token(id);
    cache.put(
        text.as_str().into(),
        Arc::new(CachedToken {
            token,
            verifications: Vec::new(),
        }),
    );
    text
}

#[test]
fn the_number_of_cached_tokens_is_limited() {
    let mut cache = TokenCache::default();
    let texts: Vec<String> = (0..5000).map(|id| keep(&mut cache, id)).collect();
    assert!(cache.young.len() + cache.old.len() <= 2 * MAX_TOKENS);
    assert!(cache.get(&texts[4999]).is_some());
    assert!(cache.get(&texts[0]).is_none());
}

#[test]
fn the_number_of_cached_bytes_is_limited() {
    let mut cache = TokenCache::default();
    let (_, token) = token(0);
    for id in 0..200 {
        let text = format!("{id}{}", "x".repeat(60_000));
        cache.put(
            text.into(),
            Arc::new(CachedToken {
                token: Arc::clone(&token),
                verifications: Vec::new(),
            }),
        );
        assert!(cache.bytes <= MAX_BYTES + 60_003);
    }
    let held: usize = cache
        .young
        .keys()
        .chain(cache.old.keys())
        .map(|key| key.text().len())
        .sum();
    assert!(held <= 2 * MAX_BYTES + 60_003);
}

#[test]
fn a_token_in_use_stays_in_the_cache() {
    let mut cache = TokenCache::default();
    let used = keep(&mut cache, 0);
    for id in 1..10_000 {
        keep(&mut cache, id);
        assert!(cache.get(&used).is_some(), "{id}");
    }
}

#[test]
fn a_token_is_removed_from_both_generations() {
    let mut cache = TokenCache::default();
    let text = keep(&mut cache, 0);
    for id in 1..=MAX_TOKENS {
        keep(&mut cache, id);
    }
    let key = text.as_str();
    assert!(cache.old.contains_key(&key as &dyn TokenText));
    cache.remove(&text);
    assert!(cache.get(&text).is_none());
}
