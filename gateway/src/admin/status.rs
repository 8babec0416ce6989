//! The answer to `/status`: what `panward status` prints.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Call, Check, Metrics, Readiness};

/// State of a running gateway. Fields are added, never renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the gateway.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Whether every check is well.
    pub ready: bool,
    /// The checks, by name.
    pub checks: Vec<Check>,
    /// What is well and yet not as it should be, one line each.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Connections open.
    pub connections: u64,
    /// Calls by verdict.
    pub calls: CallStatus,
    /// Card numbers found.
    pub findings: u64,
    /// Card numbers masked.
    pub masked: u64,
    /// The audit log.
    pub audit: AuditStatus,
    /// Reasons that were given at least once, by label.
    pub reasons: BTreeMap<String, u64>,
}

/// Calls by verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallStatus {
    /// Permitted.
    pub allow: u64,
    /// Refused.
    pub deny: u64,
    /// Needed an approval.
    pub hold: u64,
}

/// The audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditStatus {
    /// Durable records.
    pub records: u64,
    /// Commits.
    pub commits: u64,
    /// Records that wait for the writer.
    pub queue: u64,
}

impl Status {
    /// The state at `now`.
    pub fn of(metrics: &Metrics, readiness: &Readiness, now: SystemTime) -> Status {
        let (records, commits, queue) = metrics.audit_counts();
        let checks = readiness.checks();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_seconds: now
                .duration_since(metrics.started())
                .unwrap_or_default()
                .as_secs(),
            ready: checks.iter().all(|check| check.ok),
            checks,
            warnings: readiness.warnings(),
            connections: metrics.connection_count(),
            calls: CallStatus {
                allow: metrics.call_count(Call::Allow),
                deny: metrics.call_count(Call::Deny),
                hold: metrics.call_count(Call::Hold),
            },
            findings: metrics.finding_count(),
            masked: metrics.masked_count(),
            audit: AuditStatus {
                records,
                commits,
                queue,
            },
            reasons: metrics
                .reason_counts()
                .filter(|(_, count)| *count > 0)
                .map(|(reason, count)| (reason.label().to_owned(), count))
                .collect(),
        }
    }
}
