//! One suppression as a file: what serde reads and writes, and its checks.

use std::path::{Path, PathBuf};

use engine::{Numbers, Suppression, fold_path};
use serde::{Deserialize, Serialize};

use super::date::parse_time;

/// Longest time of a suppression.
const TIME_NS_MAX: u64 = 366 * 86_400 * 1_000_000_000;
/// Longest reason.
const REASON_BYTES_MAX: usize = 500;

/// Why a suppression was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum SuppressError {
    /// The folder or a file.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// What it says is not a suppression.
    #[error("{}: {message}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

/// The file as written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    server: String,
    tool: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown: Option<String>,
    #[serde(default)]
    high: bool,
    until: String,
    created: String,
    by: String,
    reason: String,
}

/// One suppression with who made it and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its scope and end.
    pub rule: Suppression,
    /// Who wrote it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, in nanoseconds since 1970.
    pub created_ns: u64,
}

impl Entry {
    /// Which numbers, as they may be shown.
    pub fn number(&self) -> &str {
        match &self.rule.numbers {
            Numbers::Iin(iin) => iin,
            Numbers::One { shown, .. } => shown,
        }
    }

    /// Reads a file's text; its name without `.toml` is the id.
    ///
    /// # Errors
    /// What is wrong with it, with the file's name.
    pub fn parse(path: &Path, text: &str) -> Result<Entry, SuppressError> {
        let fail = |message: String| SuppressError::Content {
            path: path.to_owned(),
            message,
        };
        let raw: Raw = toml::from_str(text).map_err(|e| fail(e.message().to_owned()))?;
        let id = path.file_stem().and_then(|stem| stem.to_str());
        let entry = entry(id.unwrap_or_default(), raw).map_err(|m| fail(m.to_owned()))?;
        entry.check().map_err(|message| fail(message.to_owned()))?;
        Ok(entry)
    }

    /// What every suppression must be, however it was made.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub fn check(&self) -> Result<(), &'static str> {
        let rule = &self.rule;
        let is_id = (1..=64).contains(&rule.id.len())
            && rule
                .id
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        let path_is_good = rule
            .path
            .as_ref()
            .is_none_or(|p| p.starts_with('$') && fold_path(p) == *p);
        let number_is_good = match &rule.numbers {
            Numbers::Iin(iin) => iin.len() == 6 && iin.bytes().all(|b| b.is_ascii_digit()),
            Numbers::One { shown, .. } => shown.contains('*'),
        };
        let time = rule.until_ns.saturating_sub(self.created_ns);
        match () {
            () if !is_id => Err("the name must be 1 to 64 of a-z, 0-9, - and _"),
            () if rule.server.is_empty() => Err("server must not be empty"),
            () if rule.tool.is_empty() => Err("tool must not be empty"),
            () if !path_is_good => Err("path must begin with $ and have [*] for indexes"),
            () if !number_is_good => Err("iin must be six digits, shown a masked number"),
            () if time == 0 => Err("until must be later than created"),
            () if time > TIME_NS_MAX => Err("until must be within 366 days of created"),
            () if self.by.is_empty() => Err("by must not be empty"),
            () if self.reason.trim().is_empty() => Err("reason must not be empty"),
            () if self.reason.len() > REASON_BYTES_MAX => Err("reason is longer than 500 bytes"),
            () => Ok(()),
        }
    }

    /// The file's text.
    pub fn to_toml(&self) -> String {
        let rule = &self.rule;
        let (iin, fingerprint, shown) = match &rule.numbers {
            Numbers::Iin(iin) => (Some(iin.clone()), None, None),
            Numbers::One { fingerprint, shown } => {
                let hex = fingerprint.iter().map(|b| format!("{b:02x}")).collect();
                (None, Some(hex), Some(shown.clone()))
            }
        };
        let raw = Raw {
            server: rule.server.clone(),
            tool: rule.tool.clone(),
            path: rule.path.clone(),
            iin,
            fingerprint,
            shown,
            high: rule.even_high,
            until: crate::trail::show::time(rule.until_ns),
            created: crate::trail::show::time(self.created_ns),
            by: self.by.clone(),
            reason: self.reason.clone(),
        };
        toml::to_string(&raw).expect("strings and a boolean are TOML")
    }
}

fn entry(id: &str, raw: Raw) -> Result<Entry, &'static str> {
    let numbers = match (raw.iin, raw.fingerprint, raw.shown) {
        (Some(iin), None, None) => Numbers::Iin(iin),
        (None, Some(hex), Some(shown)) => Numbers::One {
            fingerprint: bytes(&hex).ok_or("fingerprint must be 64 hexadecimal digits")?,
            shown,
        },
        _ => return Err("must have either iin, or fingerprint and shown"),
    };
    let time = |text: &str| parse_time(text).ok_or("a time must be as in 2027-01-31T12:00:00Z");
    Ok(Entry {
        rule: Suppression {
            id: id.to_owned(),
            server: raw.server,
            tool: raw.tool,
            path: raw.path,
            numbers,
            even_high: raw.high,
            until_ns: time(&raw.until)?,
        },
        created_ns: time(&raw.created)?,
        by: raw.by,
        reason: raw.reason,
    })
}

fn bytes(hex: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (n, slot) in out.iter_mut().enumerate() {
        *slot = u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(out)
}
