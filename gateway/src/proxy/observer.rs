//! The engine's counts, as metrics.

use std::time::Duration;

use gateway_common::Reason;

use crate::admin::{Call, Direction, Metrics};

impl engine::Observer for Metrics {
    fn decided(&self, verdict: audit::Verdict, reason: Reason) {
        self.call(match verdict {
            audit::Verdict::Allow => Call::Allow,
            audit::Verdict::Deny => Call::Deny,
            audit::Verdict::Hold => Call::Hold,
        });
        if reason != Reason::Ok {
            self.reason(reason);
        }
    }

    fn found(&self, brand: &str, masked: bool) {
        self.finding(brand);
        self.masked(u64::from(masked));
    }

    fn ended(&self, reason: Reason, request_bytes: u64, response_bytes: u64, duration_ns: u64) {
        self.forwarded(Direction::Upstream, request_bytes);
        self.forwarded(Direction::Downstream, response_bytes);
        self.call_answered(Duration::from_nanos(duration_ns));
        if reason != Reason::Ok {
            self.reason(reason);
        }
    }
}
