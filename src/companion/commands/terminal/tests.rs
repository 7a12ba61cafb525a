use super::{ERROR, HELP, WARNING, styled};

#[test]
fn labels_at_the_beginning_of_a_line_have_a_style() {
    let text =
        "error: a.yaml:1:2: help: is no field\n    1 | error: x\nhelp: remove it\nwarning: b";
    let expected = format!(
        "{ERROR}error:{ERROR:#} a.yaml:1:2: help: is no field\n    1 | error: x\n{HELP}help:{HELP:#} remove it\n\
         {WARNING}warning:{WARNING:#} b"
    );
    assert_eq!(styled(text), expected);
    assert_eq!(styled("errors: 2"), "errors: 2");
}
