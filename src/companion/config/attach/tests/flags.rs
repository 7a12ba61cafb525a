//! The command line.

use super::*;

fn flags() -> AttachFlags {
    AttachFlags {
        listen: vec!["127.0.0.1:9093".to_owned(), "[::1]:9094".to_owned()],
        to: vec![
            "https://blue.example.com".to_owned(),
            "https://green.example.com".to_owned(),
        ],
        token_file: Some("token".into()),
        ..AttachFlags::default()
    }
}

fn error_of(change: impl FnOnce(&mut AttachFlags)) -> String {
    let mut flags = flags();
    change(&mut flags);
    AttachConfig::load(&flags)
        .expect_err("an error")
        .to_string()
}

#[test]
fn each_listen_has_the_target_of_the_same_number() {
    let flags = AttachFlags {
        ca_file: Some("ca.pem".into()),
        keep_headers: vec!["cookie".to_owned()],
        metrics: Some("0.0.0.0:9180".to_owned()),
        log_level: Some("warn".to_owned()),
        ..flags()
    };
    let config = AttachConfig::load(&flags).unwrap_or_else(|report| panic!("{report}"));
    let pairs = config.forwards.iter();
    let pairs: Vec<String> = pairs
        .map(|forward| format!("{} {}", forward.listen, forward.target))
        .collect();
    assert_eq!(
        pairs,
        [
            "127.0.0.1:9093 https://blue.example.com",
            "[::1]:9094 https://green.example.com"
        ]
    );
    for forward in &config.forwards {
        assert_eq!(forward.token_file, Path::new("token"));
        assert_eq!(forward.ca_file.as_deref(), Some(Path::new("ca.pem")));
        assert_eq!(forward.kept_headers, [COOKIE]);
    }
    assert!(config.metrics.is_some());
}

#[test]
fn mistakes_name_the_flag_and_how_to_correct_it() {
    let two_and_one = error_of(|flags| {
        flags.to.pop();
    });
    assert_eq!(
        two_and_one,
        "error: attach: 2 × `--listen` and 1 × `--to`\n\
         help: write one `--to` for each `--listen`, in the same order"
    );
    let nothing = error_of(|flags| *flags = AttachFlags::default());
    assert!(
        nothing.starts_with("error: attach: nothing to forward: "),
        "{nothing}"
    );
    let no_token = error_of(|flags| flags.token_file = None);
    assert!(
        no_token.starts_with("error: attach: `--token-file` is missing\nhelp: "),
        "{no_token}"
    );
    let remote = error_of(|flags| flags.listen[0] = "0.0.0.0:9093".to_owned());
    assert!(
        remote.starts_with("error: --listen: `0.0.0.0:9093` is reachable from other machines"),
        "{remote}"
    );
    let twice = error_of(|flags| flags.listen[1] = flags.listen[0].clone());
    assert!(
        twice.starts_with("error: --listen: `127.0.0.1:9093` is the address of another forward"),
        "{twice}"
    );
    let clear = error_of(|flags| flags.to[1] = "http://green.example.com".to_owned());
    assert!(
        clear.starts_with("error: --to: `http://green.example.com` is plain HTTP"),
        "{clear}"
    );
    let kept = error_of(|flags| flags.keep_headers = vec!["TE".to_owned()]);
    assert!(
        kept.starts_with("error: --keep-header: `TE` is a hop-by-hop header"),
        "{kept}"
    );
    let level = error_of(|flags| flags.log_level = Some("loud".to_owned()));
    assert!(level.starts_with("error: --log-level: `loud` "), "{level}");
}

#[test]
fn others_may_connect_only_if_that_is_allowed() {
    let flags = AttachFlags {
        listen: vec!["0.0.0.0:9093".to_owned(), "[::]:9094".to_owned()],
        allow_remote: true,
        ..flags()
    };
    let config = AttachConfig::load(&flags).unwrap_or_else(|report| panic!("{report}"));
    assert!(
        config
            .forwards
            .iter()
            .all(|forward| !forward.refuses_foreign_pages)
    );
}
