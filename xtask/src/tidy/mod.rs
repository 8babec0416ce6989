//! `cargo xtask tidy`: what the compiler does not check.
//!
//! Borders between crates, where `unsafe` may be, text that must not be in a public
//! repository, corpora of fuzz targets, the eBPF object and the hash of its sources,
//! reasons for dependencies; long files are pointed out.

mod borders;
mod corpora;
mod dependencies;
mod text;
mod unsafe_code;

use std::process::ExitCode;

use crate::{checkout, ebpf};

/// A rule that is broken, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Broken {
    place: String,
    rule: String,
}

impl Broken {
    fn new(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            rule: rule.into(),
        }
    }
}

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let files = checkout::tracked_files()?;
    let mut broken = borders::check()?;
    broken.extend(corpora::check(&files));
    broken.extend(dependencies::check()?);
    if let Err(error) = ebpf::check_hashes() {
        broken.push(Broken::new("gateway-ebpf/object", format!("{error:#}")));
    }
    let mut checked = 0;
    for path in &files {
        let Ok(content) = std::fs::read_to_string(checkout::root().join(path)) else {
            continue; // binary: an eBPF object, a corpus file
        };
        checked += 1;
        broken.extend(text::check(path, &content));
        broken.extend(unsafe_code::check(path, &content));
        if let Some(lines) = text::long(path, &content) {
            println!(
                "note: {}: {lines} lines of code: is there a second idea in it?",
                path.display()
            );
        }
    }
    for Broken { place, rule } in &broken {
        println!("{place}: {rule}");
    }
    println!("tidy: {checked} files, {} broken rules", broken.len());
    Ok(if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
