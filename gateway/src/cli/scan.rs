//! `panward scan`: card numbers in files or standard input, masked in what is printed.
//!
//! Streams in reads of [`READ_BYTES`]; memory does not grow with the input. File
//! names are masked too: a number can be in one.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use panscan::{Carrier, Finding, Scanner, Settings, Stream};

/// Find card numbers in files or standard input.
///
/// Prints one line for each finding (file, offset, kind, brand, masked number,
/// confidence) and a summary; never a card number. Files ending in .json, .jsonl and
/// .ndjson are read as JSON, all others as text.
///
/// Exit codes: 0 nothing found, 1 something found, 2 an input or output failed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files and folders (walked, symbolic links in them not followed); `-` is
    /// standard input, which is also the default.
    #[arg(value_name = "PATH", default_value = "-")]
    pub paths: Vec<PathBuf>,
    /// One JSON object for each line.
    #[arg(long)]
    pub json: bool,
    /// Write the input, masked, to this new file. Only with a single input.
    #[arg(long, value_name = "OUT")]
    pub mask: Option<PathBuf>,
}

/// Runs the command on the process's own streams.
pub(super) fn run(args: &Args) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    scan(
        args,
        &mut io::stdin().lock(),
        &mut out,
        &mut io::stderr().lock(),
    )
}

/// Runs the command; inputs that fail are told on `err`, and the others still scanned.
fn scan(args: &Args, stdin: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let mut scan = Scan {
        scanner: Scanner::new(Settings::default()),
        json: args.json,
        out,
    };
    let mut totals = Totals::default();
    let result = scan
        .inputs(args, stdin, &mut totals, err)
        .and_then(|()| scan.summary(&totals));
    if let Err(error) = result {
        totals.errors += 1;
        // Nothing is left to tell a failing standard error to.
        let _ = writeln!(err, "panward: {}", scan.hide(&format!("{error:#}")));
    }
    match totals {
        Totals { errors: 1.., .. } => ExitCode::from(2),
        Totals { findings: 1.., .. } => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    }
}

#[derive(Default)]
struct Totals {
    inputs: u64,
    bytes: u64,
    findings: u64,
    errors: u64,
}

struct Scan<'a> {
    scanner: Scanner,
    json: bool,
    out: &'a mut dyn Write,
}

impl Scan<'_> {
    fn inputs(
        &mut self,
        args: &Args,
        stdin: &mut dyn Read,
        totals: &mut Totals,
        err: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let mut mask = match (&args.mask, args.paths.as_slice()) {
            (None, _) => None,
            (Some(out), [one]) if !one.is_dir() => {
                let file = File::create_new(out);
                Some(file.with_context(|| format!("cannot create {}", out.display()))?)
            }
            (Some(_), _) => bail!("--mask takes a single file or standard input"),
        };
        for path in &args.paths {
            let mut files = Vec::new();
            let walked = walk(path, &mut files);
            for file in &files {
                let result = self.file(file, stdin, mask.as_mut(), totals);
                if let Err(error) = result {
                    totals.errors += 1;
                    writeln!(err, "panward: {}", self.hide(&format!("{error:#}")))?;
                }
            }
            if let Err(error) = walked {
                totals.errors += 1;
                writeln!(err, "panward: {}", self.hide(&format!("{error:#}")))?;
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: &Path,
        stdin: &mut dyn Read,
        mask: Option<&mut File>,
        totals: &mut Totals,
    ) -> anyhow::Result<()> {
        let name = self.hide(&path.display().to_string());
        totals.inputs += 1;
        if path == Path::new("-") {
            return self
                .input(&name, Carrier::Text, stdin, mask, totals)
                .context(name);
        }
        let mut file = File::open(path).with_context(|| name.clone())?;
        self.input(&name, carrier(path), &mut file, mask, totals)
            .context(name)
    }

    /// One input from its first to its last byte.
    fn input(
        &mut self,
        name: &str,
        carrier: Carrier,
        input: &mut dyn Read,
        mut mask: Option<&mut File>,
        totals: &mut Totals,
    ) -> anyhow::Result<()> {
        let mut st = Stream::new(carrier);
        // Bytes that are not released yet, then the read.
        let mut buf = vec![0u8; panscan::HOLD_BYTES_MAX + READ_BYTES];
        let (mut held, mut released) = (0, 0u64);
        loop {
            let read = match input.read(&mut buf[held..held + READ_BYTES]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            let mut found = Vec::new();
            let sink = &mut |finding| found.push(finding);
            let release = match read {
                0 => self.scanner.finish(&mut st, sink),
                _ => self.scanner.scan(&mut st, &buf[held..held + read], sink),
            };
            let end = held + read;
            for finding in &found {
                let span = (finding.start - released) as usize..(finding.end - released) as usize;
                if let Some(span) = buf.get_mut(span).filter(|_| finding.masked) {
                    span.copy_from_slice(finding.replacement());
                }
                self.line(name, finding)?;
            }
            totals.findings += found.len() as u64;
            totals.bytes += read as u64;
            let out = (release - released) as usize;
            if let Some(mask) = mask.as_deref_mut() {
                mask.write_all(&buf[..out])
                    .context("cannot write the masked file")?;
            }
            buf.copy_within(out..end, 0);
            (held, released) = (end - out, release);
            if read == 0 {
                return Ok(());
            }
        }
    }

    fn line(&mut self, name: &str, f: &Finding) -> io::Result<()> {
        if self.json {
            let line = serde_json::json!({
                "file": name, "offset": f.start, "length": f.end - f.start,
                "kind": f.kind.name(), "brand": f.brand.name(), "shown": f.shown().as_str(),
                "confidence": f.confidence.name(), "test_pan": f.test_pan,
            });
            return writeln!(self.out, "{line}");
        }
        let (kind, brand, sure) = (f.kind.name(), f.brand.name(), f.confidence.name());
        let test = if f.test_pan { " test" } else { "" };
        writeln!(
            self.out,
            "{name}:{}: {kind} {brand} {} {sure}{test}",
            f.start,
            f.shown()
        )
    }

    fn summary(&mut self, t: &Totals) -> anyhow::Result<()> {
        if self.json {
            let line = serde_json::json!({
                "findings": t.findings, "inputs": t.inputs, "bytes": t.bytes, "errors": t.errors,
            });
            writeln!(self.out, "{line}")?;
        } else {
            let plural = |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
            let (found, inputs) = (plural(t.findings, "finding"), plural(t.inputs, "input"));
            writeln!(self.out, "{found} in {inputs}, {}", plural(t.bytes, "byte"))?;
        }
        self.out.flush().context("cannot write the report")
    }

    /// A name or message with card numbers masked and control characters replaced.
    fn hide(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        self.scanner
            .mask_in_place(Carrier::Text, &mut bytes, &mut |_| ());
        let text = String::from_utf8_lossy(&bytes);
        text.chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect()
    }
}

fn carrier(path: &Path) -> Carrier {
    match path.extension().and_then(|e| e.to_str()) {
        Some("json" | "jsonl" | "ndjson") => Carrier::Json,
        _ => Carrier::Text,
    }
}

/// The files below `path`, in order of their names; what can be read of them on error.
fn walk(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path == Path::new("-") || !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut first_error = Ok(());
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).and_then(|e| e.collect::<io::Result<Vec<_>>>());
        let entries = match entries.with_context(|| folder.display().to_string()) {
            Ok(entries) => entries,
            Err(error) => {
                first_error = first_error.and(Err(error));
                continue;
            }
        };
        for entry in entries {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {} // links, sockets, devices: not the content of this folder
            }
        }
    }
    files.sort();
    first_error
}

/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &Args, stdin: &[u8]) -> (ExitCode, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = scan(args, &mut &stdin[..], &mut out, &mut err);
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (code, text(out), text(err))
    }

    fn args(paths: &[&Path]) -> Args {
        let paths = paths.iter().map(|p| p.to_path_buf()).collect();
        Args {
            paths,
            json: false,
            mask: None,
        }
    }

    #[test]
    fn standard_input_lines_and_exit_codes() {
        let stdin = args(&[Path::new("-")]);
        let (code, out, err) = run(&stdin, b"pay 4111 1111 1111 1111 now");
        assert_eq!(code, ExitCode::from(1));
        assert_eq!(
            out,
            "-:4: pan visa 411111******1111 high test\n1 finding in 1 input, 27 bytes\n"
        );
        assert!(err.is_empty());
        let (code, out, _) = run(&stdin, b"nothing");
        assert_eq!(code, ExitCode::SUCCESS);
        assert_eq!(out, "0 findings in 1 input, 7 bytes\n");
    }

    #[test]
    fn masks_a_stream_across_reads_at_the_same_length() {
        let dir = tempfile::tempdir().expect("a folder");
        let (input, output) = (dir.path().join("in.txt"), dir.path().join("out.txt"));
        // A number across the edge of each read.
        let mut text = "x".repeat(READ_BYTES - 8);
        for _ in 0..5 {
            text += " 4111111111111111 ";
            text += &"y".repeat(READ_BYTES - 18);
        }
        std::fs::write(&input, &text).expect("written");
        let args = Args {
            mask: Some(output.clone()),
            ..args(&[&input])
        };
        let (code, out, _) = run(&args, b"");
        assert_eq!(code, ExitCode::from(1));
        assert!(out.ends_with(&format!("5 findings in 1 input, {} bytes\n", text.len())));
        let masked = std::fs::read_to_string(&output).expect("read");
        assert_eq!(masked, text.replace("4111111111111111", "411111******1111"));
        // An existing file is never written over, the input least of all.
        let (code, _, err) = run(&args, b"");
        assert_eq!(code, ExitCode::from(2));
        assert!(err.contains("out.txt"), "{err}");
    }

    #[test]
    fn json_files_stay_json_and_reports_are_json_lines() {
        let dir = tempfile::tempdir().expect("a folder");
        let (input, output) = (dir.path().join("in.json"), dir.path().join("out.json"));
        std::fs::write(&input, r#"{"n":4111111111111111,"s":"378282246310005"}"#).expect("written");
        let args = Args {
            json: true,
            mask: Some(output.clone()),
            ..args(&[&input])
        };
        let (code, out, _) = run(&args, b"");
        assert_eq!(code, ExitCode::from(1));
        let masked = std::fs::read(&output).expect("read");
        let masked: serde_json::Value = serde_json::from_slice(&masked).expect("JSON");
        assert_eq!(masked["n"], 4_111_110_000_001_111u64);
        assert_eq!(masked["s"], "378282*****0005");
        let lines: Vec<serde_json::Value> = out
            .lines()
            .map(|l| serde_json::from_str(l).expect("JSON"))
            .collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(
            (&lines[0]["shown"], &lines[1]["brand"]),
            (&"411111******1111".into(), &"amex".into())
        );
        assert_eq!(lines[2]["findings"], 2);
    }

    #[test]
    fn names_are_masked_and_a_failing_input_does_not_stop_the_others() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("4111111111111111");
        std::fs::create_dir_all(folder.join("b")).expect("made");
        std::fs::write(folder.join("a"), "5555555555554444").expect("written");
        std::fs::write(folder.join("b/c"), "6011111111111117").expect("written");
        let missing = dir.path().join("no-4111111111111111");
        let (code, out, err) = run(&args(&[&missing, &folder]), b"");
        assert_eq!(code, ExitCode::from(2));
        assert!(err.contains("no-411111******1111"), "{err}");
        assert_eq!(out.lines().count(), 3, "{out}");
        assert!(out.contains("411111******1111/b/c:0: pan discover 601111******1117 high test"));
        for number in ["4111111111111111", "5555555555554444", "6011111111111117"] {
            assert!(!out.contains(number) && !err.contains(number));
        }
        let args = Args {
            mask: Some(dir.path().join("out")),
            ..args(&[&folder])
        };
        assert_eq!(run(&args, b"").0, ExitCode::from(2));
    }
}
