//! The only place of the data path that reads clocks.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::Now;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Wall and monotonic time, in nanoseconds.
pub fn now() -> Now {
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Now {
        wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
        mono_ns: u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX),
    }
}

/// Sleeps until this monotonic time of [`now`].
pub fn sleep_until(mono_ns: u64) -> tokio::time::Sleep {
    tokio::time::sleep_until((*START + Duration::from_nanos(mono_ns)).into())
}
