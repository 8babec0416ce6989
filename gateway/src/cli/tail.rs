//! `panward tail`: committed records, live.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use audit::{Record, Verdict};
use clap::Args;
use serde_json::json;

use crate::trail::read::{Entry, LogReader};
use crate::trail::show::{Filter, Joiner, line};

/// How long a follower waits before it looks again.
const POLL: Duration = Duration::from_millis(50);

/// Shows records of an audit log.
#[derive(Debug, Args)]
pub struct TailArgs {
    /// Directory of the log.
    #[arg(default_value = "/var/log/panward/audit")]
    dir: PathBuf,
    /// Go on with new records as they are committed.
    #[arg(short, long)]
    follow: bool,
    /// Show the last N of the records that fit.
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Only this tool, resource or prompt (glob).
    #[arg(long, value_name = "GLOB")]
    tool: Option<String>,
    /// Only this principal (glob).
    #[arg(long, value_name = "GLOB")]
    subject: Option<String>,
    /// Only this server (glob).
    #[arg(long, value_name = "GLOB")]
    server: Option<String>,
    /// Only these decisions.
    #[arg(long, value_enum, value_delimiter = ',')]
    decision: Vec<Decision>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Decision {
    Allow,
    Deny,
    Hold,
}

impl TailArgs {
    fn filter(&self) -> Filter {
        let decision = self.decision.iter().map(|decision| match decision {
            Decision::Allow => Verdict::Allow,
            Decision::Deny => Verdict::Deny,
            Decision::Hold => Verdict::Hold,
        });
        Filter {
            tool: self.tool.clone(),
            subject: self.subject.clone(),
            server: self.server.clone(),
            decision: decision.collect(),
        }
    }
}

/// Runs the command.
pub(super) fn run(args: TailArgs) -> anyhow::Result<ExitCode> {
    match show(&args) {
        // The reader of the pipe has seen enough.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        outcome => outcome.map(|()| ExitCode::SUCCESS),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn show(args: &TailArgs) -> anyhow::Result<()> {
    let read_error = || args.dir.display().to_string();
    let filter = args.filter();
    // With a filter nobody knows how far back the last N are.
    let back = filter.is_empty().then_some(args.last as u64);
    let mut reader = LogReader::open(&args.dir, back).with_context(read_error)?;
    let mut joiner = Joiner::default();
    let mut held: VecDeque<(u64, Record)> = VecDeque::new();
    while let Some(group) = reader.next_group().with_context(read_error)? {
        for entry in group {
            held.extend(pick(entry, &mut joiner, &filter));
            while held.len() > args.last {
                held.pop_front();
            }
        }
    }
    let mut out = io::stdout().lock();
    for (seq, record) in held {
        write(&mut out, args.json, seq, &record)?;
    }
    out.flush()?;
    if !args.follow {
        return Ok(());
    }
    loop {
        match reader.next_group().with_context(read_error)? {
            Some(group) => {
                for (seq, record) in group
                    .into_iter()
                    .filter_map(|entry| pick(entry, &mut joiner, &filter))
                {
                    write(&mut out, args.json, seq, &record)?;
                }
                out.flush()?;
            }
            None => std::thread::sleep(POLL),
        }
    }
}

fn pick((seq, record): Entry, joiner: &mut Joiner, filter: &Filter) -> Option<(u64, Record)> {
    let record = joiner.complete(record?);
    filter.matches(&record).then_some((seq, record))
}

fn write(out: &mut impl Write, as_json: bool, seq: u64, record: &Record) -> io::Result<()> {
    if !as_json {
        return writeln!(out, "{}", line(record));
    }
    let mut object = record.to_json();
    object["seq"] = json!(seq);
    writeln!(out, "{object}")
}
