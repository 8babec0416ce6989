//! Suppressions on disk: a folder with one TOML file for each, and what is in
//! force of them.
//!
//! Place in the data path: read at start and at reload into an
//! [`engine::Suppressions`]; each beginning and end is recorded, the beginning
//! before the first finding is left for it.
//!
//! Bounds: [`FILES_MAX`] files of [`FILE_BYTES_MAX`]; a file that cannot be read
//! whole is an error and nothing changes, since what it meant is not known.

mod date;
mod file;
mod folder;

pub use date::{parse_time, seconds_of};
pub use file::{Entry, SuppressError};
pub use folder::{FILE_BYTES_MAX, FILES_MAX, Folder, create, key};

use std::collections::BTreeMap;

use audit::{Action, Kind, Masked, Raw, Record};

/// What is in force, as far as the audit log knows.
#[derive(Debug, Default)]
pub struct InForce {
    entries: BTreeMap<String, Entry>,
}

impl InForce {
    /// Records what began and what ended since the last time; stops at the first
    /// record that is not taken, and goes on there the next time.
    ///
    /// # Errors
    /// What the log said.
    pub fn update(
        &mut self,
        folder: &Folder,
        recorder: &audit::Recorder,
        scanner: &panscan::Scanner,
        now_ns: u64,
    ) -> Result<(), audit::AuditError> {
        let now: BTreeMap<&str, &Entry> = folder
            .entries
            .iter()
            .filter(|e| !e.rule.is_over(now_ns))
            .map(|e| (e.rule.id.as_str(), e))
            .collect();
        let ended: Vec<Entry> = self
            .entries
            .values()
            .filter(|old| now.get(old.rule.id.as_str()) != Some(old))
            .cloned()
            .collect();
        for entry in ended {
            let _ticket = recorder.record(&record(Kind::SuppressEnd, &entry, scanner, now_ns))?;
            self.entries.remove(&entry.rule.id);
        }
        for (id, entry) in now {
            if !self.entries.contains_key(id) {
                // Not waited for: an answer in which it counts waits for a later record.
                let _ticket =
                    recorder.record(&record(Kind::SuppressBegin, entry, scanner, now_ns))?;
                self.entries.insert(id.to_owned(), entry.clone());
            }
        }
        Ok(())
    }
}

/// Who, what, until when, why.
fn record(kind: Kind, entry: &Entry, scanner: &panscan::Scanner, now_ns: u64) -> Record {
    let scrub = engine::CardScrub(scanner);
    let mask = |text: String| Raw::new(text).mask(&scrub);
    let rule = &entry.rule;
    let note = format!(
        "id={} number={} path={} until={} high={} by={} reason={}",
        rule.id,
        entry.number(),
        rule.path.as_deref().unwrap_or("*"),
        crate::trail::show::time(rule.until_ns),
        rule.even_high,
        entry.by,
        entry.reason,
    );
    let mut record = Record::new(kind, now_ns);
    record.action = Some(Action {
        server: rule.server.clone(),
        method: Masked::constant("suppress"),
        target: Some(mask(rule.tool.clone())),
        rpc_id: None,
        protocol_version: None,
        http_method: None,
    });
    record.note = Some(mask(note));
    record
}
