//! A run as Markdown for people and as JSON for programs.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use serde_json::{Value, json};

use crate::goals::{goal, met_gigabytes, met_times};
use crate::machine::Machine;
use crate::peers::names;
use crate::run::Row;
use crate::unpack::Unpacked;

/// A run.
pub struct Record {
    /// What it ran on.
    pub machine: Machine,
    /// Which of the scanner's instruction sets.
    pub tier: String,
    /// Version of Hyperscan, or why it was not there.
    pub hyperscan: String,
    /// Rounds of each text.
    pub rounds: usize,
    /// The texts.
    pub rows: Vec<Row>,
    /// Content encodings.
    pub unpacked: Vec<Unpacked>,
}

impl Record {
    /// Writes `NAME.md` and `NAME.json`.
    pub fn write(&self, dir: &Path, name: &str) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        fs::write(dir.join(format!("{name}.md")), self.markdown())?;
        let json = serde_json::to_string_pretty(&self.json())?;
        fs::write(dir.join(format!("{name}.json")), json + "\n")
    }

    /// What is printed and kept.
    pub fn markdown(&self) -> String {
        let mut out = String::from("# Scanner beside its peers\n\n");
        let machine = &self.machine;
        let facts = [
            ("cpu", machine.cpu.as_str()),
            ("kernel", &machine.kernel),
            ("commit", &machine.commit),
            ("date", &machine.date),
            ("load average at the start", &machine.load),
            ("scanner's tier", &self.tier),
            ("Hyperscan", &self.hyperscan),
        ];
        for (name, value) in facts {
            _ = writeln!(out, "- {name}: {value}");
        }
        _ = writeln!(
            out,
            "\nGB (1e9 bytes) a second of one thread's CPU time, median of {} interleaved rounds; \
             a ratio is the median of the rounds' ratios. `panscan` is the whole detector, fed in \
             pieces of 16 KiB (sse: event by event). `memory`: not reached, and so many times the peer's speed \
             is more than the fastest reader of the same text reaches.\n",
            self.rounds
        );
        self.goals(&mut out);
        self.worst(&mut out);
        self.engines(&mut out);
        self.counts(&mut out);
        self.packed(&mut out);
        out
    }

    fn goals(&self, out: &mut String) {
        let heads = [
            "corpus",
            "digits",
            "panscan",
            "goal",
            "met",
            "best peer",
            "GB/s",
            "ratio to",
            "ratio",
            "goal",
            "met",
        ];
        let mut lines = Vec::new();
        for row in &self.rows {
            let goal = goal(row.kind);
            let ours = row.gigabytes(names::STREAM).unwrap_or_default();
            let best = row.best_peer().map_or("", |peer| peer.name);
            for (n, (peer, times)) in goal.times.iter().enumerate() {
                let mut cells = vec![
                    row.kind.to_string(),
                    format!("{:.1} %", row.digits * 100.0),
                    number(ours),
                    format!(">= {}", goal.gigabytes),
                    met_gigabytes(row).word().to_owned(),
                    best.to_owned(),
                    number(row.gigabytes(best).unwrap_or_default()),
                ];
                if n > 0 {
                    cells.fill(String::new());
                }
                let ratio = row
                    .times(peer)
                    .map_or("-".to_owned(), |times| number(times) + "x");
                cells.extend([(*peer).to_owned(), ratio, format!(">= {times}x")]);
                cells.push(met_times(row, peer, *times).word().to_owned());
                lines.push(cells);
            }
        }
        table(out, &heads, &lines);
    }

    /// The slowest text of all is what the goal for any input is about.
    fn worst(&self, out: &mut String) {
        let speed = |row: &&Row| row.gigabytes(names::STREAM).unwrap_or_default();
        let Some(worst) = self
            .rows
            .iter()
            .min_by(|a, b| speed(a).total_cmp(&speed(b)))
        else {
            return;
        };
        let times = worst.times(names::BARE);
        _ = writeln!(
            out,
            "\nWorst case: {} at {} GB/s (goal >= 2), {}x {} (goal >= 3x).\n",
            worst.kind,
            number(speed(&worst)),
            times.map_or("?".to_owned(), number),
            names::BARE,
        );
    }

    fn engines(&self, out: &mut String) {
        let Some(first) = self.rows.first() else {
            return;
        };
        _ = writeln!(out, "## Every engine, GB/s of CPU time (of wall time)\n");
        let mut heads = vec!["corpus"];
        heads.extend(first.columns.iter().map(|column| column.name));
        let line = |row: &Row| {
            let speed = |seconds: f64| number(row.bytes as f64 / seconds.max(1e-9) / 1e9);
            let cells = row
                .columns
                .iter()
                .map(|c| format!("{} ({})", speed(c.cpu), speed(c.wall)));
            std::iter::once(row.kind.to_string()).chain(cells).collect()
        };
        let lines: Vec<Vec<String>> = self.rows.iter().map(line).collect();
        table(out, &heads, &lines);
    }

    fn counts(&self, out: &mut String) {
        _ = writeln!(
            out,
            "\n## What was counted\n\nHyperscan counts every end of a match; the scanner and the \
             validated regex count card numbers, some of which are ids that are cards by chance.\n"
        );
        let columns = [
            names::STREAM,
            names::VALIDATED,
            names::BARE,
            names::SEPARATED,
        ];
        let mut heads = vec!["corpus", "MiB", "cards put in", "encoded ones"];
        heads.extend(columns);
        let line = |row: &Row| {
            let mut cells = vec![
                row.kind.to_string(),
                format!("{}", row.bytes >> 20),
                row.plain.to_string(),
                row.encoded.to_string(),
            ];
            let found = |name| {
                row.column(name)
                    .map_or("-".to_owned(), |c| c.found.to_string())
            };
            cells.extend(columns.map(found));
            cells
        };
        let lines: Vec<Vec<String>> = self.rows.iter().map(line).collect();
        table(out, &heads, &lines);
    }

    fn packed(&self, out: &mut String) {
        _ = writeln!(
            out,
            "\n## Packed text\n\nMCP JSON; GB of unpacked text a second of CPU time.\n"
        );
        let heads = [
            "encoding",
            "packed to",
            "decoder alone",
            "with the scanner",
            "takes",
        ];
        let line = |row: &Unpacked| {
            let (text, packed) = (row.bytes.0 as f64, row.bytes.1 as f64);
            vec![
                row.encoding.to_owned(),
                format!("{:.1} %", 100.0 * packed / text),
                number(text / row.alone.max(1e-9) / 1e9),
                number(text / row.scanned.max(1e-9) / 1e9),
                format!("{}x", number(row.times)),
            ]
        };
        let lines: Vec<Vec<String>> = self.unpacked.iter().map(line).collect();
        table(out, &heads, &lines);
    }

    fn json(&self) -> Value {
        let unpacked = self.unpacked.iter().map(|row| {
            json!({
                "encoding": row.encoding,
                "bytes": row.bytes.0,
                "packed_bytes": row.bytes.1,
                "decoder_cpu_seconds": row.alone,
                "scanned_cpu_seconds": row.scanned,
                "times": row.times,
                "found": row.found.0,
            })
        });
        let rows: Vec<Value> = self.rows.iter().map(row_json).collect();
        json!({
            "cpu": self.machine.cpu,
            "kernel": self.machine.kernel,
            "commit": self.machine.commit,
            "date": self.machine.date,
            "load": self.machine.load,
            "tier": self.tier,
            "hyperscan": self.hyperscan,
            "rounds": self.rounds,
            "corpora": rows,
            "unpacked": unpacked.collect::<Vec<_>>(),
        })
    }
}

fn row_json(row: &Row) -> Value {
    let goal = goal(row.kind);
    let against = goal.times.iter().map(|(peer, times)| {
        json!({
            "peer": peer,
            "ratio": row.times(peer),
            "goal": times,
            "met": met_times(row, peer, *times).word(),
        })
    });
    let engines = row.columns.iter().map(|c| {
        json!({
            "name": c.name,
            "found": c.found,
            "cpu_seconds": c.cpu,
            "wall_seconds": c.wall,
            "gigabytes_per_second": row.gigabytes(c.name),
            "panscan_is_times_as_fast": c.times,
        })
    });
    json!({
        "name": row.kind.to_string(),
        "bytes": row.bytes,
        "digit_share": row.digits,
        "cards": row.plain,
        "cards_encoded": row.encoded,
        "gigabytes_per_second": row.gigabytes(names::STREAM),
        "goal": goal.gigabytes,
        "met": met_gigabytes(row).word(),
        "best_peer": row.best_peer().map(|peer| peer.name),
        "against": against.collect::<Vec<_>>(),
        "engines": engines.collect::<Vec<_>>(),
    })
}

/// Three digits that matter.
fn number(value: f64) -> String {
    let places = match value {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.places$}")
}

/// Markdown, its columns in line.
fn table(out: &mut String, heads: &[&str], lines: &[Vec<String>]) {
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let width = |n: usize| {
        let cells = std::iter::once(&heads)
            .chain(lines)
            .filter_map(|line| line.get(n));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
            .max(3)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    for line in [&heads, &rule].into_iter().chain(lines) {
        for (cell, width) in line.iter().zip(&widths) {
            _ = write!(out, "| {cell:<width$} ");
        }
        out.push_str("|\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_tables() {
        assert_eq!(
            [0.1234, 1.234, 12.34, 123.4].map(number),
            ["0.123", "1.23", "12.3", "123"]
        );
        let mut out = String::new();
        table(
            &mut out,
            &["a", "wide"],
            &[vec!["long one".into(), "1".into()]],
        );
        assert_eq!(
            out,
            "| a        | wide |\n| -------- | ---- |\n| long one | 1    |\n"
        );
    }
}
