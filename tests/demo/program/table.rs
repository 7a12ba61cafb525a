//! The table that the demo prints.

use portcullis_tests::demo::Row;

/// Prints the rows with a header, each column as wide as needed.
pub(crate) fn print(rows: &[Row]) {
    let title = ["CALLER", "REQUEST", "STATUS", "REASON"];
    let cells = |row: &Row| {
        [
            row.caller.clone(),
            row.request.clone(),
            row.status.clone(),
            row.reason.clone(),
        ]
    };
    let lines: Vec<[String; 4]> = std::iter::once(title.map(str::to_owned))
        .chain(rows.iter().map(cells))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths = [0, 1, 2, 3].map(|column| width(column).unwrap_or_default());
    let differences = std::iter::once(None).chain(rows.iter().map(|row| row.differs.as_ref()));
    for (line, difference) in lines.iter().zip(differences) {
        let padded = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
        if let Some(expected) = difference {
            println!("  ^ expected: {expected}");
        }
    }
    println!();
}
