//! `panward suppress`: an exception for numbers that only look like a card, tried on
//! what was recorded before it is written.

use std::collections::BTreeSet;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use engine::{Numbers, Sighting, Suppression, fold_path};
use panscan::{Carrier, Scanner};

use crate::config::Config;
use crate::proxy::clock;
use crate::suppress::{self, Entry, seconds_of};
use crate::trail::found;
use crate::trail::show::{plain, time};

/// Longest line that is read from standard input.
const LINE_BYTES_MAX: u64 = 256;

const NOTES: &str = "\
First shows how many recorded findings it would have covered, then asks. It writes one
file into scan.suppressions; a reload (SIGHUP) puts it in force, and the audit log then
says who, what, until when and why. What it covers is still recorded. Track data,
verification codes and HTTP heads are never covered. To end one, remove its file and
reload.

Exit codes: 0 written, 1 not written.";

/// Leaves certain numbers of one tool as they are, for a time, and records it.
///
/// First shows how many recorded findings it would have covered, then asks. It
/// writes one file into the folder `scan.suppressions`; a reload (SIGHUP) puts it in
/// force, and the audit log then says who, what, until when and why. Findings that
/// it covers are still recorded. Track data and card verification codes are never
/// covered, and neither is anything in a head. To end one, remove its file and
/// reload.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub struct SuppressArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/panward/panward.toml")]
    config: PathBuf,
    /// Server, by its name in the configuration.
    #[arg(long)]
    server: String,
    /// Tool, resource or prompt.
    #[arg(long)]
    tool: String,
    /// Place in the message as `panward findings` shows it, such as
    /// `$.result.structuredContent.orders[*].id`. Without it: anywhere in requests
    /// and answers of the tool.
    #[arg(long)]
    path: Option<String>,
    /// Numbers that begin with these six digits.
    #[arg(long, value_name = "SIX_DIGITS", conflicts_with = "number")]
    iin: Option<String>,
    /// One number, read from the first line of standard input (an argument would be
    /// seen in the process list). Kept as a keyed hash.
    #[arg(long, required_unless_present = "iin")]
    number: bool,
    /// Also numbers of high confidence: card groupings, and 15 or 16 digits of a
    /// major brand. They are most likely cards.
    #[arg(long)]
    high: bool,
    /// For how long, such as 90d or 12h; at most 366d.
    #[arg(long = "for", value_name = "TIME", default_value = "90d")]
    time: String,
    /// Why; goes into the audit log.
    #[arg(long)]
    reason: String,
    /// Name of the suppression and its file; made up when not given.
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// Try it on the last N days of the audit log.
    #[arg(long, value_name = "N", default_value_t = 30)]
    days: u64,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Runs the command.
pub(super) fn run(args: &SuppressArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    let scanner = Scanner::new(crate::app::scan_settings(&config));
    let entry = entry(args, &config, &scanner)?;
    let trial = try_on(&config.audit.dir, args.days, &entry.rule)?;
    let mut out = io::stdout().lock();
    trial.tell(&mut out, args, &entry)?;
    if !args.yes && !confirmed(&mut out)? {
        writeln!(out, "Not written.")?;
        return Ok(ExitCode::FAILURE);
    }
    let file = suppress::create(&config.scan.suppressions, &entry)?;
    writeln!(
        out,
        "Wrote {}. In force after a reload: systemctl reload panward",
        file.display()
    )?;
    Ok(ExitCode::SUCCESS)
}

fn confirmed(out: &mut impl Write) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        writeln!(out, "Nobody to ask: --yes writes it.")?;
        return Ok(false);
    }
    write!(out, "Write it? [y/N] ")?;
    out.flush()?;
    Ok(matches!(line()?.as_str(), "y" | "Y" | "yes"))
}

fn line() -> io::Result<String> {
    let mut line = String::new();
    io::Read::take(io::stdin().lock(), LINE_BYTES_MAX).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn entry(args: &SuppressArgs, config: &Config, scanner: &Scanner) -> anyhow::Result<Entry> {
    if config.server(&args.server).is_none() {
        bail!(
            "{}: no server {}",
            config.file.display(),
            plain(&args.server)
        );
    }
    let created_ns = clock::now().wall_ns;
    let seconds = seconds_of(&args.time).context("--for must be as in 90d, 12h, 30m")?;
    let numbers = match &args.iin {
        Some(_) if config.scan.mask == crate::config::MaskForm::Last4 => {
            bail!("--iin: scan.mask = \"last4\" shows no first six digits; use --number")
        }
        Some(iin) => Numbers::Iin(iin.clone()),
        None => one_number(&line()?, &config.scan.suppressions, scanner)?,
    };
    let entry = Entry {
        rule: Suppression {
            id: args.id.clone().unwrap_or_else(|| made_up(created_ns)),
            server: args.server.clone(),
            tool: args.tool.clone(),
            path: args.path.as_deref().map(fold_path),
            numbers,
            even_high: args.high,
            until_ns: created_ns.saturating_add(seconds.saturating_mul(1_000_000_000)),
        },
        by: who(),
        reason: masked(scanner, &args.reason),
        created_ns,
    };
    match entry.check() {
        Ok(()) => Ok(entry),
        Err(message) => bail!("{message}"),
    }
}

/// The number's keyed hash, and how it is shown.
fn one_number(number: &str, dir: &Path, scanner: &Scanner) -> anyhow::Result<Numbers> {
    let mut bytes = number.as_bytes().to_vec();
    let mut found = Vec::new();
    scanner.mask_in_place(Carrier::Text, &mut bytes, &mut |finding| {
        found.push(finding)
    });
    match found.as_slice() {
        [one] if one.kind == panscan::Kind::Pan => Ok(Numbers::One {
            fingerprint: suppress::key(dir)?.fingerprint(number.as_bytes()),
            shown: one.shown().to_string(),
        }),
        _ => bail!("--number: the first line of standard input is not one number that is found"),
    }
}

/// Nobody should have to think of a name.
fn made_up(created_ns: u64) -> String {
    let digits = time(created_ns).replace(|c: char| !c.is_ascii_digit(), "");
    format!("s{digits}")
}

fn who() -> String {
    let uid = rustix::process::getuid().as_raw();
    match std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")) {
        Ok(name) => format!("uid {uid} ({})", plain(&name)),
        Err(_) => format!("uid {uid}"),
    }
}

fn masked(scanner: &Scanner, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    scanner.mask_in_place(Carrier::Text, &mut bytes, &mut |_| ());
    plain(&String::from_utf8_lossy(&bytes))
}

/// What a suppression would have covered.
#[derive(Debug, Default)]
struct Trial {
    covered: u64,
    test_pans: u64,
    /// Different masked numbers among the covered.
    numbers: BTreeSet<String>,
    /// In scope but for their high confidence.
    high: u64,
    /// Of the same tool, not covered.
    others: u64,
}

fn try_on(dir: &Path, days: u64, rule: &Suppression) -> anyhow::Result<Trial> {
    let mut trial = Trial::default();
    let even_high = Suppression {
        even_high: true,
        ..rule.clone()
    };
    let read = found::findings(dir, super::findings::since(days), &mut |record, finding| {
        let Some(action) = &record.action else { return };
        let Some(target) = &action.target else { return };
        let seen = Sighting {
            server: &action.server,
            tool: target.as_str(),
            path: finding.path.as_ref().map(|p| p.as_str()),
            kind: &finding.kind,
            confidence: &finding.confidence,
            shown: finding.shown.as_str(),
        };
        trial.add(rule, &even_high, &seen, finding.test_pan);
    });
    match read {
        // A new gateway has no log yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(trial),
        read => read
            .map(|()| trial)
            .with_context(|| dir.display().to_string()),
    }
}

impl Trial {
    fn add(
        &mut self,
        rule: &Suppression,
        even_high: &Suppression,
        seen: &Sighting<'_>,
        test: bool,
    ) {
        if rule.fits(seen) {
            self.covered += 1;
            self.test_pans += u64::from(test);
            if self.numbers.len() < 1000 {
                self.numbers.insert(seen.shown.to_owned());
            }
        } else if even_high.fits(seen) {
            self.high += 1;
        } else if rule.server == seen.server && rule.tool == seen.tool {
            self.others += 1;
        }
    }

    fn tell(&self, out: &mut impl Write, args: &SuppressArgs, entry: &Entry) -> io::Result<()> {
        let rule = &entry.rule;
        let (days, covered) = (args.days, self.covered);
        let up_to = match rule.numbers {
            Numbers::One { .. } => "up to ",
            Numbers::Iin(_) => "",
        };
        writeln!(
            out,
            "In the last {days} days it would have covered {up_to}{covered} findings ({} different masked \
             numbers, {} published test numbers); {} others of this tool stay masked.",
            self.numbers.len(),
            self.test_pans,
            self.others + self.high
        )?;
        for shown in self.numbers.iter().take(5) {
            writeln!(out, "  {}", plain(shown))?;
        }
        if self.high > 0 {
            writeln!(
                out,
                "{} more are of high confidence, most likely cards: only --high covers them.",
                self.high
            )?;
        }
        if rule.even_high {
            writeln!(
                out,
                "It covers numbers of high confidence: cards at this place will pass unmasked."
            )?;
        }
        writeln!(
            out,
            "{}: server {}, tool {}, path {}, number {}, until {}",
            rule.id,
            plain(&rule.server),
            plain(&rule.tool),
            plain(rule.path.as_deref().unwrap_or("any")),
            entry.number(),
            time(rule.until_ns)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_tells_apart_what_is_covered() {
        let rule = Suppression {
            id: "orders".into(),
            server: "crm".into(),
            tool: "list_orders".into(),
            path: Some("$.id".into()),
            numbers: Numbers::Iin("305693".into()),
            even_high: false,
            until_ns: 1,
        };
        let even_high = Suppression {
            even_high: true,
            ..rule.clone()
        };
        let seen = Sighting {
            server: "crm",
            tool: "list_orders",
            path: Some("$.id"),
            kind: "pan",
            confidence: "medium",
            shown: "305693****5904",
        };
        let mut trial = Trial::default();
        for (seen, test) in [
            (seen, true),
            (seen, false),
            (
                Sighting {
                    confidence: "high",
                    ..seen
                },
                false,
            ),
            (Sighting { path: None, ..seen }, false),
            (
                Sighting {
                    tool: "other",
                    ..seen
                },
                false,
            ),
        ] {
            trial.add(&rule, &even_high, &seen, test);
        }
        assert_eq!(
            (trial.covered, trial.test_pans, trial.high, trial.others),
            (2, 1, 1, 1)
        );
        assert_eq!(trial.numbers.len(), 1);
    }

    #[test]
    fn one_number_is_kept_as_its_hash() {
        let dir = tempfile::tempdir().expect("a folder");
        let scanner = Scanner::new(panscan::Settings::default());
        let numbers = one_number("3056 930902 5904", dir.path(), &scanner).expect("found");
        let text = format!("{numbers:?}");
        assert!(
            text.contains("305693****5904") && !text.contains("30569309025904"),
            "{text}"
        );
        for other in ["", "1234", "30569309025904 378282246310005"] {
            let error = one_number(other, dir.path(), &scanner).expect_err("refused");
            assert!(!format!("{error:#}").contains("378282246310005"));
        }
    }
}
