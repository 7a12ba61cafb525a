use super::*;

const NAME: &str = "__Secure-portcullis";

/// The candidates in these cookies.
fn found(cookies: &[(String, &str)]) -> Vec<String> {
    let cookies = cookies
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let found = candidates(cookies, NAME).into_iter();
    found.map(Cow::into_owned).collect()
}

/// A value whose chunks all differ.
fn value(length: usize) -> String {
    let mut value = String::new();
    while value.len() < length {
        value.push_str(&format!("{}.", value.len()));
    }
    value.truncate(length);
    value
}

fn named(rest: &str, value: &'static str) -> (String, &'static str) {
    (format!("{NAME}{rest}"), value)
}

#[test]
fn c03_values_of_any_length_are_split_and_joined_again() {
    let longest_name = format!("__Secure-{}", "n".repeat(55));
    for (length, cookies) in [
        (1, 1),
        (3999, 1),
        (4000, 1),
        (4001, 2),
        (4095, 2),
        (4096, 2),
        (4097, 2),
        (7999, 2),
        (8000, 2),
        (8001, 3),
        (15_999, 4),
        (16_000, 4),
    ] {
        let value = value(length);
        let chunks = split_cookie(NAME, &value);
        assert_eq!(chunks.len(), cookies, "{length}");
        assert!(
            found(&chunks).contains(&value),
            "{length} bytes are not found"
        );
        for (name, chunk) in super::split_cookie(&format!("{longest_name}-session"), &value) {
            assert!(name.len() + chunk.len() <= 4096, "{name}: {}", chunk.len());
            assert!(!chunk.is_empty());
        }
    }
}

#[test]
fn c03_chunks_are_numbered_from_zero() {
    let value = value(8001);
    let names: Vec<String> = split_cookie(NAME, &value)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let expected = [".0", ".1", ".2"].map(|rest| format!("{NAME}{rest}"));
    assert_eq!(names, expected);
    assert_eq!(split_cookie(NAME, "a"), [(NAME.to_owned(), "a")]);
}

#[test]
fn c03_a_value_with_a_missing_chunk_is_not_found() {
    let value = value(11_000);
    let whole = split_cookie(NAME, &value);
    for missing in 0..whole.len() {
        let mut cookies = whole.clone();
        cookies.remove(missing);
        for candidate in found(&cookies) {
            assert_ne!(candidate, value);
        }
    }
    assert!(found(&whole[..1]).is_empty(), "the first chunk is no value");
    assert!(found(&whole[1..]).is_empty());
}

#[test]
fn c03_chunks_are_joined_by_number_in_any_order() {
    let value = value(11_000);
    let mut cookies = split_cookie(NAME, &value);
    cookies.reverse();
    assert_eq!(found(&cookies)[0], value);
    let (first, second) = (cookies[2].1, cookies[1].1);
    cookies[2].1 = second;
    cookies[1].1 = first;
    assert!(
        !found(&cookies).contains(&value),
        "chunks under each other's name are another value"
    );
}

#[test]
fn t19_an_extra_chunk_does_not_invalidate_the_value() {
    let value = value(9000);
    for extra in [
        ".3",
        ".4",
        ".7",
        ".15",
        ".16",
        ".99999999999999999999",
        ".x",
        ".",
    ] {
        let mut cookies = split_cookie(NAME, &value);
        cookies.insert(0, named(extra, "foreign"));
        assert!(found(&cookies).contains(&value), "{extra}");
    }
}

#[test]
fn t19_all_cookies_of_one_name_are_tried() {
    let value = value(9000);
    let mut cookies = split_cookie(NAME, &value);
    for rest in ["", ".0", ".1", ".2"] {
        cookies.insert(0, named(rest, "foreign"));
    }
    assert!(found(&cookies).contains(&value));
    let cookies = [
        named("", "foreign"),
        named("", "good"),
        named("", "foreign"),
    ];
    assert_eq!(found(&cookies), ["foreign", "good"], "each once");
}

#[test]
fn t19_the_number_of_candidates_is_bounded() {
    let values: Vec<String> = (0..200).map(|at| format!("{at:04}").repeat(1000)).collect();
    let mut cookies = Vec::new();
    for number in 0..16 {
        for value in &values {
            cookies.push((format!("{NAME}.{number}"), value.as_str()));
        }
    }
    cookies.extend(values.iter().map(|value| (NAME.to_owned(), value.as_str())));
    assert_eq!(found(&cookies).len(), MAX_ASSEMBLED + 2 * MAX_VALUES);
    let assembled = &found(&cookies)[..MAX_ASSEMBLED];
    assert!(assembled.iter().all(|value| value.len() > MAX_VALUE));
}

#[test]
fn t19_a_good_value_is_found_among_any_number_of_others() {
    let short = "good".to_owned();
    let long = value(9000);
    let full: Vec<String> = (0..200).map(|at| format!("{at:04}").repeat(1000)).collect();
    for good in [&short, &long] {
        let chunks = split_cookie(NAME, good);
        for count in [1, 7, 8, 9, 16, 17, 200] {
            let mut junk: Vec<(String, &str)> = Vec::new();
            for (at, (name, chunk)) in chunks.iter().enumerate() {
                for other in full.iter().skip(at).take(count) {
                    // Of the same length, as a copy of an older value would be.
                    let other = other.get(..chunk.len()).unwrap();
                    junk.push((name.clone(), other));
                }
            }
            let before: Vec<_> = junk.iter().chain(&chunks).cloned().collect();
            assert!(found(&before).contains(good), "{count} before");
            let behind: Vec<_> = chunks.iter().chain(&junk).cloned().collect();
            assert!(found(&behind).contains(good), "{count} behind");
        }
    }
    // Only the first chunk has others.
    let mut cookies = split_cookie(NAME, &long);
    for other in full.iter().take(20) {
        cookies.insert(0, (format!("{NAME}.0"), other));
    }
    assert!(found(&cookies).contains(&long));
}

#[test]
fn t19_each_value_is_compared_with_a_fixed_number_of_others() {
    let texts: Vec<String> = (0..10_000).map(|at| format!("{at:030}")).collect();
    let mut values = Values::default();
    for text in &texts {
        values.add(text);
        assert!(values.first.len() + values.last.len() <= 2 * MAX_VALUES);
    }
    let ends = texts
        .iter()
        .take(MAX_VALUES)
        .chain(texts.iter().skip(10_000 - MAX_VALUES));
    assert_eq!(values.into_vec(), ends.collect::<Vec<_>>());
}

#[test]
fn a_value_is_found_under_its_own_name_only() {
    let cookies = [
        named("-session", "a"),
        named("-session.0", "b"),
        named("-login-x", "c"),
        named(".00", "d"),
        named(".+1", "d"),
        named("", ""),
        ("__secure-portcullis".to_owned(), "e"),
    ];
    assert!(found(&cookies).is_empty());
    let bytes: [(&[u8], &[u8]); 1] = [(NAME.as_bytes(), b"\xff")];
    assert!(candidates(bytes.into_iter(), NAME).is_empty());
}

#[test]
fn t19_a_value_that_the_companion_never_writes_is_no_candidate() {
    for bad in ["\0", "\r\n", "\t", "\u{7f}", "\u{85}", "é", "a\u{2028}b"] {
        let cookies = [named("", bad), named("", "good"), named(".0", bad)];
        assert_eq!(found(&cookies), ["good"], "{bad:?}");
    }
}
