//! Named checks that must all be well before traffic is taken.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// One check as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name: `kernel`, `policy`, `audit`, ...
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// Why not, in one line; empty when well.
    pub why: String,
}

/// The checks of one gateway. Those named at the start are unwell until they
/// are set, so that a part that never starts keeps the gateway unready.
#[derive(Debug)]
pub struct Readiness {
    /// `None` = well, `Some` = why not.
    checks: Mutex<BTreeMap<&'static str, Option<String>>>,
    /// What is well and yet not as it should be.
    warnings: Mutex<BTreeMap<&'static str, String>>,
}

impl Readiness {
    /// These checks, none of them well yet.
    pub fn new(names: &[&'static str]) -> Readiness {
        let checks = names
            .iter()
            .map(|name| (*name, Some("not started".to_owned())))
            .collect();
        Readiness {
            checks: Mutex::new(checks),
            warnings: Mutex::default(),
        }
    }

    /// The check is well.
    pub fn ok(&self, name: &'static str) {
        self.lock().insert(name, None);
    }

    /// The check is not well; `why` names the file, field or address.
    pub fn fail(&self, name: &'static str, why: impl Into<String>) {
        let why: String = why.into();
        let line = why.replace(['\r', '\n'], " ");
        self.lock().insert(name, Some(line));
    }

    /// Something to tell the operator that does not make the gateway unready; empty
    /// takes it back.
    pub fn warn(&self, name: &'static str, what: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        match what.is_empty() {
            true => warnings.remove(name),
            false => warnings.insert(name, what),
        };
    }

    /// The warnings, by name.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings
            .iter()
            .map(|(name, what)| format!("{name}: {what}"))
            .collect()
    }

    /// Whether every check is well.
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(Option::is_none)
    }

    /// Every check, by name.
    pub fn checks(&self) -> Vec<Check> {
        self.lock()
            .iter()
            .map(|(name, why)| Check {
                name: (*name).to_owned(),
                ok: why.is_none(),
                why: why.clone().unwrap_or_default(),
            })
            .collect()
    }

    /// One line for each check, in the manner of the Kubernetes API server.
    pub fn verbose(&self) -> String {
        let mut out = String::new();
        for check in self.checks() {
            // Writing to a String cannot fail.
            let _ = match check.ok {
                true => writeln!(out, "[+]{} ok", check.name),
                false => writeln!(out, "[-]{} failed: {}", check.name, check.why),
            };
        }
        out
    }

    /// A panic elsewhere leaves the map whole: one insert is all that is done.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Option<String>>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_all_are_well() {
        let readiness = Readiness::new(&["audit", "policy"]);
        assert!(!readiness.is_ready());
        readiness.ok("audit");
        assert!(!readiness.is_ready());
        readiness.ok("policy");
        assert!(readiness.is_ready());
        readiness.fail("audit", "no space\nleft");
        assert!(!readiness.is_ready());
        assert_eq!(
            readiness.verbose(),
            "[-]audit failed: no space left\n[+]policy ok\n"
        );
    }
}
