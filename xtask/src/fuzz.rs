//! `cargo xtask fuzz`: builds every fuzz target with libFuzzer and runs each for a while.
//!
//! With the compiler of the workspace: coverage comes from LLVM's own pass, which rustc
//! takes as a code generation option, so that neither nightly nor cargo-fuzz is needed.
//! What a target learns stays in `target/fuzz/corpus`; an input that breaks one is kept in
//! `fuzz/artifacts`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use crate::{checkout, process};

/// Arguments of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Targets; all of them by default.
    targets: Vec<String>,
    /// Seconds for each target.
    #[arg(long, default_value_t = 60, conflicts_with = "long")]
    seconds: u32,
    /// Ten minutes for each target.
    #[arg(long)]
    long: bool,
}

/// Feedback for libFuzzer; assertions and overflow checks stay in, since a panic is what
/// is looked for.
const FLAGS: &[&str] = &[
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // Branches stay branches, so that each side counts.
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
    "-Coverflow-checks",
];

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let targets = choose(&targets()?, &args.targets)?;
    let seconds = if args.long { 600 } else { args.seconds };
    ensure!(
        process::succeeds(Command::new("c++").arg("--version")),
        "libFuzzer is C++: apt-get install g++"
    );
    println!("fuzz: {} targets, {seconds} s each", targets.len());
    let fuzz = checkout::target_dir()?.join("fuzz");
    let programs = build(&fuzz)?;
    let (next, broken) = (Mutex::new(targets.iter()), Mutex::new(Vec::new()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(targets.len()) {
            scope.spawn(|| {
                while let Some(target) = next.lock().ok().and_then(|mut next| next.next()) {
                    match fuzz_one(&programs, &fuzz, target, seconds) {
                        Ok(line) => println!("fuzz: {target}: {line}"),
                        Err(error) => {
                            println!("fuzz: {target}: {error:#}");
                            if let Ok(mut broken) = broken.lock() {
                                broken.push(target);
                            }
                        }
                    }
                }
            });
        }
    });
    let failed = broken
        .into_inner()
        .map_or(targets.len(), |broken| broken.len());
    // The line that `cargo xtask test` counts.
    let word = if failed == 0 { "ok" } else { "FAILED" };
    let passed = targets.len() - failed;
    println!("test result: {word}. {passed} passed; {failed} failed; 0 ignored");
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Names of all targets, from their files.
fn targets() -> anyhow::Result<Vec<String>> {
    let files = checkout::tracked_files()?;
    let names = files
        .iter()
        .filter(|path| path.starts_with("fuzz/fuzz_targets"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    Ok(names.collect())
}

fn choose(all: &[String], named: &[String]) -> anyhow::Result<Vec<String>> {
    ensure!(!all.is_empty(), "there is no fuzz target");
    for name in named {
        ensure!(
            all.contains(name),
            "no target {name}; there are {}",
            all.join(", ")
        );
    }
    Ok(if named.is_empty() { all } else { named }.to_vec())
}

/// Builds all targets; gives their folder. Their lock file keeps versions where they are
/// and takes in a new dependency of our crates by itself.
fn build(fuzz: &Path) -> anyhow::Result<PathBuf> {
    let said = process::output(Command::new("rustc").arg("-vV"))?;
    let host = said
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc -vV names no host")?;
    let mut cargo = checkout::cargo();
    cargo.env("CARGO_TARGET_DIR", fuzz);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    // With a target, so that the flags are not those of build scripts.
    cargo.args(["build", "--release", "--bins", "--target", host]);
    cargo.args(["--manifest-path", "fuzz/Cargo.toml"]);
    process::pass_through(&mut cargo)?;
    Ok(fuzz.join(host).join("release"))
}

/// Runs a target; gives what it did in a line.
fn fuzz_one(programs: &Path, fuzz: &Path, target: &str, seconds: u32) -> anyhow::Result<String> {
    let learned = fuzz.join("corpus").join(target);
    let artifacts = checkout::root().join("fuzz/artifacts").join(target);
    for folder in [&learned, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let log_path = fuzz.join(format!("{target}.log"));
    let log = fs::File::create(&log_path).context("make the log")?;
    let mut command = Command::new(programs.join(target));
    command
        .arg(&learned)
        .arg(checkout::root().join("fuzz/corpus").join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let started = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("start {target}"))?;
    let text = String::from_utf8_lossy(&fs::read(&log_path)?).into_owned();
    ensure!(
        status.success(),
        "{status}; {}; all of it: {}",
        complaint(&text),
        log_path.display()
    );
    let runs = stat(&text, "number_of_executed_units").context("it executed nothing")?;
    ensure!(runs > 0, "it executed nothing");
    Ok(format!(
        "{runs} inputs in {:.0} s, coverage {}",
        started.elapsed().max(Duration::from_secs(1)).as_secs_f64(),
        coverage(&text).context("no coverage: is it instrumented?")?
    ))
}

/// A number of libFuzzer's final statistics: `stat::NAME: 123`.
fn stat(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (found, value) = line.strip_prefix("stat::")?.split_once(':')?;
        (found == name).then(|| value.trim().parse().ok())?
    })
}

/// Edges seen: the number after the last `cov: `.
fn coverage(text: &str) -> Option<u64> {
    let (_, rest) = text.rsplit_once(" cov: ")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The lines that say what is wrong.
fn complaint(text: &str) -> String {
    let wanted = |line: &&str| {
        [
            "panicked at",
            "ERROR: libFuzzer",
            "Test unit written to",
            "SUMMARY",
        ]
        .iter()
        .any(|word| line.contains(word))
    };
    let lines: Vec<&str> = text.lines().filter(wanted).collect();
    if lines.is_empty() {
        text.lines().last().unwrap_or("it said nothing").to_owned()
    } else {
        lines.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb
#9000\tDONE   cov: 345 ft: 400 corp: 20/1Kb lim: 4096 exec/s: 4500 rss: 60Mb
stat::number_of_executed_units: 9000
stat::average_exec_per_sec:     4500
";

    #[test]
    fn figures_are_read_from_the_log() {
        assert_eq!(stat(LOG, "number_of_executed_units"), Some(9000));
        assert_eq!(stat(LOG, "peak_rss_mb"), None);
        assert_eq!(coverage(LOG), Some(345));
        assert_eq!(coverage("nothing"), None);
    }

    #[test]
    fn a_complaint_has_the_lines_that_matter() {
        let text = "a\nthread panicked at x.rs:1:2:\nb\n==1== ERROR: libFuzzer: deadly signal\n";
        let said = complaint(text);
        assert!(said.contains("x.rs:1:2") && said.contains("deadly") && !said.contains('\n'));
        assert_eq!(complaint("one\nlast"), "last");
    }

    #[test]
    fn every_target_by_default_and_only_known_ones_by_name() -> anyhow::Result<()> {
        let all = ["a".to_owned(), "b".to_owned()];
        assert_eq!(choose(&all, &[])?, all);
        assert_eq!(choose(&all, &all[1..])?, ["b"]);
        assert!(choose(&all, &["c".to_owned()]).is_err());
        Ok(())
    }
}
