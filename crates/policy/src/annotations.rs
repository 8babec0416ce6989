//! Annotations of a policy: what panward reads from them, and what it refuses.

use std::sync::Arc;

use cedar_policy::Effect;

use crate::{MaskRule, Obligations};

/// What the annotations of one policy say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Annotations {
    pub(crate) id: Option<String>,
    pub(crate) approve: bool,
    pub(crate) obligations: Obligations,
    pub(crate) reason: Option<Arc<str>>,
    pub(crate) owner: Option<Arc<str>>,
}

/// Longest `@id`, `@owner`, `@reason`, in bytes.
const ID_BYTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 256;

/// Reads the annotations of one policy.
///
/// # Errors
/// A message for each annotation that is unknown or has a value or a place
/// where it would do nothing.
pub(crate) fn read<'a>(
    effect: Effect,
    annotations: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Annotations, Vec<String>> {
    let mut read = Annotations::default();
    let mut problems = Vec::new();
    let mut sorted: Vec<_> = annotations.collect();
    sorted.sort_unstable();
    for (key, value) in sorted {
        if let Err(problem) = read.take(effect, key, value) {
            problems.push(problem);
        }
    }
    if problems.is_empty() {
        Ok(read)
    } else {
        Err(problems)
    }
}

impl Annotations {
    fn take(&mut self, effect: Effect, key: &str, value: &str) -> Result<(), String> {
        if effect == Effect::Forbid && matches!(key, "decision" | "mask" | "on_finding") {
            return Err(format!(
                "@{key} on a forbid does nothing: put it on the permit"
            ));
        }
        match (key, value) {
            ("id", _) => self.id = Some(checked_id(value)?),
            ("decision", "approve") => self.approve = true,
            ("mask", "on") => {}
            ("mask", "off") => {
                self.obligations.mask_request = MaskRule::Off;
                self.obligations.mask_response = MaskRule::Off;
            }
            ("mask", "request") => self.obligations.mask_response = MaskRule::Off,
            ("mask", "response") => self.obligations.mask_request = MaskRule::Off,
            ("on_finding", "block") => self.obligations.block_on_finding = true,
            ("on_finding", "mask") => {}
            ("reason", _) => self.reason = Some(checked_text("reason", value)?),
            ("owner", _) => self.owner = Some(checked_text("owner", value)?),
            ("decision", _) => return Err(expected("decision", "\"approve\"")),
            ("mask", _) => {
                return Err(expected(
                    "mask",
                    "\"on\", \"off\", \"request\" or \"response\"",
                ));
            }
            ("on_finding", _) => return Err(expected("on_finding", "\"block\" or \"mask\"")),
            _ => {
                return Err(format!(
                    "unknown annotation @{key}: known are @id, @decision, @mask, @on_finding, \
                     @reason, @owner"
                ));
            }
        }
        Ok(())
    }
}

fn expected(key: &str, values: &str) -> String {
    format!("@{key} must be {values}")
}

/// An id is a plain word with a letter in it, so that `file#id` cannot be taken
/// for `file#3` and never needs quoting.
fn checked_id(value: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let good = value.len() <= ID_BYTES_MAX
        && value.chars().all(plain)
        && value.chars().any(|c| c.is_ascii_alphabetic());
    if good {
        Ok(value.to_owned())
    } else {
        Err(format!(
            "@id must be 1 to {ID_BYTES_MAX} letters, digits, `-`, `_`, `.`, with a letter"
        ))
    }
}

/// Shown to clients and operators: one line of bounded length.
fn checked_text(key: &str, value: &str) -> Result<Arc<str>, String> {
    if value.is_empty() || value.len() > TEXT_BYTES_MAX || value.chars().any(char::is_control) {
        return Err(format!(
            "@{key} must be one line of 1 to {TEXT_BYTES_MAX} bytes"
        ));
    }
    Ok(Arc::from(value))
}
