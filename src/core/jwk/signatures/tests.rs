use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wasm_bindgen_test::wasm_bindgen_test;

use super::*;
use crate::fixtures::{algorithms, key_set, sign};

/// The message that OpenSSL signed.
const MESSAGE: &[u8] = b"portcullis";

/// Signatures by the fixed keys, made with OpenSSL 3.
const BY_OPENSSL: [(Algorithm, &str); 9] = [
    (
        Algorithm::EdDsa,
        "wvojLgaZ6OmMnX_0tDFtLKubb6wQ70nGA6bY0b9sHxi-HInRqXelALKR7K9IulKKOdYuTIOBBB8Zt-CaLwHACw",
    ),
    (
        Algorithm::Es256,
        "mWP070_hBkp2NZU17SqMCw07lMWruWtJHG338wytAPloXamnM4IaRb6yEPpN1s7wvg4JnNszq8jooqB9bB2vHg",
    ),
    (
        Algorithm::Es384,
        "wWs2Ki4wG5RopOnZhk7tGeOC-_dV5oJoSDuIsmFDBrdXHXGF1WjQ4a5rUGQv9y6niFGWzKqST9gTHw8OexMmzA\
         H3MdDPgFeQfU765K3NAs_OC-nPvR-MSNAZVG7RYWVa",
    ),
    (
        Algorithm::Ps256,
        "BBwxqKWe4h_InYA_5o38x5ajxHQpQt_MrfOykJZxoCkFhcft6a5FHObOOeULDZ4RyPWQQLauqONXoQEOdfGYei\
         Ruku5lnXQHxRUJ6uEncTddzSMAeNzc8vO8pbEfozn-JVAHBnO6i5N_UlMgsU7_BXLpDKMHQwjzqZtbSFR5H0P1\
         7TWFKVjQ1PV0AEJhiDq42MM5VNrq4nnh2d2OFrG-xfJsJnyxDJLqV9aiglYxzpy3Pp7wVGsNJoyOU_5Tci0PRT\
         zbI5_-9lrfG-QLDMJ5WtD6_rrBappc1zIlQQKUSHpX3XWf3U5dSJJ1dhGAzwc7Xx51nQR0udwrQiBxzwHE2g",
    ),
    (
        Algorithm::Ps384,
        "uf2nCMpj_9xfTO92OjPeTWJBS-43CGiQkHvo55jvU82Mgg53R-Msxw2oNj4UPGjiL-eUoOWGhO9I_4iCuK_0ug\
         t_Es1jZFyFjzNUrJlkijZe-oQAtXARqlBPY-W6-dSlU-WW_sgzG3vIN3wdN4kklYQShyyQuWWHdC8rj424pXT4\
         r_-l0pAzFGZidcEXwhOb1QI8OacJDVccVF9tNwz1_dsk0P-QctrCIcU-4CW5zL7huR6j3ELM2lUH1uigzILPL_\
         4qO7MV927pYGuosc_yhe82N2vjUD7eU2oHqjD35veX11y3ZuwpTc0gNR3jaPsKe8sLMBeAS_V5Mm9Glpw37Q",
    ),
    (
        Algorithm::Ps512,
        "CKBA1eGX2bpZHtpk-YeJ_1oug7M67xwRgF490DqcbCM4YztSVF3_K1HZw3tOfRV4VIcyuS8DKjpxn-ojeNwQL4\
         C280is-jNObUCek7em--C6-mWhTc9oRPmeOeFY49OqtJ6O6L7BRPDP5PAxNOY1Z0_1jWq03IjD0j9nq_HUfgwc\
         EEOVkntPBSrDa7Og6k8BEhrcc1sb3GP-dA-m1pYDNptl_J9n7eYXHlOE1XBByr8k0mGWD-dtPayhVCN8FofSEB\
         TzPLEDWqEd7mqvuVvo5aSQF1UFe3s337pWfkFMub4tfi9ZAaOY5G7-Ea_2Ltc8prnjGdjVhIVTgPY9r9saBA",
    ),
    (
        Algorithm::Rs256,
        "B3qpJQmF0gmVwBEIUhReysH5lToiaa3_0B_LPFFLdfuX-6Wr7qRKFY0uxAFcxS8GYvFF_K5-72w5Suf4r3IQCl\
         yJr3cHYALd4KTJHPXkq1zukgyYS3ugVuHyJ-Hw_9EYPURGBwqF5aXmu9X6tKkqlfurfJ1oK6-vznaup_wr_3bV\
         PoyW3F_lOiEv40SGvUBKPF8VZ7X-TMwyYb_KyrnSPCRj_uJARE-x3vmrOgu1YygV45SymXmQBlPXpTQtAiil1d\
         df_INddwZPS-jeQLbH1dUiaET32FBSv6o8GGEJWhDUgco3218MJh0oGSloF923FSn7qFox3hHxBJabbVvNBA",
    ),
    (
        Algorithm::Rs384,
        "UsBjT8VTykD9uqirqibbz6oq5UAbaKFfGZ2CJHOlIXAXcyOYhVGcG-RH4QEr7LLje8DDItOhPx_jXM8PDLIu-j\
         B_jWUTHyCzXm1cvDMQG60wG9mFPakwhlMyJ9b6gH4JYBk-6-fXa5aVD8nkIWp227nLXK_ARLmTv-WMJHS43xF5\
         WuH3YV_WI4K8Zri7TxKAu3PrEwsXSD03hDOBEsXZ8zw348l40bGjkUUUlH7EdqHMue6_j3k7X6VYj6B2yNysLH\
         iSQdkf1x9lBy5qHxxYeaAYtFOu4yK7fMeDuISgClf5rcIC1e4wu7JcIQY3QFscn3WgU_oTQTSLlUxgLq2v9w",
    ),
    (
        Algorithm::Rs512,
        "CKZ4-Ie6t8b1VwJp7yc4vbjPdrzt3Imu2ccUyyQrjvWwD1JLC9GY6prOD21-YKuucgKdNXocOWpIq3tSDEp6Yj\
         d1FHG3WVgvCcjSm5caD5opOgMM0Pc1q2XZC6U7andXuAIK_sXYgA4EcV8H919iK6zMJNGo1w5QZWTmwAXOYqBI\
         Pb9_KRDmx80DKUBmDsLkC0-6U6sg4vGRkQ_5pa13MF0fNQzmJ25dcdiq8y3sgNhczRjnmEqGtHSByg79gdGwG2\
         HBj72PKJfhGWqLRRE9yrytegEbQX1RbJq1axg4cuXLVNUGD48PHB10SBX5ADBDKn9OxUJdVDKgHi4QpqUS4Q",
    ),
];

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[wasm_bindgen_test(unsupported = test)]
fn signatures_by_openssl_are_accepted_for_every_algorithm() {
    for (algorithm, signature) in BY_OPENSSL {
        let set = key_set(algorithm, "k");
        let good = PureRust.verifies(&set.keys()[0], MESSAGE, &decode(signature));
        assert_eq!(good, PureRust.supports(algorithm), "{algorithm}");
        assert!(!PureRust.verifies(&set.keys()[0], b"Portcullis", &decode(signature)));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn signatures_of_the_fixtures_are_accepted() {
    for algorithm in algorithms() {
        let set = key_set(algorithm, "k");
        let signature = sign(algorithm, MESSAGE);
        assert!(PureRust.verifies(&set.keys()[0], MESSAGE, &signature));
    }
}

#[test]
fn only_es384_needs_its_feature() {
    for algorithm in Algorithm::ALL {
        let expected = algorithm != Algorithm::Es384 || cfg!(feature = "es384");
        assert_eq!(PureRust.supports(algorithm), expected, "{algorithm}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn j13_signatures_of_another_length_are_refused_without_a_panic() {
    for (algorithm, signature) in BY_OPENSSL {
        let set = key_set(algorithm, "k");
        let signature = decode(signature);
        let shorter = &signature[1..];
        let longer = [&[0], &*signature].concat();
        let trailing = [&*signature, &[0]].concat();
        for wrong in [&[][..], &[0], shorter, &longer, &trailing, &[0xff; 4096]] {
            assert!(!PureRust.verifies(&set.keys()[0], MESSAGE, wrong));
        }
    }
}

#[test]
fn j13_signatures_with_zero_or_too_large_numbers_are_refused() {
    for (algorithm, signature) in BY_OPENSSL {
        let set = key_set(algorithm, "k");
        let length = decode(signature).len();
        for byte in [0, 1, 0xff] {
            assert!(!PureRust.verifies(&set.keys()[0], MESSAGE, &vec![byte; length]));
        }
    }
}

#[test]
fn j05_a_key_verifies_with_its_own_algorithm_only() {
    for (signed_with, signature) in BY_OPENSSL {
        for algorithm in algorithms().filter(|algorithm| *algorithm != signed_with) {
            let set = key_set(algorithm, "k");
            assert!(
                !PureRust.verifies(&set.keys()[0], MESSAGE, &decode(signature)),
                "{signed_with} by a key for {algorithm}"
            );
        }
    }
}
