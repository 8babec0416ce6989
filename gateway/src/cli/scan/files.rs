//! Files, folders and standard input, streamed in reads of [`READ_BYTES`].

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use panscan::{Carrier, Finding, Stream};

use super::Args;
use super::report::{Report, hide};
use super::target::{Copy, Target};

/// Bytes of one read.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// Scans every input; one that fails is told, and the others are still scanned.
pub(super) fn run(
    args: &Args,
    stdin: &mut dyn Read,
    report: &mut Report<'_>,
) -> anyhow::Result<()> {
    let target = Target::new(args.mask.as_deref(), &args.paths)?;
    let mut inputs = Vec::new();
    for path in &args.paths {
        let mut files = Vec::new();
        if let Err(error) = walk(path, &mut files) {
            report.error(&error);
        }
        inputs.push((path, files));
    }
    let sizes = inputs
        .iter()
        .flat_map(|(_, files)| files)
        .map(|(_, size)| size);
    report.progress.begin(sizes.sum());
    for (root, files) in &inputs {
        for (file, _) in files {
            if let Err(error) = self::file(root, file, stdin, &target, report) {
                report.error(&error);
            }
        }
    }
    Ok(())
}

fn file(
    root: &Path,
    path: &Path,
    stdin: &mut dyn Read,
    target: &Target,
    report: &mut Report<'_>,
) -> anyhow::Result<()> {
    let name = hide(report.scanner, &path.display().to_string());
    report.progress.input(&name);
    report.totals.inputs += 1;
    if path == Path::new("-") {
        let copy = target.copy(root, path)?;
        return input(&name, Carrier::Text, stdin, copy, report).context(name);
    }
    let mut file = File::open(path).with_context(|| name.clone())?;
    let copy = target.copy(root, path)?;
    input(&name, carrier(path), &mut file, copy, report).context(name)
}

/// One input from its first to its last byte.
fn input(
    name: &str,
    carrier: Carrier,
    input: &mut dyn Read,
    mut copy: Option<Copy>,
    report: &mut Report<'_>,
) -> anyhow::Result<()> {
    let mut st = Stream::new(carrier);
    // Bytes that are not released yet (the scanner bounds them), then the read.
    let mut buf = Vec::new();
    let (mut held, mut released, mut findings) = (0, 0u64, 0u64);
    loop {
        buf.resize(held + READ_BYTES, 0);
        let read = match input.read(&mut buf[held..held + READ_BYTES]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let mut found = Vec::new();
        let sink = &mut |finding| found.push(finding);
        let release = match read {
            0 => report.scanner.finish(&mut st, sink),
            _ => report.scanner.scan(&mut st, &buf[held..held + read], sink),
        };
        let end = held + read;
        for finding in &found {
            report.finding(name, finding)?;
            if finding.masked {
                paint(&mut buf, released, finding);
            } else if !finding.maskable() && copy.take().is_some() {
                report.error(&anyhow!("{name}: no masked copy: a card number stands where it cannot be masked in place ({})", finding.via));
            }
        }
        findings += found.len() as u64;
        report.totals.bytes += read as u64;
        report.progress.read(read);
        let out = (release - released) as usize;
        if let Some(copy) = &mut copy {
            copy.write(&buf[..out])?;
        }
        buf.copy_within(out..end, 0);
        (held, released) = (end - out, release);
        if read == 0 {
            if let Some(why) = st.undecodable() {
                bail!("not read whole: {why}");
            }
            return copy.map_or(Ok(()), |copy| copy.finish(findings));
        }
    }
}

/// Masks a finding in `buf`, which begins at offset `released` of the input.
fn paint(buf: &mut [u8], released: u64, finding: &Finding) {
    let Some(start) = finding.start.checked_sub(released) else {
        return;
    };
    let (start, replacement) = (start as usize, finding.replacement());
    if let Some(span) = buf.get_mut(start..start + replacement.len()) {
        span.copy_from_slice(replacement);
    }
}

fn carrier(path: &Path) -> Carrier {
    match path.extension().and_then(|e| e.to_str()) {
        Some("json" | "jsonl" | "ndjson") => Carrier::Json,
        _ => Carrier::Text,
    }
}

/// The files below `path` with their sizes, in order of their names; what can be
/// read of them on error. A name given is taken whatever it is, and a link given is
/// followed; below a folder only plain files are taken.
fn walk(path: &Path, files: &mut Vec<(PathBuf, u64)>) -> anyhow::Result<()> {
    if path == Path::new("-") || !path.is_dir() {
        let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        files.push((path.to_owned(), size));
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
            match entry.metadata() {
                Ok(data) if data.is_dir() => folders.push(entry.path()),
                Ok(data) if data.is_file() => files.push((entry.path(), data.len())),
                _ => {} // links, sockets, devices: not the content of this folder
            }
        }
    }
    files.sort();
    first_error
}
