//! A histogram of durations with fixed buckets.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the buckets in microseconds: 50 us, the aim for a call
/// without a finding, to 10 s, a hold. The label is the same in seconds.
const BOUNDS: [(u64, &str); 15] = [
    (50, "0.00005"),
    (100, "0.0001"),
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (10_000_000, "10"),
];

/// Durations, counted by bucket. Recording is two relaxed additions.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    over: AtomicU64,
    sum_ns: AtomicU64,
}

impl Histogram {
    /// Count one duration.
    pub fn observe(&self, duration: Duration) {
        let micros = duration.as_nanos().div_ceil(1000);
        let index = BOUNDS.partition_point(|(bound, _)| u128::from(*bound) < micros);
        self.buckets
            .get(index)
            .unwrap_or(&self.over)
            .fetch_add(1, Relaxed);
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns.fetch_add(ns, Relaxed);
    }

    /// Durations counted.
    pub fn count(&self) -> u64 {
        self.buckets
            .iter()
            .chain([&self.over])
            .map(|b| b.load(Relaxed))
            .sum()
    }

    /// Its lines in the Prometheus text format. The count is that of the
    /// buckets as read, so that the two agree in every scrape.
    pub(super) fn write(&self, out: &mut String, name: &str, help: &str) -> fmt::Result {
        writeln!(out, "# HELP {name} {help}")?;
        writeln!(out, "# TYPE {name} histogram")?;
        let mut sum = 0_u64;
        for (bucket, (_, label)) in self.buckets.iter().zip(BOUNDS) {
            sum = sum.saturating_add(bucket.load(Relaxed));
            writeln!(out, "{name}_bucket{{le=\"{label}\"}} {sum}")?;
        }
        sum = sum.saturating_add(self.over.load(Relaxed));
        writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {sum}")?;
        let sum_ns = self.sum_ns.load(Relaxed);
        writeln!(
            out,
            "{name}_sum {}.{:09}",
            sum_ns / 1_000_000_000,
            sum_ns % 1_000_000_000
        )?;
        writeln!(out, "{name}_count {sum}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::default();
        for (duration, times) in [
            (Duration::from_micros(50), 1),
            (Duration::from_nanos(50_001), 2),
            (Duration::from_secs(10), 3),
            (Duration::from_secs(11), 4),
        ] {
            (0..times).for_each(|_| histogram.observe(duration));
        }
        let mut out = String::new();
        histogram.write(&mut out, "x_seconds", "X.").unwrap();
        for line in [
            "x_seconds_bucket{le=\"0.00005\"} 1\n",
            "x_seconds_bucket{le=\"0.0001\"} 3\n",
            "x_seconds_bucket{le=\"10\"} 6\n",
            "x_seconds_bucket{le=\"+Inf\"} 10\n",
            "x_seconds_count 10\n",
            "x_seconds_sum 74.000150002\n",
        ] {
            assert!(out.contains(line), "{line} in {out}");
        }
        assert_eq!(histogram.count(), 10);
    }

    #[test]
    fn labels_are_the_bounds_in_seconds() {
        for (micros, label) in BOUNDS {
            assert_eq!(label.parse::<f64>().unwrap(), micros as f64 / 1e6);
        }
    }
}
