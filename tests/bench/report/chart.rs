//! The table that compares with ext_authz, as a picture for the documents.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use portcullis_tests::lab::folder::workspace;

use super::{Sample, Series};

/// The geometry in pixels.
const WIDTH: f64 = 720.0;
const NAMES: f64 = 250.0;
const FIGURES: f64 = 70.0;
const LINE: f64 = 26.0;
const BAR: f64 = 16.0;

/// Writes `target/bench.svg`: a bar with the requests a second for each line. Returns its path.
///
/// # Errors
/// If it can't be written.
pub(crate) fn write(all: &[Series]) -> Result<PathBuf, String> {
    let path = workspace().join("target/bench.svg");
    fs::write(&path, chart(all)).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// The picture. Its colours are readable on a light and on a dark page.
fn chart(all: &[Series]) -> String {
    let figures: Vec<f64> = all
        .iter()
        .map(|series| series.median(Sample::rate))
        .collect();
    let longest = figures.iter().copied().fold(1.0, f64::max);
    let height = LINE * (all.len() as f64 + 1.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"#7d8590\">\n\
         <title>Requests a second on one core</title>\n\
         <text x=\"{NAMES}\" y=\"16\">requests a second on one core</text>\n"
    );
    for (index, (series, figure)) in all.iter().zip(figures).enumerate() {
        let top = LINE * (index as f64 + 1.0);
        let length = figure / longest * (WIDTH - NAMES - FIGURES);
        let colour = match series.baselines.is_empty() {
            true => "#8b949e",
            false => "#2f81f7",
        };
        let text = top + BAR - 3.0;
        let name = escape(series.name);
        // A string takes any text.
        let _written = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{text:.0}\" text-anchor=\"end\">{name}</text>\n\
             <rect x=\"{NAMES:.0}\" y=\"{top:.0}\" width=\"{length:.0}\" height=\"{BAR:.0}\" fill=\"{colour}\"/>\n\
             <text x=\"{:.0}\" y=\"{text:.0}\">{figure:.0}</text>",
            NAMES - 8.0,
            NAMES + length + 6.0,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests;
