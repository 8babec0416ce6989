//! `panward status`: is the gateway up, ready, and what has it done?

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::admin::{SOCKET_DEFAULT, Status, client};

/// Options of `panward status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Admin socket of the running gateway.
    #[arg(long, value_name = "PATH", default_value = SOCKET_DEFAULT)]
    socket: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How long the gateway has for its answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// Prints the status; exits 1 if the gateway is not ready.
///
/// # Errors
/// No gateway answers on the socket.
pub(super) fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let status = client::status(&args.socket, ANSWER_TIME_MAX)
        .with_context(|| args.socket.display().to_string())?;
    let text = match args.json {
        true => serde_json::to_string_pretty(&status)? + "\n",
        false => human(&status),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(if status.ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn human(status: &Status) -> String {
    let ready = if status.ready { "ready" } else { "NOT READY" };
    let mut lines = vec![format!(
        "panward {} (pid {}) {ready}, up {}",
        status.version,
        status.pid,
        uptime(status.uptime_seconds)
    )];
    for check in &status.checks {
        lines.push(match check.ok {
            true => format!("  {:<12} ok", check.name),
            false => format!("  {:<12} FAILED: {}", check.name, check.why),
        });
    }
    for warning in &status.warnings {
        lines.push(format!("  warning      {warning}"));
    }
    let calls = &status.calls;
    lines.push(format!("connections  {}", status.connections));
    lines.push(format!(
        "calls        {} allowed, {} denied, {} held",
        calls.allow, calls.deny, calls.hold
    ));
    lines.push(format!(
        "findings     {}, {} masked",
        status.findings, status.masked
    ));
    lines.push(format!(
        "audit        {} records in {} commits, {} waiting",
        status.audit.records, status.audit.commits, status.audit.queue
    ));
    for (reason, count) in &status.reasons {
        lines.push(format!("  {reason:<24} {count}"));
    }
    lines.join("\n") + "\n"
}

fn uptime(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::admin::{Call, Metrics, Readiness};

    #[test]
    fn the_text_says_what_is_wrong() {
        let now = SystemTime::now();
        let metrics = Metrics::new("", now);
        metrics.call(Call::Deny);
        metrics.reason(gateway_common::Reason::PolicyForbid);
        let readiness = Readiness::new(&["audit", "policy"]);
        readiness.ok("policy");
        readiness.fail("audit", "disk is full");
        readiness.warn("suppressions", "1 is over: orders".to_owned());
        let mut status = Status::of(&metrics, &readiness, now + Duration::from_secs(3725));
        status.pid = 7;
        status.version = "1.2.3".to_owned();
        assert_eq!(
            human(&status),
            "panward 1.2.3 (pid 7) NOT READY, up 1 h 2 min\n\
             \x20 audit        FAILED: disk is full\n\
             \x20 policy       ok\n\
             \x20 warning      suppressions: 1 is over: orders\n\
             connections  0\n\
             calls        0 allowed, 1 denied, 0 held\n\
             findings     0, 0 masked\n\
             audit        0 records in 0 commits, 0 waiting\n\
             \x20 policy_forbid            1\n"
        );
    }

    #[test]
    fn uptime_is_short() {
        for (seconds, text) in [
            (5, "5 s"),
            (65, "1 min 5 s"),
            (3600, "1 h 0 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(uptime(seconds), text);
        }
    }
}
