//! What a run ran on: enough to judge its figures, nothing that names the machine.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Facts for the head of a record.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Model and, for x86, family and model number.
    pub cpu: String,
    /// Version of the kernel.
    pub kernel: String,
    /// Commit of the checkout; with `+` where files differ from it.
    pub commit: String,
    /// Day, UTC.
    pub date: String,
    /// Load average of the last minute at the start.
    pub load: String,
}

impl Machine {
    /// This one, now.
    pub fn here() -> Machine {
        let line = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let load = line("/proc/loadavg");
        Machine {
            cpu: cpu(&line("/proc/cpuinfo")),
            kernel: line("/proc/sys/kernel/osrelease").trim().to_owned(),
            commit: commit(),
            date: today(),
            load: load.split(' ').next().unwrap_or("?").to_owned(),
        }
    }
}

fn cpu(info: &str) -> String {
    let field = |name: &str| {
        let line = info
            .lines()
            .find(|line| line.split(':').next().map(str::trim) == Some(name));
        line.and_then(|line| line.split(':').nth(1)).map(str::trim)
    };
    let (family, model) = (field("cpu family"), field("model"));
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
    let core = match (field("vendor_id"), number(family), number(model)) {
        (Some("AuthenticAMD"), 26, _) => ", Zen 5",
        (Some("AuthenticAMD"), 25, 0x10..=0x1F | 0x60..=0x7F | 0xA0..=0xAF) => ", Zen 4",
        (Some("AuthenticAMD"), 25, _) => ", Zen 3",
        _ => "",
    };
    match (field("model name"), family, model) {
        (Some(name), Some(family), Some(model)) => {
            format!("{name} (family {family}, model {model}{core})")
        }
        _ => std::env::consts::ARCH.to_owned(),
    }
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    // The record itself may differ.
    let changes = git(&["status", "--porcelain", "--", ":/", ":!/benches/record"]);
    match changes.as_deref() {
        Some("") => commit,
        _ => commit + "+",
    }
}

fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    date(now.map_or(0, |now| now.as_secs() / 86_400))
}

/// Day of the Gregorian calendar, counted from 1970-01-01.
fn date(day: u64) -> String {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let (mut year, mut rest) = (1970, day);
    while rest >= 365 + u64::from(leap(year)) {
        rest -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < days {
            break;
        }
        rest -= days;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (day, text) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_453, "2025-12-31"),
            (20_454, "2026-01-01"),
        ] {
            assert_eq!(date(day), text);
        }
    }

    #[test]
    fn cpu_of_an_info() {
        let info =
            "vendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n";
        assert_eq!(cpu(info), "AMD EPYC (family 26, model 2, Zen 5)");
        let info = info.replace("26", "25").replace(": 2\n", ": 17\n");
        assert_eq!(cpu(&info), "AMD EPYC (family 25, model 17, Zen 4)");
        assert_eq!(cpu(""), std::env::consts::ARCH);
    }
}
