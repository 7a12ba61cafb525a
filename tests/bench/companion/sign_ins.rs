//! The duration of a sign-in, which includes the work of the provider and the browser.

use std::time::{Duration, Instant};

use crate::machine;
use crate::report::median;
use crate::sign_in_stack::SignInStack;

/// The number of sign-ins per program.
const SIGN_INS: usize = 30;

/// Runs sign-ins one after the other, alternating between the programs. Each line has a name, a sign-in
/// URL, and the process whose CPU time is measured.
pub(super) async fn measure(stack: &SignInStack, lines: &[(&str, &str, u32)]) {
    let mut elapsed: Vec<Vec<f64>> = vec![Vec::new(); lines.len()];
    let mut cpu = vec![Duration::ZERO; lines.len()];
    for _ in 0..SIGN_INS {
        for (index, (_, url, process)) in lines.iter().enumerate() {
            let (began, spent) = (Instant::now(), machine::cpu_time(*process));
            stack.sign_in(url).await;
            elapsed[index].push(began.elapsed().as_secs_f64() * 1e3);
            cpu[index] += machine::cpu_time(*process).saturating_sub(spent);
        }
    }
    println!(
        "{:<36}{:>11}{:>17}{:>9}",
        format!("{SIGN_INS} sign-ins, one at a time"),
        "per second",
        "ms, median",
        "CPU ms"
    );
    for (index, (name, ..)) in lines.iter().enumerate() {
        let milliseconds: f64 = elapsed[index].iter().sum();
        println!(
            "{name:<36}{:>11.1}{:>17.1}{:>9.1}",
            SIGN_INS as f64 * 1e3 / milliseconds,
            median(elapsed[index].clone()),
            cpu[index].as_secs_f64() * 1e3 / SIGN_INS as f64,
        );
    }
}
