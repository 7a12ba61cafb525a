//! Suggestions for mistyped names.

/// The help for an unknown name: the nearest known one, or all of them.
pub fn suggestion(name: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|known| (distance(name, known), known))
        .min_by_key(|(distance, _)| *distance);
    match near {
        Some((distance, known)) if distance <= 2 && distance < known.len() / 2 => {
            ["did you mean `", known, "`?"].concat()
        }
        _ => ["expected one of: ", &known.join(", ")].concat(),
    }
}

/// The number of letters that must be changed, added, removed or swapped with the next one to turn
/// one word into the other (Damerau-Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let first: Vec<usize> = (0..=other.len()).collect();
    let mut before = first.clone();
    let mut row = first;
    let mut last = None;
    for (index, letter) in one.chars().enumerate() {
        let mut next = vec![index.saturating_add(1)];
        for (column, known) in other.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX);
            let mut cost = cell(&row, column)
                .saturating_add(usize::from(letter != *known))
                .min(cell(&row, column.saturating_add(1)).saturating_add(1))
                .min(cell(&next, column).saturating_add(1));
            let left = column.checked_sub(1).and_then(|left| other.get(left));
            if left == Some(&letter) && last == Some(*known) {
                let swapped = cell(&before, column.saturating_sub(1)).saturating_add(1);
                cost = cost.min(swapped);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(letter);
    }
    row.last().copied().unwrap_or(usize::MAX)
}
