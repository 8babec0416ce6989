//! `panward scan`: card numbers in files, folders and standard input, masked in what
//! is printed.
//!
//! [`files`] walks and streams, [`target`] writes masked copies, [`report`] prints,
//! [`batch`] is the line-by-line mode. Memory does not grow with the input, but for
//! the list of files of a folder.

mod batch;
mod files;
mod progress;
mod report;
mod target;

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use panscan::{Scanner, Settings};

use progress::Progress;
use report::Report;

const EXIT_CODES: &str = "\
Exit codes: 0 nothing found, 1 something found (with --jsonl: or undecodable), 2 an input
or output failed (with --jsonl: or a line was bad).

Each line for --jsonl: {\"id\",\"content_type\",\"content_encoding\",\"direction\",
\"body_base64\",\"cuts\":[offsets]}; each answer, in the same order: {\"id\",\"findings\":[{\"kind\",
\"brand\",\"masked\",\"confidence\",\"path\",\"span\":[start,end]}],\"body_base64\",\"verdict\":
\"clean|masked|undecodable\"}, or {\"line\",\"error\"}.";

/// Find card numbers in files, folders or standard input.
///
/// Prints a table of what was found (kind, brand, masked number, confidence, offset,
/// file) and a summary; never a card number. Files ending in .json, .jsonl and
/// .ndjson are read as JSON, all others as text, binary ones too. A progress bar is
/// shown on a terminal.
///
/// What is packed (gzip, zstd, zip, xlsx, docx, PDF) is looked into; what cannot be read
/// whole is an error.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Args {
    /// Files and folders (walked, symbolic links in them not followed); `-` is
    /// standard input, which is also the default.
    #[arg(value_name = "PATH", default_value = "-")]
    pub paths: Vec<PathBuf>,
    /// One JSON object for each line.
    #[arg(long)]
    pub json: bool,
    /// Write masked copies: of a single file or standard input to this file, of
    /// folders and several files into this folder. Nothing is written over, unless
    /// this is the input itself: then files with findings are replaced.
    #[arg(long, value_name = "OUT")]
    pub mask: Option<PathBuf>,
    /// Batch mode: one message a line, from one file or standard input.
    #[arg(long, conflicts_with_all = ["json", "mask"])]
    pub jsonl: bool,
}

/// Runs the command on the process's own streams.
pub(super) fn run(args: &Args) -> ExitCode {
    let progress = Progress::on_terminal();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let streams = Streams {
        stdin: &mut io::stdin().lock(),
        out: &mut out,
        // Not locked: the progress bar is there too.
        err: &mut io::stderr(),
    };
    scan(args, streams, &progress)
}

/// What the command reads and writes beside files.
struct Streams<'a> {
    stdin: &'a mut dyn Read,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

/// Runs the command; inputs that fail are told, and the others still scanned.
fn scan(args: &Args, streams: Streams<'_>, progress: &Progress) -> ExitCode {
    let scanner = Scanner::new(Settings::default());
    let Streams { stdin, out, err } = streams;
    let mut report = Report::new(&scanner, args.json, out, err, progress);
    let result = match args.jsonl {
        true => batch::run(&args.paths, stdin, &mut report),
        false => files::run(args, stdin, &mut report).and_then(|()| report.summary()),
    };
    if let Err(error) = result {
        report.error(&error);
    }
    progress.end();
    match (report.totals.errors, report.totals.findings) {
        (1.., _) => ExitCode::from(2),
        (_, 1..) => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests;
