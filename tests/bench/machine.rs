//! The machine: which cores there are, and who runs on which.

use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};

use portcullis_tests::lab::{Version, tools};

/// What figures depend on.
#[derive(Debug)]
pub(crate) struct Machine {
    cores: Vec<usize>,
    processor: String,
}

impl Machine {
    /// Looks at what this process may use.
    pub(crate) fn look() -> Result<Self, String> {
        let status = read("/proc/self/status")?;
        let allowed = field(&status, "Cpus_allowed_list").unwrap_or_default();
        let cores = cores(allowed)
            .filter(|cores| !cores.is_empty())
            .ok_or_else(|| format!("the list of cores `{allowed}` has a form of its own"))?;
        let cpuinfo = read("/proc/cpuinfo")?;
        let processor = field(&cpuinfo, "model name").unwrap_or("unknown processor");
        Ok(Self {
            cores,
            processor: processor.to_owned(),
        })
    }

    /// How many cores this process may use.
    pub(crate) fn cores(&self) -> usize {
        self.cores.len()
    }

    /// What kind of processor it is.
    pub(crate) fn processor(&self) -> &str {
        &self.processor
    }

    /// Keeps this process, and what it starts, off Envoy's core, where there is another.
    pub(crate) fn keep_to_own_core(&self) -> Result<(), String> {
        let own = self.cores.last().copied().unwrap_or_default().to_string();
        let pinned = Command::new("taskset")
            .args(["--all-tasks", "--cpu-list", "--pid", &own])
            .arg(process::id().to_string())
            .output()
            .map_err(|error| format!("taskset: {error}; it is part of util-linux"))?;
        if pinned.status.success() {
            Ok(())
        } else {
            let said = String::from_utf8_lossy(&pinned.stderr);
            Err(format!("taskset: {}", said.trim()))
        }
    }

    /// A program that runs on Envoy's core alone.
    pub(crate) fn on_envoys_core(&self, program: PathBuf) -> Command {
        let core = self.cores.first().copied().unwrap_or_default();
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &core.to_string()]).arg(program);
        command
    }
}

/// The full version of the Envoy that is measured.
pub(crate) fn envoy_version() -> String {
    let output = Command::new(tools::envoy(Version::V1_40))
        .arg("--version")
        .output()
        .expect("Envoy runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // `<program>  version: <commit>/<version>/<state>/<build>/<TLS library>`
    let build = said.split("version: ").nth(1).unwrap_or_default();
    build.split('/').nth(1).unwrap_or("unknown").to_owned()
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim())
    })
}

/// The cores of a list as the kernel writes it: `0-3,8`.
fn cores(list: &str) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        cores.extend(first..=last);
    }
    Some(cores)
}

#[cfg(test)]
mod tests;
