//! The results as JUnit XML, which CI systems show.

use std::fmt::Write as _;

use portcullis_core::escape;

use super::TestRun;
use super::case::CaseResult;
use crate::replay::Replay;

impl TestRun {
    /// JUnit XML: a suite for each file.
    pub(crate) fn junit(&self) -> String {
        let replays = self.replays.iter();
        let changes = replays.clone().map(|replay| replay.failed().count());
        let changes: usize = changes.sum();
        // A replay that changes nothing is one test that passes.
        let unchanged = replays.filter(|replay| replay.is_unchanged()).count();
        let tests = self.cases.len() + changes + unchanged;
        let failures = self.failed() + changes;
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites name=\"portcullis\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n"
        );
        for cases in self.cases.chunk_by(|one, next| one.file == next.file) {
            let failures = cases.iter().filter(|case| !case.is_passed()).count();
            let file = cases.first().map(|case| attribute(&case.file));
            let _ = writeln!(
                xml,
                "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">",
                file.unwrap_or_default(),
                cases.len(),
            );
            cases.iter().for_each(|case| write_case(&mut xml, case));
            xml.push_str("  </testsuite>\n");
        }
        for replay in &self.replays {
            write_replay(&mut xml, replay);
        }
        xml.push_str("</testsuites>");
        xml
    }
}

fn write_case(xml: &mut String, case: &CaseResult) {
    let [name, file] = [&case.name, &case.file].map(|text| attribute(text));
    let _ = write!(
        xml,
        "    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{}\"",
        case.line
    );
    let Some(first) = case.mismatches.first() else {
        xml.push_str("/>\n");
        return;
    };
    let message = attribute(&first.text());
    let details = case.details();
    let details: Vec<String> = details.lines().map(attribute).collect();
    let _ = writeln!(
        xml,
        ">\n      <failure type=\"{}\" message=\"{message}\">{}</failure>\n    </testcase>",
        attribute(&first.field),
        details.join("\n")
    );
}

/// A suite for a log: a test that fails for each change, or one that passes.
fn write_replay(xml: &mut String, replay: &Replay) {
    let log = attribute(replay.log());
    let failures = replay.failed().count();
    let tests = failures.max(1);
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{log}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">"
    );
    if failures == 0 {
        let _ = writeln!(
            xml,
            "    <testcase name=\"replay\" classname=\"{log}\" file=\"{log}\"/>"
        );
    }
    for (line, name, why) in replay.failed() {
        let [name, why] = [name, why].map(|text| attribute(&text));
        let _ = writeln!(
            xml,
            "    <testcase name=\"{name}\" classname=\"{log}\" file=\"{log}\" line=\"{line}\">\n      \
             <failure type=\"replay\" message=\"{name}\">{why}</failure>\n    </testcase>"
        );
    }
    xml.push_str("  </testsuite>\n");
}

/// A text in an attribute or an element. Characters that XML can't have are escaped as in text.
fn attribute(text: &str) -> String {
    let mut xml = String::new();
    for one in escape::line(text).chars() {
        match one {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            // The two code points without a character that XML excludes.
            '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            one => xml.push(one),
        }
    }
    xml
}
