//! The names in a PromQL expression: metrics, matchers, and the labels of groupings.

use std::str::Chars;

/// What an expression names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The selectors of series.
    pub(crate) selectors: Vec<Selector>,
    /// The labels of `by`, `on`, `ignoring`, `without` and `group_left`.
    pub(crate) grouping: Vec<String>,
}

/// A selector of series.
#[derive(Debug, Default)]
pub(crate) struct Selector {
    /// The name of the metric; empty if only a matcher names it.
    pub(crate) metric: String,
    pub(crate) matchers: Vec<Matcher>,
}

/// A matcher of a label.
#[derive(Debug)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    /// The value, or the regular expression.
    pub(crate) value: String,
}

const OPERATORS: [&str; 5] = ["and", "bool", "offset", "or", "unless"];

const MODIFIERS: [&str; 6] = [
    "by",
    "group_left",
    "group_right",
    "ignoring",
    "on",
    "without",
];

impl Names {
    /// The names in an expression.
    pub(crate) fn of(expression: &str) -> Self {
        let mut names = Self::default();
        let mut rest = expression.chars();
        while let Some(next) = rest.clone().next() {
            match next {
                '"' => {
                    string(&mut rest);
                }
                '[' => {
                    let _range = until(&mut rest, ']');
                }
                '{' => names.selectors.push(Selector {
                    metric: String::new(),
                    matchers: matchers(&mut rest),
                }),
                digit if digit.is_ascii_digit() => {
                    let _number = word(&mut rest);
                }
                letter if is_name(letter) => names.read_word(&mut rest),
                _ => {
                    rest.next();
                }
            }
        }
        names
    }

    fn read_word(&mut self, rest: &mut Chars<'_>) {
        let name = word(rest);
        let following = rest.as_str().trim_start();
        if OPERATORS.contains(&name.as_str()) {
            return;
        }
        if MODIFIERS.contains(&name.as_str()) {
            let labels = until(rest, ')');
            let labels = labels.split(|letter| !is_name(letter));
            let labels = labels.filter(|label| !label.is_empty());
            self.grouping.extend(labels.map(str::to_owned));
        } else if following.starts_with('{') {
            *rest = following.chars();
            self.selectors.push(Selector {
                metric: name,
                matchers: matchers(rest),
            });
        } else if !following.starts_with('(') && !is_aggregation(&name, following) {
            self.selectors.push(Selector {
                metric: name,
                matchers: Vec::new(),
            });
        }
    }
}

/// `sum by (app) (…)`: the grouping may stand between the aggregation and what it aggregates.
fn is_aggregation(name: &str, following: &str) -> bool {
    let names = ["avg", "count", "count_values", "max", "min", "sum", "topk"];
    names.contains(&name) && (following.starts_with("by ") || following.starts_with("without "))
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'
}

fn word(rest: &mut Chars<'_>) -> String {
    let mut word = String::new();
    while let Some(letter) = rest.clone().next().filter(|letter| is_name(*letter)) {
        word.push(letter);
        rest.next();
    }
    word
}

fn until(rest: &mut Chars<'_>, end: char) -> String {
    rest.take_while(|letter| *letter != end).collect()
}

/// A string in quotes. Those of the project have no escaped quotes.
fn string(rest: &mut Chars<'_>) -> String {
    rest.next();
    until(rest, '"')
}

fn matchers(rest: &mut Chars<'_>) -> Vec<Matcher> {
    let mut matchers = Vec::new();
    rest.next();
    loop {
        let label = word(rest);
        match rest.clone().next() {
            Some('"') => {
                let value = string(rest);
                if let Some(Matcher { value: empty, .. }) = matchers.last_mut() {
                    *empty = value;
                }
            }
            Some('}') | None => {
                rest.next();
                return matchers;
            }
            Some(_) => {
                rest.next();
            }
        }
        if !label.is_empty() {
            let value = String::new();
            matchers.push(Matcher { label, value });
        }
    }
}

#[test]
fn the_names_of_an_expression_are_found() {
    let names = Names::of(
        r#"sum by (app, reason) (rate(decisions_total{reason=~"a|b",app!=""}[5m])) / on (app) group_left () up > 0.5
            and count_values("digest", policy offset 15m) or {__name__=~"vm_.*"}"#,
    );
    let metrics: Vec<&str> = names
        .selectors
        .iter()
        .map(|one| one.metric.as_str())
        .collect();
    assert_eq!(metrics, ["decisions_total", "up", "policy", ""]);
    let matchers = &names.selectors[0].matchers;
    let matchers: Vec<(&str, &str)> = matchers
        .iter()
        .map(|one| (one.label.as_str(), one.value.as_str()))
        .collect();
    assert_eq!(matchers, [("reason", "a|b"), ("app", "")]);
    assert_eq!(names.selectors[3].matchers[0].value, "vm_.*");
    assert_eq!(names.grouping, ["app", "reason", "app"]);
}
