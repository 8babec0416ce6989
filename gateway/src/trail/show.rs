//! A record as one line for people, and the filters of `tail`.
//!
//! Text of peers is masked already; control characters are escaped here, so that
//! nothing in a record can speak to the terminal.

use std::collections::HashMap;
use std::collections::VecDeque;

use audit::{Outcome, Record, Verdict};

/// Calls remembered to complete the records of their results.
const CALLS_MAX: usize = 4096;

/// Which records are shown; every given field has to fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Glob over the tool, resource or prompt.
    pub tool: Option<String>,
    /// Glob over the principal's id.
    pub subject: Option<String>,
    /// Glob over the server's name.
    pub server: Option<String>,
    /// Answers of the policy.
    pub decision: Vec<Verdict>,
}

impl Filter {
    /// True when everything is shown.
    pub fn is_empty(&self) -> bool {
        self.tool.is_none()
            && self.subject.is_none()
            && self.server.is_none()
            && self.decision.is_empty()
    }

    /// True when the record is to be shown.
    pub fn matches(&self, record: &Record) -> bool {
        let action = record.action.as_ref();
        let target = action.and_then(|a| a.target.as_ref()).map(|t| t.as_str());
        let subject = record.who.as_ref().map(|who| who.id.as_str());
        let fits = |pattern: &Option<String>, text: Option<&str>| match pattern {
            Some(pattern) => text.is_some_and(|text| glob(pattern, text)),
            None => true,
        };
        let verdict = record.decision.as_ref().map(|decision| decision.verdict);
        fits(&self.tool, target)
            && fits(&self.subject, subject)
            && fits(&self.server, action.map(|a| a.server.as_str()))
            && (self.decision.is_empty() || verdict.is_some_and(|v| self.decision.contains(&v)))
    }
}

/// `*` = any text, `?` = any one character, everything else itself.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on when the text after the last star does not fit.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, from)) = retry else {
                    return false;
                };
                retry = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Completes `mask` and `mcp.result` records from the `mcp.call` of the same call.
#[derive(Default)]
pub struct Joiner {
    calls: HashMap<(u64, u64), Record>,
    order: VecDeque<(u64, u64)>,
}

impl Joiner {
    /// The record with who, action and decision of its call where it has none.
    pub fn complete(&mut self, mut record: Record) -> Record {
        if record.call == 0 {
            return record;
        }
        let key = (record.flow, record.call);
        if let Some(call) = self.calls.get(&key) {
            record.session = record.session.or_else(|| call.session.clone());
            record.who = record.who.or_else(|| call.who.clone());
            record.action = record.action.or_else(|| call.action.clone());
            record.decision = record.decision.or_else(|| call.decision.clone());
        }
        if record.kind == audit::Kind::McpCall {
            let mut kept = record.clone();
            kept.payload = None;
            if self.calls.insert(key, kept).is_none() {
                self.order.push_back(key);
            }
            while self.order.len() > CALLS_MAX {
                if let Some(oldest) = self.order.pop_front() {
                    self.calls.remove(&oldest);
                }
            }
        }
        record
    }
}

/// One line: time, kind, decision, who, server, tool, findings, end, latency.
pub fn line(record: &Record) -> String {
    let action = record.action.as_ref();
    let target = action
        .and_then(|a| a.target.as_ref().or(Some(&a.method)))
        .map(|t| t.as_str());
    let mut out = format!(
        "{}  {:<12} {:<5} {:<20} {:<12} {:<20}",
        time(record.time_unix_ns),
        record.kind.label(),
        record.decision.as_ref().map_or("-", |d| d.verdict.label()),
        plain(record.who.as_ref().map_or("-", |who| who.id.as_str())),
        plain(action.map_or("-", |a| a.server.as_str())),
        plain(target.unwrap_or("-")),
    );
    for finding in &record.findings {
        let done = if finding.masked { "masked" } else { "found" };
        out += &format!(
            " {done} {} {}",
            plain(&finding.brand),
            plain(finding.shown.as_str())
        );
    }
    if let Some(decision) = record
        .decision
        .as_ref()
        .filter(|d| d.verdict != Verdict::Allow)
    {
        let observed = if decision.enforced { "" } else { " (observed)" };
        out += &format!(" {}{observed}", plain(&decision.reason_name));
    }
    if let Some(result) = &record.result {
        if result.outcome != Outcome::Ok {
            out += &format!(" {}", result.outcome.label());
        }
        out += &format!(" {}", latency(result.duration_ns));
    }
    if let Some(note) = &record.note {
        out += &format!(" {}", plain(note.as_str()));
    }
    out.truncate(out.trim_end().len());
    out
}

/// Text with control characters escaped.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Also what reorders text on screen (bidirectional controls).
        match c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

fn latency(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{}us", ns / 1_000),
        1_000_000..10_000_000_000 => format!("{}.{}ms", ns / 1_000_000, ns / 100_000 % 10),
        _ => format!("{}s", ns / 1_000_000_000),
    }
}

/// `2026-11-25T13:31:23.123Z`; the days by the civil calendar (Howard Hinnant's
/// `civil_from_days`).
pub fn time(unix_ns: u64) -> String {
    let (seconds, ms) = (unix_ns / 1_000_000_000, unix_ns / 1_000_000 % 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, fits) in [
            ("lookup_*", "lookup_customer", true),
            ("lookup_*", "delete", false),
            ("*", "", true),
            ("a?c*e", "abcde", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b", "abc", false),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(951_782_400_123_000_000), "2000-02-29T00:00:00.123Z");
        assert_eq!(time(1_798_761_599_999_999_999), "2026-12-31T23:59:59.999Z");
    }

    #[test]
    fn nothing_in_a_record_speaks_to_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\n\u{202e}"), "a\\u{1b}[2Jb\\n\\u{202e}");
    }
}
