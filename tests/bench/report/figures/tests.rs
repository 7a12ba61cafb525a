use super::*;

fn series(requests: &[u64]) -> Series {
    let sample = |requests: &u64| Sample {
        requests: *requests,
        elapsed: Duration::from_secs(2),
        cpu: Duration::from_secs(1),
        p99: None,
    };
    Series {
        name: "any",
        baselines: &[],
        samples: requests.iter().map(sample).collect(),
    }
}

#[test]
fn a_sample_has_figures_per_second_and_per_request() {
    let sample = series(&[1_000]).samples[0];
    assert_eq!(sample.rate(), 500.0);
    assert_eq!(sample.cpu_microseconds(), 1_000.0);
    assert_eq!(sample.busy(), 0.5);
}

#[test]
fn an_outlier_does_not_change_the_median() {
    assert_eq!(series(&[200, 2, 220]).median(Sample::rate), 100.0);
    assert_eq!(series(&[200, 220]).median(Sample::rate), 105.0);
    assert_eq!(series(&[200, 2, 220]).range(Sample::rate), (1.0, 110.0));
}

#[test]
fn a_ratio_compares_within_a_round() {
    let (own, other) = (series(&[100, 10, 1_000]), series(&[200, 20, 2_000]));
    assert_eq!(own.ratio(&other, Sample::rate), 0.5);
}
