//! Counting and the table at the end.

use std::time::Duration;

/// Tests of a suite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Counts {
    /// A suite that is one check.
    pub(crate) fn check(success: bool) -> Self {
        Self {
            passed: usize::from(success),
            failed: usize::from(!success),
            skipped: 0,
        }
    }

    /// Adds a line of libtest, if it is one of its results:
    /// `test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; ...`.
    pub(crate) fn add_line(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in counts.split(';') {
            let mut words = part.split_whitespace();
            let (Some(Ok(number)), Some(what)) =
                (words.next().map(str::parse::<usize>), words.next())
            else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }

    /// Tests that libtest counts as passed but that said they did not run.
    pub(crate) fn move_to_skipped(&mut self, tests: usize) {
        let moved = tests.min(self.passed);
        self.passed -= moved;
        self.skipped += moved;
    }
}

/// How a suite ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ran.
    Ran(Counts),
    /// It could not run here; why.
    Skipped(String),
    /// It did not run where it had to, or ran nothing; why.
    Failed(String),
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) wall: Duration,
}

impl Row {
    fn counts(&self) -> Counts {
        match self.outcome {
            Outcome::Ran(counts) => counts,
            Outcome::Skipped(_) => Counts {
                skipped: 1,
                ..Counts::default()
            },
            Outcome::Failed(_) => Counts {
                failed: 1,
                ..Counts::default()
            },
        }
    }
}

/// All suites of a run.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub(crate) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds something that either works or does not.
    pub(crate) fn check(&mut self, name: &'static str, success: bool, wall: Duration) {
        self.push(Row {
            name,
            outcome: Outcome::Ran(Counts::check(success)),
            wall,
        });
    }

    fn total(&self) -> Counts {
        self.rows
            .iter()
            .map(Row::counts)
            .fold(Counts::default(), |sum, counts| Counts {
                passed: sum.passed + counts.passed,
                failed: sum.failed + counts.failed,
                skipped: sum.skipped + counts.skipped,
            })
    }

    /// Whether anything failed, or nothing ran.
    pub(crate) fn failed(&self) -> bool {
        self.rows.iter().any(|row| row.counts().failed > 0)
    }

    /// Prints the table; the last line is the sum.
    pub(crate) fn print(&self, wall: Duration) {
        println!(
            "\n{:<16} {:>8} {:>7} {:>7} {:>8}",
            "suite", "wall s", "passed", "failed", "skipped"
        );
        for row in &self.rows {
            let counts = row.counts();
            let note = match &row.outcome {
                Outcome::Ran(_) => String::new(),
                Outcome::Skipped(reason) => format!("  skipped: {reason}"),
                Outcome::Failed(reason) => format!("  failed: {reason}"),
            };
            println!(
                "{:<16} {:>8.1} {:>7} {:>7} {:>8}{note}",
                row.name,
                row.wall.as_secs_f64(),
                counts.passed,
                counts.failed,
                counts.skipped
            );
        }
        let total = self.total();
        println!("{:<16} {:>8.1}\n", "all", wall.as_secs_f64());
        println!(
            "{} passed, {} failed, {} skipped",
            total.passed, total.failed, total.skipped
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_add_up_and_others_do_not_count() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 1 passed; 2 failed; 4 ignored; 0 measured; 7 filtered out; finished in 0.01s",
            "test result_lines ... ok",
            "5 passed; 1 failed",
        ] {
            counts.add_line(line);
        }
        assert_eq!(
            counts,
            Counts {
                passed: 4,
                failed: 2,
                skipped: 4
            }
        );
        counts.move_to_skipped(3);
        assert_eq!(
            counts,
            Counts {
                passed: 1,
                failed: 2,
                skipped: 7
            }
        );
    }

    #[test]
    fn one_failure_fails_the_run_and_a_skip_does_not() {
        let mut table = Table::default();
        table.check("fmt", true, Duration::ZERO);
        let outcome = Outcome::Skipped("needs root".to_owned());
        table.push(Row {
            name: "kernel",
            outcome,
            wall: Duration::ZERO,
        });
        assert!(!table.failed());
        assert_eq!(
            table.total(),
            Counts {
                passed: 1,
                failed: 0,
                skipped: 1
            }
        );
        let outcome = Outcome::Failed("no test ran".to_owned());
        table.push(Row {
            name: "kernel",
            outcome,
            wall: Duration::ZERO,
        });
        assert!(table.failed());
    }
}
