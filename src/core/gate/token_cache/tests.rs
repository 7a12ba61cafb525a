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
        Arc::new(CachedToken::new(token, Vec::new())),
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

/// A token with this claim, which makes up most of it.
fn large(id: usize, claim: &str) -> (String, Arc<Token>) {
    let payload = format!(r#"{{"iss":"a","aud":"b","exp":1,"sub":"{id}","x":{claim}}}"#);
    let text = crate::fixtures::unsigned(r#"{"alg":"EdDSA","kid":"a"}"#, &payload);
    let token = Arc::new(Token::parse(&text).unwrap());
    (text, token)
}

/// The claims of a token can take many times as much memory as its text.
#[test]
fn the_memory_of_cached_tokens_is_limited() {
    let text = format!("\"{}\"", "x".repeat(12_000));
    let lists = format!("[{}]", vec!["[]"; 4000].join(","));
    let objects = format!("[{}]", vec![r#"{"":0}"#; 2000].join(","));
    for (claim, at_most) in [(text, 400), (lists, 100), (objects, 100)] {
        let mut cache = TokenCache::default();
        let mut most = 0;
        for id in 0..1000 {
            let (text, token) = large(id, &claim);
            cache.put(
                text.as_str().into(),
                Arc::new(CachedToken::new(token, Vec::new())),
            );
            most = most.max(cache.young.len() + cache.old.len());
            assert!(cache.bytes <= MAX_BYTES);
        }
        assert!((2..=at_most).contains(&most), "{most}");
    }
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
