//! `panward sessions`: who talked to which server, when, and what came of it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use audit::{Kind, Record, Verdict};
use clap::Args;
use serde_json::json;

use crate::trail::read::LogReader;
use crate::trail::show::{Joiner, plain, time};

/// Sessions in one listing; more are counted, not listed.
const SESSIONS_MAX: usize = 100_000;

/// Lists the sessions of an audit log.
#[derive(Debug, Args)]
pub struct SessionsArgs {
    /// Directory of the log.
    #[arg(default_value = "/var/log/panward/audit")]
    dir: PathBuf,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// One session. Without a session id a connection counts as one.
#[derive(Default)]
struct Session {
    first_ns: u64,
    last_ns: u64,
    calls: u64,
    denied: u64,
    findings: u64,
}

/// Session, principal, server; in order of the first record.
type Key = (String, String, String);

/// Runs the command.
pub(super) fn run(args: SessionsArgs) -> anyhow::Result<ExitCode> {
    let place = || args.dir.display().to_string();
    let mut reader = LogReader::open(&args.dir, None).with_context(place)?;
    let mut joiner = Joiner::default();
    let mut sessions: BTreeMap<Key, Session> = BTreeMap::new();
    let mut unlisted = 0u64;
    while let Some(group) = reader.next_group().with_context(place)? {
        for record in group.into_iter().filter_map(|(_, record)| record) {
            let record = joiner.complete(record);
            let Some(key) = key(&record) else { continue };
            if sessions.len() >= SESSIONS_MAX && !sessions.contains_key(&key) {
                unlisted += 1;
                continue;
            }
            add(sessions.entry(key).or_default(), &record);
        }
    }
    let mut listed: Vec<(Key, Session)> = sessions.into_iter().collect();
    listed.sort_by_key(|(_, session)| session.first_ns);
    match print(&listed, args.json, unlisted) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn key(record: &Record) -> Option<Key> {
    if !matches!(
        record.kind,
        Kind::McpCall | Kind::McpMask | Kind::McpResult | Kind::Refused
    ) {
        return None;
    }
    let session = match &record.session {
        Some(session) => session.as_str().to_owned(),
        None => format!("connection {}", record.flow),
    };
    let who = record.who.as_ref().map_or("-", |who| who.id.as_str());
    let server = record
        .action
        .as_ref()
        .map_or("-", |action| action.server.as_str());
    Some((session, who.to_owned(), server.to_owned()))
}

fn add(session: &mut Session, record: &Record) {
    if session.first_ns == 0 {
        session.first_ns = record.time_unix_ns;
    }
    session.last_ns = session.last_ns.max(record.time_unix_ns);
    let denied = record
        .decision
        .as_ref()
        .is_some_and(|d| d.verdict != Verdict::Allow);
    match record.kind {
        Kind::McpCall => {
            session.calls += 1;
            session.denied += u64::from(denied);
        }
        Kind::Refused => session.denied += 1,
        _ => {}
    }
    session.findings += record
        .result
        .as_ref()
        .map_or(0, |result| u64::from(result.masked));
}

fn print(listed: &[(Key, Session)], as_json: bool, unlisted: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if !as_json {
        writeln!(
            out,
            "{:<24} {:<24} {:<20} {:<14} {:>6} {:>6} {:>8}  session",
            "first", "last", "who", "server", "calls", "denied", "findings"
        )?;
    }
    for ((id, who, server), session) in listed {
        let (first, last) = (time(session.first_ns), time(session.last_ns));
        let Session {
            calls,
            denied,
            findings,
            ..
        } = session;
        if as_json {
            let object = json!({
                "session": id, "who": who, "server": server, "first": first, "last": last,
                "calls": calls, "denied": denied, "findings": findings,
            });
            writeln!(out, "{object}")?;
        } else {
            let (who, server, id) = (plain(who), plain(server), plain(id));
            writeln!(
                out,
                "{first:<24} {last:<24} {who:<20} {server:<14} {calls:>6} {denied:>6} {findings:>8}  {id}"
            )?;
        }
    }
    if unlisted > 0 {
        eprintln!("panward: {unlisted} records of further sessions are not listed");
    }
    out.flush()
}
