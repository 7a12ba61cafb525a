use clap::{Args as _, Command};

use super::*;

#[test]
fn the_example_in_the_help_is_valid() {
    let mut command = Arguments::augment_args(Command::new("serve"));
    let help = command.render_long_help().to_string();
    let example = help
        .split("for `--config`:\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\nIts policy").next());
    let example = example.expect("an example").replace("\n  ", "\n");
    let mut config = Config::parse("companion.yaml".to_owned(), example.into())
        .unwrap_or_else(|report| panic!("{report}"));
    let domain = config.sign_in().session.cookie.domain.as_deref();
    assert_eq!(domain, Some("example.com"));
}
