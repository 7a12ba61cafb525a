use super::*;
use crate::document::{json, yaml as reader};

#[test]
fn what_is_written_is_read_again() {
    for text in [
        r#"{"a":{"b":[1,[2,[]],{"c":{}},[{"d":null},"e"]],"f":true},"g":"h"}"#,
        r#"[[["a"]],[{"b":[{"c":1,"d":[{"e":"f","g":"h"}]}]}]]"#,
        r##"{"on":"off","012":"0x1","~":"null","a b":"a: b","":"","- a":"# b","é":"ü","a#":"a #b"}"##,
        r#"["2026-01-01","1e3","1.0","1_000","12:30:45",".5","+1","yes","y","=","<<","*a","&a","!a","%a","@a","`a","|"]"#,
        r#"["a:","a :b","a: b"," a","a ","a\nb\n","\t","\\\"'","--- a","...","? a","[a]","{a}","a, b","\u007f\u0085\u2028\ufeff"]"#,
        r#"["https://auth.example.com:8443/a?b=c#d","*/monitoring/karma","/api/v2/**","outbound|443||a.example.com"]"#,
        r#"{"n":[1,-2,0.5,18446744073709551615,1e300]}"#,
    ] {
        let node = json::read(text).unwrap();
        let written = yaml(&node);
        let again = reader::read(&written).unwrap_or_else(|error| panic!("{written}: {error:?}"));
        assert_eq!(again.to_string(), node.to_string(), "{written}");
        assert!(
            written.ends_with('\n') && !written.contains(" \n"),
            "{written:?}"
        );
    }
}

#[test]
fn strings_that_all_parsers_read_alike_have_no_quotes() {
    for text in [
        "https://auth.example.com",
        "GET",
        "portcullis",
        "5m",
        "a b",
        "/api/v2/a",
        "ada@example.com",
    ] {
        assert_eq!(scalar(text), text);
    }
}

#[test]
fn a_literal_is_read_again() {
    for text in ["a: 1\n", "a:\n- b\n\n- c\n"] {
        let file = format!("data:\n  p: {}", literal(text, 4));
        let node = reader::read(&file).unwrap();
        assert_eq!(
            node.at("data.p").and_then(Node::as_text),
            Some(text),
            "{file}"
        );
    }
}
