use std::time::Duration;

use super::*;

fn series(name: &'static str, requests: u64) -> Series {
    let sample = Sample {
        requests,
        elapsed: Duration::from_secs(1),
        cpu: Duration::from_secs(1),
        p99: None,
    };
    Series {
        name,
        baselines: &[],
        samples: vec![sample],
    }
}

#[test]
fn the_longest_bar_is_that_of_the_fastest() {
    let svg = chart(&[series("a < b", 100), series("c", 50)]);
    assert!(svg.contains("a &lt; b"), "{svg}");
    assert!(svg.contains("width=\"400\""), "{svg}");
    assert!(svg.contains("width=\"200\""), "{svg}");
    assert!(svg.ends_with("</svg>\n"));
}
