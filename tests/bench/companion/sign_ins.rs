//! How long a sign-in takes, of which the provider and the browser have a part.

use std::time::{Duration, Instant};

use crate::machine;
use crate::report::median;
use crate::sign_in_stack::SignInStack;

/// How many people sign in at each.
const PEOPLE: usize = 30;

/// Lets people sign in, one after the other and by turns; each line has a name, where to sign in, and
/// whose processor time counts.
pub(super) async fn measure(people: &SignInStack, lines: &[(&str, &str, u32)]) {
    let mut elapsed: Vec<Vec<f64>> = vec![Vec::new(); lines.len()];
    let mut cpu = vec![Duration::ZERO; lines.len()];
    for _ in 0..PEOPLE {
        for (place, (_, url, process)) in lines.iter().enumerate() {
            let (began, spent) = (Instant::now(), machine::cpu_time(*process));
            people.sign_in(url).await;
            elapsed[place].push(began.elapsed().as_secs_f64() * 1e3);
            cpu[place] += machine::cpu_time(*process).saturating_sub(spent);
        }
    }
    println!(
        "{:<36}{:>11}{:>17}{:>9}",
        format!("{PEOPLE} sign-ins, one at a time"),
        "a second",
        "ms, median",
        "CPU ms"
    );
    for (place, (name, ..)) in lines.iter().enumerate() {
        let milliseconds: f64 = elapsed[place].iter().sum();
        println!(
            "{name:<36}{:>11.1}{:>17.1}{:>9.1}",
            PEOPLE as f64 * 1e3 / milliseconds,
            median(elapsed[place].clone()),
            cpu[place].as_secs_f64() * 1e3 / PEOPLE as f64,
        );
    }
}
