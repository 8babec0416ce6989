//! `panward verify`: offline proof of an audit log.
//!
//! Exit codes: 0 ok, 1 tampered, 2 torn tail, 3 gap, 4 untrusted key, 5 the log
//! or the key cannot be read.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use audit::frame::{HEADER_BYTES, SegmentHeader};
use audit::{Report, Verifier, VerifierKey};
use clap::Args;
use serde_json::{Value, json};

use crate::trail::directory::{CHECKPOINT, CHECKPOINTS, VERIFIER_KEY, read_optional, segments};
use crate::trail::show::plain;

/// Exit code when nothing could be judged.
const UNREADABLE: u8 = 5;

/// Checks an audit log with nothing but its public key.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Directory of the log.
    #[arg(default_value = "/var/log/panward/audit")]
    dir: PathBuf,
    /// Public key: a file, or the key itself (<name>+<id>+<base64>). Without it the
    /// key in the log's own directory is taken, which proves nothing against
    /// somebody who can write there.
    #[arg(long, value_name = "FILE|VKEY")]
    key: Option<String>,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let report = match judge(&args) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("panward: {error:#}");
            return Ok(ExitCode::from(UNREADABLE));
        }
    };
    let text = if args.json {
        json_report(&report).to_string()
    } else {
        human(&args, &report)
    };
    println!("{text}");
    Ok(ExitCode::from(report.status.exit_code()))
}

fn judge(args: &VerifyArgs) -> anyhow::Result<Report> {
    let mut verifier = Verifier::new(key(args)?);
    let read = |name: &str| {
        let path = args.dir.join(name);
        read_optional(&path).with_context(|| path.display().to_string())
    };
    let latest = read(CHECKPOINT)?;
    verifier.checkpoints(&read(CHECKPOINTS)?.unwrap_or_default(), latest.as_deref());
    let segments = segments(&args.dir).with_context(|| args.dir.display().to_string())?;
    if segments.is_empty() {
        bail!("{}: no segments of an audit log", args.dir.display());
    }
    for (n, (_, path)) in segments.iter().enumerate() {
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        let next = match segments.get(n + 1) {
            Some((_, next)) => header(next).with_context(|| next.display().to_string())?,
            None => None,
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        verifier.segment(&name, &bytes, next.as_ref());
    }
    Ok(verifier.finish())
}

fn key(args: &VerifyArgs) -> anyhow::Result<VerifierKey> {
    let path = match &args.key {
        Some(text) if text.contains('+') && !Path::new(text).exists() => {
            return VerifierKey::parse(text).context("--key");
        }
        Some(path) => PathBuf::from(path),
        None => args.dir.join(VERIFIER_KEY),
    };
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    VerifierKey::parse(&text).with_context(|| path.display().to_string())
}

/// The header of the next segment, if it can be read; its own turn says why not.
fn header(path: &Path) -> std::io::Result<Option<SegmentHeader>> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    File::open(path)?
        .take(HEADER_BYTES as u64)
        .read_to_end(&mut bytes)?;
    Ok(SegmentHeader::decode(&bytes).ok())
}

fn human(args: &VerifyArgs, report: &Report) -> String {
    let mut out = format!(
        "{}: {} records in {} segments, {} under {} signed checkpoints",
        report.status.label(),
        report.size,
        report.segments,
        report.signed_size,
        report.checkpoints,
    );
    if report.torn_bytes > 0 {
        out += &format!(
            "\n  {} bytes of unfinished writes, never acknowledged",
            report.torn_bytes
        );
    }
    if report.clock_steps_back > 0 {
        out += &format!("\n  wall clock went back {} times", report.clock_steps_back);
    }
    for problem in &report.problems {
        let file = if problem.file.is_empty() {
            "log"
        } else {
            problem.file.as_str()
        };
        out += &format!(
            "\n  {}: sequence {}, {} offset {}: {}",
            problem.status.label(),
            problem.seq,
            plain(file),
            problem.offset,
            problem.what,
        );
    }
    if args.key.is_none() {
        out += "\n  note: the key was taken from the log's own directory; give --key to rely on it";
    }
    out
}

fn json_report(report: &Report) -> Value {
    let problems: Vec<Value> = report
        .problems
        .iter()
        .map(|problem| {
            json!({
                "status": problem.status.label(),
                "seq": problem.seq,
                "file": problem.file,
                "offset": problem.offset,
                "what": problem.what,
            })
        })
        .collect();
    json!({
        "status": report.status.label(),
        "first_bad_seq": report.problems.first().map(|problem| problem.seq),
        "records": report.size,
        "root_sha256": report.root.iter().map(|b| format!("{b:02x}")).collect::<String>(),
        "segments": report.segments,
        "signed_records": report.signed_size,
        "checkpoints": report.checkpoints,
        "torn_bytes": report.torn_bytes,
        "superseded_bytes": report.superseded_bytes,
        "clock_steps_back": report.clock_steps_back,
        "problems": problems,
    })
}
