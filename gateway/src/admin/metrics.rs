//! Counters of the data path, and their Prometheus text.
//!
//! Plain atomics with relaxed order: a count is no synchronisation. Every label
//! comes from a fixed list, so that no peer can make the set of series grow.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway_common::Reason;

use super::Histogram;

/// How a call was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Permitted.
    Allow,
    /// Refused.
    Deny,
    /// Needs an approval.
    Hold,
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards the client.
    Downstream,
    /// Towards the server.
    Upstream,
}

/// All counters of one gateway process.
#[derive(Debug)]
pub struct Metrics {
    started: SystemTime,
    object: String,
    reasons: [AtomicU64; Reason::ALL.len()],
    calls: [AtomicU64; 3],
    findings: [AtomicU64; BRANDS.len()],
    masked: AtomicU64,
    forwarded_bytes: [AtomicU64; 2],
    connections: AtomicI64,
    accepted: AtomicU64,
    audit_records: AtomicU64,
    audit_commits: AtomicU64,
    audit_bytes: AtomicU64,
    audit_queue: AtomicU64,
    call_duration: Histogram,
    commit_duration: Histogram,
}

/// Labels of card brands, as `panscan` names them; a brand not in the list counts as the last.
const BRANDS: [&str; 28] = [
    "visa",
    "mastercard",
    "amex",
    "discover",
    "jcb",
    "diners",
    "unionpay",
    "maestro",
    "rupay",
    "mir",
    "borica",
    "elo",
    "hipercard",
    "hiper",
    "troy",
    "uatp",
    "verve",
    "dankort",
    "instapayment",
    "interpayment",
    "lankapay",
    "ukrcard",
    "t-union",
    "uzcard",
    "humo",
    "napas",
    "bc-card",
    "other",
];

/// Labels of [`Call`], in its order.
const VERDICTS: [&str; 3] = ["allow", "deny", "hold"];

impl Metrics {
    /// All at zero. `object` is the hash of the kernel object, for `build_info`;
    /// `started` is the process's start.
    pub fn new(object: &str, started: SystemTime) -> Metrics {
        Metrics {
            started,
            object: object.to_owned(),
            reasons: std::array::from_fn(|_| AtomicU64::new(0)),
            calls: Default::default(),
            findings: std::array::from_fn(|_| AtomicU64::new(0)),
            masked: AtomicU64::new(0),
            forwarded_bytes: Default::default(),
            connections: AtomicI64::new(0),
            accepted: AtomicU64::new(0),
            audit_records: AtomicU64::new(0),
            audit_commits: AtomicU64::new(0),
            audit_bytes: AtomicU64::new(0),
            audit_queue: AtomicU64::new(0),
            call_duration: Histogram::default(),
            commit_duration: Histogram::default(),
        }
    }

    /// Something was decided, refused or closed for this reason.
    pub fn reason(&self, reason: Reason) {
        self.reasons_by(reason, 1);
    }

    /// The same, several at once (kernel counters).
    pub fn reasons_by(&self, reason: Reason, count: u64) {
        let index = Reason::ALL.binary_search(&reason).ok();
        if let Some(counter) = index.and_then(|i| self.reasons.get(i)) {
            counter.fetch_add(count, Relaxed);
        }
    }

    /// How often this reason was given.
    pub fn reason_count(&self, reason: Reason) -> u64 {
        self.reason_counts()
            .find(|(r, _)| *r == reason)
            .map_or(0, |(_, count)| count)
    }

    /// Every reason with its count.
    pub fn reason_counts(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL
            .iter()
            .copied()
            .zip(self.reasons.iter().map(|c| c.load(Relaxed)))
    }

    /// A call was decided.
    pub fn call(&self, call: Call) {
        self.calls[call as usize].fetch_add(1, Relaxed);
    }

    /// Calls decided so.
    pub fn call_count(&self, call: Call) -> u64 {
        self.calls[call as usize].load(Relaxed)
    }

    /// A card number of this brand (its label) was found.
    pub fn finding(&self, brand: &str) {
        let index = BRANDS
            .iter()
            .position(|b| *b == brand)
            .unwrap_or(BRANDS.len() - 1);
        self.findings[index].fetch_add(1, Relaxed);
    }

    /// Card numbers found, of all brands.
    pub fn finding_count(&self) -> u64 {
        self.findings.iter().map(|c| c.load(Relaxed)).sum()
    }

    /// Card numbers were masked.
    pub fn masked(&self, count: u64) {
        self.masked.fetch_add(count, Relaxed);
    }

    /// Card numbers masked.
    pub fn masked_count(&self) -> u64 {
        self.masked.load(Relaxed)
    }

    /// Bytes were written to a peer.
    pub fn forwarded(&self, direction: Direction, bytes: u64) {
        self.forwarded_bytes[direction as usize].fetch_add(bytes, Relaxed);
    }

    /// A connection was accepted; it is open until the guard is dropped.
    pub fn connection(self: &std::sync::Arc<Metrics>) -> OpenConnection {
        self.accepted.fetch_add(1, Relaxed);
        self.connections.fetch_add(1, Relaxed);
        OpenConnection(self.clone())
    }

    /// Connections open now.
    pub fn connection_count(&self) -> u64 {
        u64::try_from(self.connections.load(Relaxed)).unwrap_or(0)
    }

    /// The audit writer has made records durable, in one commit.
    pub fn audit_commit(&self, records: u64, bytes: u64, took: Duration) {
        self.audit_commits.fetch_add(1, Relaxed);
        self.audit_records.fetch_add(records, Relaxed);
        self.audit_bytes.fetch_add(bytes, Relaxed);
        self.commit_duration.observe(took);
    }

    /// Records that wait for the audit writer.
    pub fn audit_queue(&self, records: u64) {
        self.audit_queue.store(records, Relaxed);
    }

    /// Durable records, commits, and records that wait.
    pub fn audit_counts(&self) -> (u64, u64, u64) {
        (
            self.audit_records.load(Relaxed),
            self.audit_commits.load(Relaxed),
            self.audit_queue.load(Relaxed),
        )
    }

    /// A call was answered: first byte in to last byte out.
    pub fn call_answered(&self, took: Duration) {
        self.call_duration.observe(took);
    }

    /// When the process started.
    pub fn started(&self) -> SystemTime {
        self.started
    }

    /// All of it in the Prometheus text format 0.0.4.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(16 * 1024);
        // Writing to a String cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        head(
            out,
            "panward_build_info",
            "gauge",
            "Version and kernel object; always 1.",
        )?;
        let version = env!("CARGO_PKG_VERSION");
        let object = escape(&self.object);
        writeln!(
            out,
            "panward_build_info{{version=\"{version}\",ebpf_object=\"{object}\"}} 1"
        )?;
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        let help = "Start of the process, Unix time.";
        single(
            out,
            "panward_start_time_seconds",
            "gauge",
            help,
            started.as_secs(),
        )?;
        self.write_calls(out)?;
        self.write_connections(out)?;
        self.write_audit(out)
    }

    fn write_calls(&self, out: &mut String) -> fmt::Result {
        let verdicts = VERDICTS.into_iter().zip(&self.calls);
        by_label(
            out,
            "panward_calls_total",
            "MCP calls decided.",
            "verdict",
            verdicts,
        )?;
        let reasons = Reason::ALL.iter().map(|r| r.label()).zip(&self.reasons);
        let help = "What was decided, refused, closed or counted, by reason.";
        by_label(out, "panward_reasons_total", help, "reason", reasons)?;
        let brands = BRANDS.into_iter().zip(&self.findings);
        by_label(
            out,
            "panward_findings_total",
            "Card numbers found.",
            "brand",
            brands,
        )?;
        let masked = self.masked.load(Relaxed);
        single(
            out,
            "panward_masked_total",
            "counter",
            "Card numbers masked.",
            masked,
        )?;
        let help = "Time from a call's first byte to its answer's last.";
        self.call_duration
            .write(out, "panward_call_duration_seconds", help)
    }

    fn write_connections(&self, out: &mut String) -> fmt::Result {
        let open = self.connection_count();
        single(
            out,
            "panward_connections",
            "gauge",
            "Connections open.",
            open,
        )?;
        let accepted = self.accepted.load(Relaxed);
        let help = "Connections accepted.";
        single(
            out,
            "panward_connections_accepted_total",
            "counter",
            help,
            accepted,
        )?;
        let ways = ["downstream", "upstream"]
            .into_iter()
            .zip(&self.forwarded_bytes);
        let help = "Bytes written to a peer.";
        by_label(
            out,
            "panward_forwarded_bytes_total",
            help,
            "direction",
            ways,
        )
    }

    fn write_audit(&self, out: &mut String) -> fmt::Result {
        let (records, commits, queue) = self.audit_counts();
        let help = "Audit records made durable.";
        single(out, "panward_audit_records_total", "counter", help, records)?;
        let help = "Commits of the audit log.";
        single(out, "panward_audit_commits_total", "counter", help, commits)?;
        let bytes = self.audit_bytes.load(Relaxed);
        let help = "Bytes of audit records made durable.";
        single(out, "panward_audit_bytes_total", "counter", help, bytes)?;
        let help = "Audit records that wait for the writer.";
        single(out, "panward_audit_queue_records", "gauge", help, queue)?;
        let help = "Time of one commit of the audit log.";
        self.commit_duration
            .write(out, "panward_audit_commit_duration_seconds", help)
    }
}

/// An open connection in the gauge.
#[derive(Debug)]
pub struct OpenConnection(std::sync::Arc<Metrics>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn single(out: &mut String, name: &str, kind: &str, help: &str, value: u64) -> fmt::Result {
    head(out, name, kind, help)?;
    writeln!(out, "{name} {value}")
}

fn by_label<'a>(
    out: &mut String,
    name: &str,
    help: &str,
    label: &str,
    series: impl Iterator<Item = (&'static str, &'a AtomicU64)>,
) -> fmt::Result {
    head(out, name, "counter", help)?;
    for (value, counter) in series {
        writeln!(
            out,
            "{name}{{{label}=\"{value}\"}} {}",
            counter.load(Relaxed)
        )?;
    }
    Ok(())
}

/// Escapes of a label value.
fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;

    fn metrics() -> Arc<Metrics> {
        Arc::new(Metrics::new(
            "ab\"c",
            UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        ))
    }

    #[test]
    fn what_was_counted_is_in_the_text() {
        let m = metrics();
        m.reason(Reason::PolicyForbid);
        m.reasons_by(Reason::Steered, 7);
        m.call(Call::Deny);
        m.finding("visa");
        m.finding("a brand of tomorrow");
        m.masked(2);
        m.forwarded(Direction::Upstream, 10);
        m.audit_commit(3, 900, Duration::from_millis(2));
        m.audit_queue(4);
        m.call_answered(Duration::from_micros(700));
        let open = m.connection();
        drop(m.connection());
        let text = m.text();
        for line in [
            "panward_reasons_total{reason=\"policy_forbid\"} 1",
            "panward_reasons_total{reason=\"steered\"} 7",
            "panward_calls_total{verdict=\"allow\"} 0",
            "panward_calls_total{verdict=\"deny\"} 1",
            "panward_findings_total{brand=\"visa\"} 1",
            "panward_findings_total{brand=\"other\"} 1",
            "panward_masked_total 2",
            "panward_forwarded_bytes_total{direction=\"upstream\"} 10",
            "panward_audit_records_total 3",
            "panward_audit_commits_total 1",
            "panward_audit_bytes_total 900",
            "panward_audit_queue_records 4",
            "panward_audit_commit_duration_seconds_bucket{le=\"0.0025\"} 1",
            "panward_call_duration_seconds_bucket{le=\"0.0005\"} 0",
            "panward_call_duration_seconds_bucket{le=\"0.001\"} 1",
            "panward_call_duration_seconds_sum 0.000700000",
            "panward_connections 1",
            "panward_connections_accepted_total 2",
            "panward_start_time_seconds 1700000000",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
        assert!(text.contains("ebpf_object=\"ab\\\"c\"} 1"));
        drop(open);
        assert_eq!(m.connection_count(), 0);
    }

    #[test]
    fn every_reason_has_its_own_series() {
        let m = metrics();
        for (index, reason) in (1..).zip(Reason::ALL) {
            m.reasons_by(*reason, index);
        }
        for (index, reason) in (1..).zip(Reason::ALL) {
            assert_eq!(m.reason_count(*reason), index);
            let line = format!(
                "panward_reasons_total{{reason=\"{}\"}} {index}\n",
                reason.label()
            );
            assert!(m.text().contains(&line), "{line}");
        }
    }

    /// The grammar of the text format: help, type, then samples of that name,
    /// no series twice, names with their units.
    #[test]
    fn the_text_keeps_to_the_format() {
        let text = metrics().text();
        let mut family = String::new();
        let mut seen = BTreeSet::new();
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split(' ').next().unwrap().to_owned();
                assert!(family.starts_with("panward_"));
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, family);
                match kind {
                    "counter" => assert!(name.ends_with("_total"), "{name}"),
                    "histogram" => assert!(name.ends_with("_seconds"), "{name}"),
                    "gauge" => assert!(!name.ends_with("_total"), "{name}"),
                    other => panic!("{other}"),
                }
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                assert!(value.parse::<f64>().is_ok(), "{line}");
                assert!(series.starts_with(&family), "{line}");
                assert!(seen.insert(series.to_owned()), "{line} twice");
            }
        }
    }
}
