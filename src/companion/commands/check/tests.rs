use clap::{CommandFactory, Parser};

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

#[test]
fn the_example_in_the_help_is_valid() {
    let help = Line::command().render_long_help().to_string();
    let start = help.find("  trust:\n").expect("the example");
    let end = help.find("Examples:").expect("what follows the example");
    let path = std::env::temp_dir().join(format!("portcullis-help-{}.yaml", std::process::id()));
    std::fs::write(&path, &help[start..end]).unwrap();
    let line = Line::parse_from(["check".as_ref(), path.as_os_str()]);
    let result = run(&line.arguments);
    std::fs::remove_file(&path).unwrap();
    let output = result.unwrap_or_else(|failure| panic!("{}", failure.message));
    assert!(
        output.contains(": valid: 1 trust entry, 1 app, 1 rule\ndigest: "),
        "{output}"
    );
}
