//! Every finding of a log, once: an answer in events has its findings in its `mask`
//! records and again in its `mcp.result`.
//!
//! Bounds: [`CALLS_MAX`] calls whose result is still to come, [`PLACES_MAX`] places
//! each. Beyond, findings of such a call may count twice; more than the gateway
//! lists in one record are not in the log.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use audit::{FindingFacts, Kind, Record};

use super::read::LogReader;
use super::show::Joiner;

const CALLS_MAX: usize = 4096;
const PLACES_MAX: usize = 100_000;

/// Hands every finding recorded at `since_ns` or later to `sink`, with its record,
/// completed from that of its call.
///
/// # Errors
/// The log cannot be read.
pub fn findings(
    dir: &Path,
    since_ns: u64,
    sink: &mut dyn FnMut(&Record, &FindingFacts),
) -> io::Result<()> {
    let mut reader = LogReader::open(dir, None)?;
    let mut joiner = Joiner::default();
    let mut once = Once::default();
    while let Some(group) = reader.next_group()? {
        for record in group.into_iter().filter_map(|(_, record)| record) {
            let record = joiner.complete(record);
            for finding in once.new_in(&record) {
                if record.time_unix_ns >= since_ns {
                    sink(&record, finding);
                }
            }
        }
    }
    Ok(())
}

/// Places already told, by call.
#[derive(Default)]
struct Once {
    told: HashMap<(u64, u64), HashSet<u64>>,
}

impl Once {
    fn new_in<'r>(&mut self, record: &'r Record) -> Vec<&'r FindingFacts> {
        let call = (record.flow, record.call);
        match record.kind {
            Kind::McpMask => {
                if self.told.len() >= CALLS_MAX {
                    self.told.clear();
                }
                let told = self.told.entry(call).or_default();
                if told.len() < PLACES_MAX {
                    told.extend(record.findings.iter().map(|f| f.offset));
                }
                record.findings.iter().collect()
            }
            Kind::McpResult => {
                let told = self.told.remove(&call).unwrap_or_default();
                let new = record.findings.iter();
                new.filter(|f| !told.contains(&f.offset)).collect()
            }
            Kind::McpCall => {
                // The numbers begin again with each run of the gateway.
                self.told.remove(&call);
                record.findings.iter().collect()
            }
            _ => record.findings.iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: Kind, offsets: &[u64]) -> Record {
        let mut record = Record::new(kind, 1);
        (record.flow, record.call) = (3, 1);
        let finding = |offset: &u64| FindingFacts {
            direction: audit::Direction::Response,
            offset: *offset,
            kind: "pan".into(),
            brand: "visa".into(),
            confidence: "high".into(),
            shown: audit::Masked::constant("411111******1111"),
            masked: true,
            path: None,
            test_pan: true,
            suppressed: None,
        };
        record.findings = offsets.iter().map(finding).collect();
        record
    }

    #[test]
    fn each_finding_counts_once() {
        let mut once = Once::default();
        let mut count = |kind, offsets: &[u64]| once.new_in(&record(kind, offsets)).len();
        assert_eq!(count(Kind::McpCall, &[7]), 1, "in the arguments");
        assert_eq!(count(Kind::McpMask, &[7, 90]), 2);
        assert_eq!(count(Kind::McpMask, &[200]), 1);
        assert_eq!(
            count(Kind::McpResult, &[7, 90, 200, 300]),
            1,
            "300 in no event"
        );
        assert_eq!(count(Kind::McpResult, &[7]), 1, "an answer without events");
        assert_eq!(count(Kind::McpMask, &[7]), 1);
        assert_eq!(
            count(Kind::McpCall, &[]),
            0,
            "the gateway was started again"
        );
        assert_eq!(count(Kind::McpResult, &[7]), 1);
    }
}
