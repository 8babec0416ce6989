//! `panward findings`: what was found, in groups, to see false positives by.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use audit::{FindingFacts, Record};
use engine::fold_path;
use serde_json::json;

use crate::proxy::clock;
use crate::trail::found;
use crate::trail::show::{glob, plain, time};

/// Groups in one listing; findings of further ones are counted, not listed.
const GROUPS_MAX: usize = 10_000;

/// Groups the findings of an audit log by server, tool, path, first six digits and
/// confidence; the largest group first.
///
/// A group of many different numbers at one path of one tool, none of them a
/// published test number, is where to look for false positives first: ids, account
/// numbers. `panward suppress` makes an exception for such a group.
#[derive(Debug, clap::Args)]
pub struct FindingsArgs {
    /// Directory of the log.
    #[arg(default_value = "/var/log/panward/audit")]
    dir: PathBuf,
    /// Only of the last N days.
    #[arg(long, value_name = "N", default_value_t = 30)]
    days: u64,
    /// Only this server (glob).
    #[arg(long, value_name = "GLOB")]
    server: Option<String>,
    /// Only this tool, resource or prompt (glob).
    #[arg(long, value_name = "GLOB")]
    tool: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// What the findings of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    server: String,
    tool: String,
    path: String,
    iin: String,
    confidence: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    count: u64,
    masked: u64,
    suppressed: u64,
    test_pans: u64,
    first_ns: u64,
    last_ns: u64,
    kind: String,
    brand: String,
}

#[derive(Default)]
struct Groups {
    groups: BTreeMap<Key, Group>,
    unlisted: u64,
}

/// Runs the command.
pub(super) fn run(args: &FindingsArgs) -> anyhow::Result<ExitCode> {
    let mut groups = Groups::default();
    let since_ns = since(args.days);
    found::findings(&args.dir, since_ns, &mut |record, finding| {
        let key = key(record, finding);
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| glob(pattern, text))
        };
        if fits(&args.server, &key.server) && fits(&args.tool, &key.tool) {
            groups.add(key, record.time_unix_ns, finding);
        }
    })
    .with_context(|| args.dir.display().to_string())?;
    let mut out = io::stdout().lock();
    match groups.print(&mut out, args) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The time `days` ago.
pub(super) fn since(days: u64) -> u64 {
    let span = days.saturating_mul(86_400 * 1_000_000_000);
    clock::now().wall_ns.saturating_sub(span)
}

fn key(record: &Record, finding: &FindingFacts) -> Key {
    let action = record.action.as_ref();
    let tool = action.map(|a| a.target.as_ref().unwrap_or(&a.method).as_str());
    Key {
        server: action.map_or("-", |a| a.server.as_str()).to_owned(),
        tool: tool.unwrap_or("-").to_owned(),
        path: match &finding.path {
            Some(path) => fold_path(path.as_str()),
            None => "-".to_owned(),
        },
        iin: iin(finding.shown.as_str()).unwrap_or("-").to_owned(),
        confidence: finding.confidence.clone(),
    }
}

/// The first six digits, where they are shown.
pub(super) fn iin(shown: &str) -> Option<&str> {
    let six = shown.get(..6)?;
    six.bytes().all(|b| b.is_ascii_digit()).then_some(six)
}

impl Groups {
    fn add(&mut self, key: Key, time_ns: u64, finding: &FindingFacts) {
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key) {
            self.unlisted += 1;
            return;
        }
        let group = self.groups.entry(key).or_insert_with(|| Group {
            first_ns: time_ns,
            kind: finding.kind.clone(),
            brand: finding.brand.clone(),
            ..Group::default()
        });
        group.count += 1;
        group.masked += u64::from(finding.masked);
        group.suppressed += u64::from(finding.suppressed.is_some());
        group.test_pans += u64::from(finding.test_pan);
        group.first_ns = group.first_ns.min(time_ns);
        group.last_ns = group.last_ns.max(time_ns);
    }

    fn print(&self, out: &mut dyn Write, args: &FindingsArgs) -> io::Result<()> {
        let mut listed: Vec<(&Key, &Group)> = self.groups.iter().collect();
        listed.sort_by_key(|(_, group)| std::cmp::Reverse(group.count));
        if args.json {
            for (key, group) in &listed {
                writeln!(out, "{}", as_json(key, group))?;
            }
        } else {
            self.table(out, &listed, args.days)?;
        }
        if self.unlisted > 0 {
            eprintln!(
                "panward: {} findings of further groups are not listed",
                self.unlisted
            );
        }
        out.flush()
    }

    fn table(&self, out: &mut dyn Write, listed: &[(&Key, &Group)], days: u64) -> io::Result<()> {
        if listed.is_empty() {
            return writeln!(out, "No findings in the last {days} days.");
        }
        writeln!(
            out,
            "{:>7} {:>7} {:>10} {:>5}  {:<6} {:<11} {:<10} {:<24} {:<24} {:<14} {:<20} path",
            "count",
            "masked",
            "suppressed",
            "test",
            "iin",
            "brand",
            "confidence",
            "first",
            "last",
            "server",
            "tool"
        )?;
        for (key, group) in listed {
            writeln!(
                out,
                "{:>7} {:>7} {:>10} {:>4}%  {:<6} {:<11} {:<10} {:<24} {:<24} {:<14} {:<20} {}",
                group.count,
                group.masked,
                group.suppressed,
                group.test_pans * 100 / group.count.max(1),
                plain(&key.iin),
                plain(&group.brand),
                plain(&key.confidence),
                time(group.first_ns),
                time(group.last_ns),
                plain(&key.server),
                plain(&key.tool),
                plain(&key.path)
            )?;
        }
        Ok(())
    }
}

fn as_json(key: &Key, group: &Group) -> serde_json::Value {
    let known = |text: &str| (text != "-").then(|| text.to_owned());
    json!({
        "server": key.server, "tool": key.tool, "path": known(&key.path), "iin": known(&key.iin),
        "confidence": key.confidence, "kind": group.kind, "brand": group.brand,
        "count": group.count, "masked": group.masked, "suppressed": group.suppressed,
        "test_pans": group.test_pans, "first": time(group.first_ns), "last": time(group.last_ns),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::{Action, Kind, Masked};

    fn finding(path: &str, shown: &'static str, masked: bool) -> FindingFacts {
        FindingFacts {
            direction: audit::Direction::Response,
            offset: 0,
            kind: "pan".into(),
            brand: "diners".into(),
            confidence: "medium".into(),
            shown: Masked::constant(shown),
            masked,
            path: (!path.is_empty()).then(|| Masked::constant("$.rows[3].id")),
            test_pan: masked,
            suppressed: (!masked).then(|| "orders".to_owned()),
        }
    }

    #[test]
    fn rows_of_one_column_are_one_group() {
        let mut groups = Groups::default();
        let mut record = Record::new(Kind::McpResult, 0);
        record.action = Some(Action {
            server: "crm".into(),
            method: Masked::constant("tools/call"),
            target: Some(Masked::constant("list_orders")),
            rpc_id: None,
            protocol_version: None,
            http_method: None,
        });
        for (time_ns, path, shown, masked) in [
            (5, "$", "305693****5904", true),
            (3, "$", "305693****1111", false),
            (4, "", "305693****5904", true),
            (9, "$", "**********5904", true),
        ] {
            let finding = finding(path, shown, masked);
            groups.add(key(&record, &finding), time_ns, &finding);
        }
        assert_eq!(groups.groups.len(), 3);
        let (key, group) = groups
            .groups
            .iter()
            .find(|(key, _)| key.path == "$.rows[*].id" && key.iin == "305693")
            .expect("the column");
        assert_eq!(
            (key.server.as_str(), key.tool.as_str()),
            ("crm", "list_orders")
        );
        assert_eq!(
            (group.count, group.masked, group.suppressed, group.test_pans),
            (2, 1, 1, 1)
        );
        assert_eq!((group.first_ns, group.last_ns), (3, 5));
        let args = FindingsArgs {
            dir: PathBuf::new(),
            days: 30,
            server: None,
            tool: None,
            json: false,
        };
        let mut out = Vec::new();
        groups.print(&mut out, &args).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        let first = text.lines().nth(1).expect("a row");
        assert!(
            first
                .trim_start()
                .starts_with("2       1          1   50%  305693"),
            "{text}"
        );
        assert!(
            first.ends_with("list_orders          $.rows[*].id"),
            "{text}"
        );
    }
}
