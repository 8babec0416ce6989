//! Time of one run: of the thread on a CPU, and on the wall.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// Seconds that something took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// This thread on a CPU, user and kernel: what other processes take is not in it.
    pub cpu: f64,
    /// On the wall.
    pub wall: f64,
}

/// Runs it, and how long that took.
pub fn time<T>(run: impl FnOnce() -> T) -> (T, Took) {
    let (wall, cpu) = (Instant::now(), thread_cpu());
    let result = run();
    let took = Took {
        cpu: thread_cpu() - cpu,
        wall: wall.elapsed().as_secs_f64(),
    };
    (result, took)
}

fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// The middle value; 0 of none. Values are sorted in place.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    match (values.get(n / 2), n % 2) {
        (None, _) => 0.0,
        (Some(middle), 1) => *middle,
        (Some(upper), _) => (values[n / 2 - 1] + upper) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_even_and_none() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&mut []), 0.0);
    }

    #[test]
    fn sleeping_is_wall_time_only() {
        let ((), took) = time(|| std::thread::sleep(std::time::Duration::from_millis(30)));
        assert!(took.wall >= 0.03 && took.cpu < 0.02, "{took:?}");
    }
}
