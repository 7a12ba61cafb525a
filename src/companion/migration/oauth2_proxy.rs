//! The configuration of oauth2-proxy 7.15, turned into a policy and a companion's configuration.
//!
//! [`source`] reads options wherever they can be set, [`options`] lists all there are, [`mapping`] says what becomes of
//! each, and [`tree`] writes the files. Values are data: whatever they are, there is a line for each option, and what
//! can't be used is a line, not an error. What admits somebody is translated exactly or more narrowly, never wider.

mod duration;
mod files;
mod mapping;
mod options;
mod outcome;
mod regex;
mod report;
mod setting;
mod source;
mod tree;

use std::io::{self, BufReader};
use std::path::Path;

use crate::document::{self, Report};
use source::access_log::{self, Seen};
use source::alpha::Alpha;
use source::environment::Environment;
use source::flags::Flags;
use source::helm::Helm;
use source::ingress::Ingresses;
use source::{Input, alpha, environment, flags, helm, ingress, toml};

pub(crate) use files::{Files, refuse_existing, write};
pub(crate) use outcome::{Line, Outcome};
pub(crate) use report::{json, text};
pub(crate) use source::Sources;

/// The result: two files, and what became of each option.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) files: Files,
    /// In the order of the report.
    pub(crate) lines: Vec<Line>,
}

/// Reads the sources and maps their options. Errors are about all of them: an input that can't be read or parsed, and
/// options that oauth2-proxy does not have.
pub(crate) fn import(sources: &Sources) -> Result<Imported, Vec<Report>> {
    let mut errors = Vec::new();
    let several = "standard input is read for several inputs";
    document::one_standard_input(sources.files(), several, "write the others to files")
        .map_err(|report| vec![report])?;
    let read = |path: &Path, errors: &mut Vec<Report>| match Input::read(path) {
        Ok(input) => Some(input),
        Err(report) => {
            errors.push(report.without_source());
            None
        }
    };
    let mut flags: Flags = flags::read(&sources.flags, "the arguments after `--`");
    errors.append(&mut flags.errors);
    let config = sources
        .config
        .clone()
        .or_else(|| flags.config.clone().map(Into::into));
    let alpha_config = sources
        .alpha_config
        .clone()
        .or_else(|| flags.alpha_config.clone().map(Into::into));

    let helm = sources
        .helm
        .as_deref()
        .and_then(|path| read(path, &mut errors));
    let mut helm: Helm = helm.as_ref().map(helm::read).unwrap_or_default();
    errors.append(&mut helm.errors);
    let file = config.as_deref().and_then(|path| read(path, &mut errors));
    let (file, mut file_errors) = file.as_ref().map(toml::read).unwrap_or_default();
    errors.append(&mut file_errors);
    let variables = sources
        .env
        .as_deref()
        .and_then(|path| read(path, &mut errors));
    let mut variables: Environment = variables
        .as_ref()
        .map(environment::read)
        .unwrap_or_default();
    errors.append(&mut variables.errors);
    let alpha = alpha_config
        .as_deref()
        .and_then(|path| read(path, &mut errors));
    let alpha = alpha
        .as_ref()
        .map(|input| alpha::read(input, &variables.variables));
    let mut alpha: Alpha = alpha.unwrap_or_default();
    errors.append(&mut alpha.errors);
    let ingresses = read_ingresses(sources, &mut errors);
    let seen = read_log(sources, &ingresses, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }

    // As oauth2-proxy: a flag replaces a variable, and a variable what the file has. The chart runs oauth2-proxy with
    // all three, and other inputs replace those of the chart.
    let mut settings = setting::Settings::default();
    for layer in [
        helm.file,
        file,
        helm.environment.settings,
        variables.settings,
        helm.flags.settings,
        flags.settings,
        helm.alpha.settings,
        alpha.settings,
    ] {
        settings.overlay(layer);
    }
    let mut lines = helm.lines;
    lines.append(&mut helm.alpha.lines);
    lines.append(&mut alpha.lines);
    lines.extend(of_annotations(&ingresses));
    lines.extend(seen.as_ref().map(|seen| of_log(seen, sources)));
    let headers = [helm.alpha.headers, alpha.headers].concat();
    let mapped = mapping::Sources {
        settings: &settings,
        ingresses: &ingresses,
        headers: &headers,
        addresses: helm.addresses.as_deref(),
        seen: seen.as_ref(),
    };
    let mapped = mapping::map(mapped, lines).map_err(|report| vec![report])?;
    Ok(Imported {
        files: Files::of(&mapped.policy, &mapped.companion),
        lines: mapped.lines,
    })
}

fn read_ingresses(sources: &Sources, errors: &mut Vec<Report>) -> Ingresses {
    let mut all = Ingresses::default();
    for path in &sources.ingress {
        match ingress::read(path) {
            Ok(mut found) => {
                all.locations.append(&mut found.locations);
                all.annotations.append(&mut found.annotations);
            }
            Err(mut reports) => errors.append(&mut reports),
        }
    }
    all
}

/// Reads the log, which may be of any size.
fn read_log(sources: &Sources, ingresses: &Ingresses, errors: &mut Vec<Report>) -> Option<Seen> {
    let path = sources.access_log.as_deref()?;
    let read = || {
        if path == Path::new("-") {
            return access_log::read(io::stdin().lock(), &ingresses.locations);
        }
        let log = crate::files::open(path)?;
        access_log::read(BufReader::new(log), &ingresses.locations)
    };
    match read() {
        Ok(seen) => Some(seen),
        Err(error) => {
            let problem = format!("can't be read: {error}");
            let help = "check the path, or write `-` to read standard input";
            errors.push(Report::of(&path.display().to_string(), &problem, help));
            None
        }
    }
}

/// What becomes of annotations, one line for each.
fn of_annotations(ingresses: &Ingresses) -> impl Iterator<Item = Line> {
    ingresses.annotations.iter().map(|annotation| Line {
        name: annotation.name.clone(),
        value: Some(crate::document::credentials_removed(&annotation.value)),
        outcome: annotation.outcome,
        to: (annotation.name.ends_with(": auth-url")).then(|| "apps[]".to_owned()),
        why: annotation.why.clone(),
    })
}

/// What the log was good for.
fn of_log(seen: &Seen, sources: &Sources) -> Line {
    let path = sources
        .access_log
        .as_deref()
        .unwrap_or_else(|| Path::new("-"));
    let mut why = format!(
        "{} requests of callers were read, {} other lines ignored",
        seen.used, seen.ignored
    );
    if seen.without_path > 0 {
        why.push_str(&format!(
            "; {} lines have no path of an app: let the proxy send X-Forwarded-Uri, or read its own log",
            seen.without_path
        ));
    }
    if seen.dropped > 0 {
        why.push_str(&format!(
            "; {} requests are of further callers or paths than a policy should list: write rules for them",
            seen.dropped
        ));
    }
    Line {
        name: "--access-log".to_owned(),
        value: Some(path.display().to_string()),
        outcome: if seen.used == 0 || seen.dropped > 0 {
            Outcome::NeedsYou
        } else {
            Outcome::Kept
        },
        to: Some("apps[].rules[]".to_owned()),
        why,
    }
}

#[cfg(test)]
mod tests;
