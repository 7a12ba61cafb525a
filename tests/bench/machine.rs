//! The machine: its cores, and which process runs on which core.

use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};
use std::time::Duration;

/// The processor, and the cores that the benchmark may use.
#[derive(Debug)]
pub(crate) struct Machine {
    cores: Vec<usize>,
    processor: String,
}

impl Machine {
    /// Reads which cores this process may use.
    pub(crate) fn detect() -> Result<Self, String> {
        let status = read("/proc/self/status")?;
        let allowed = field(&status, "Cpus_allowed_list").unwrap_or_default();
        let cores = cores(allowed)
            .filter(|cores| !cores.is_empty())
            .ok_or_else(|| format!("can't parse the list of cores `{allowed}`"))?;
        let cpuinfo = read("/proc/cpuinfo")?;
        let processor = field(&cpuinfo, "model name").unwrap_or("unknown processor");
        Ok(Self {
            cores,
            processor: processor.to_owned(),
        })
    }

    /// The number of cores that this process may use.
    pub(crate) fn cores(&self) -> usize {
        self.cores.len()
    }

    /// The processor's model.
    pub(crate) fn processor(&self) -> &str {
        &self.processor
    }

    /// Pins this process and its children to another core than the measured program's, if there is one.
    pub(crate) fn pin_load_generator(&self) -> Result<(), String> {
        let own = self.cores.last().copied().unwrap_or_default();
        pin_to(own, process::id())
    }

    /// Pins a running process to the core of the measured program.
    pub(crate) fn pin_to_server_core(&self, process: u32) -> Result<(), String> {
        pin_to(self.server_core(), process)
    }

    /// A program that runs on the core of the measured programs.
    pub(crate) fn command_on_server_core(&self, program: PathBuf) -> Command {
        let mut command = Command::new("taskset");
        let core = self.server_core().to_string();
        command.args(["--cpu-list", &core]).arg(program);
        command
    }

    fn server_core(&self) -> usize {
        self.cores.first().copied().unwrap_or_default()
    }
}

/// The CPU time of a process since its start, over all its threads.
pub(crate) fn cpu_time(process: u32) -> Duration {
    // The kernel counts in hundredths of a second wherever Envoy runs (`USER_HZ`).
    const TICK: Duration = Duration::from_millis(10);
    let stat = read(&format!("/proc/{process}/stat")).expect("a process that runs");
    // After the program's name, which may contain anything, come the state and then numbers:
    // `utime` and `stime` are fields 14 and 15, see proc_pid_stat(5).
    let (_, fields) = stat.rsplit_once(')').expect("a program has a name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(|field| field.parse::<u32>().expect("a count of ticks"));
    TICK * ticks.sum()
}

/// The resident memory of a process in MiB.
pub(crate) fn memory(process: u32) -> f64 {
    let status = read(&format!("/proc/{process}/status")).expect("a process that runs");
    let resident = field(&status, "VmRSS").and_then(|size| size.strip_suffix(" kB"));
    let kibibytes: f64 = resident
        .and_then(|size| size.parse().ok())
        .expect("a size in kilobytes");
    kibibytes / 1024.0
}

fn pin_to(core: usize, process: u32) -> Result<(), String> {
    let pinned = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", &core.to_string()])
        .arg(process.to_string())
        .output()
        .map_err(|error| format!("taskset: {error}; it is part of util-linux"))?;
    if pinned.status.success() {
        Ok(())
    } else {
        let stderr = String::from_utf8_lossy(&pinned.stderr);
        Err(format!("taskset: {}", stderr.trim()))
    }
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

/// Parses the kernel's list of cores: `0-3,8`.
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
