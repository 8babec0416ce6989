//! What the scanner has to reach, and whether it did.

use crate::corpus::Corpus;
use crate::peers::names;
use crate::run::Row;

/// Goal on one kind of text.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// GB/s of CPU time; binds on the machine it was set on (a Zen 5 core).
    pub gigabytes: f64,
    /// A peer, and how many times as fast; binds on any machine.
    pub times: &'static [(&'static str, f64)],
}

/// The goal on this kind of text.
pub fn goal(kind: Corpus) -> Goal {
    match kind {
        Corpus::Prose => Goal {
            gigabytes: 30.0,
            times: &[(names::SEPARATED, 1.1)],
        },
        Corpus::Mcp(_) => Goal {
            gigabytes: 12.0,
            times: &[(names::SEPARATED, 8.0), (names::VALIDATED, 16.0)],
        },
        Corpus::Dense(_) => Goal {
            gigabytes: 4.0,
            times: &[(names::BARE, 5.0)],
        },
        _ => Goal {
            gigabytes: 2.0,
            times: &[(names::BARE, 3.0)],
        },
    }
}

/// Whether a goal was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// It was.
    Yes,
    /// It was not.
    No,
    /// It was not, and so many times the peer's speed is more than reading the text allows: none
    /// could.
    Ceiling,
    /// The peer is not there.
    Unknown,
}

impl Met {
    /// One word for the table.
    pub fn word(self) -> &'static str {
        match self {
            Met::Yes => "yes",
            Met::No => "NO",
            Met::Ceiling => "NO, memory",
            Met::Unknown => "?",
        }
    }
}

/// Was the absolute goal reached?
pub fn met_gigabytes(row: &Row) -> Met {
    match row.gigabytes(names::STREAM) {
        Some(ours) if ours >= goal(row.kind).gigabytes => Met::Yes,
        Some(_) => Met::No,
        None => Met::Unknown,
    }
}

/// Was so many times this peer's speed reached?
pub fn met_times(row: &Row, peer: &str, times: f64) -> Met {
    let (Some(reached), Some(theirs)) = (row.times(peer), row.gigabytes(peer)) else {
        return Met::Unknown;
    };
    if reached >= times {
        return Met::Yes;
    }
    match theirs * times > row.ceiling() {
        true => Met::Ceiling,
        false => Met::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::Role;
    use crate::run::Column;

    /// 1 GB, ours in `ours` seconds, the peer in 1, reading it in 0.1.
    fn row(kind: Corpus, ours: f64, peer: &'static str) -> Row {
        let column = |name, role, cpu: f64| Column {
            name,
            role,
            found: 0,
            cpu,
            wall: cpu,
            times: cpu / ours,
        };
        Row {
            kind,
            bytes: 1_000_000_000,
            digits: 0.0,
            plain: 0,
            encoded: 0,
            problem: None,
            columns: vec![
                column(names::STREAM, Role::Scanner, ours),
                column(peer, Role::Detector, 1.0),
                column("read", Role::Ceiling, 0.1),
            ],
        }
    }

    #[test]
    fn reached_short_of_it_and_out_of_reach() {
        let fast = row(Corpus::Dense(0), 0.19, names::BARE);
        assert_eq!(met_gigabytes(&fast), Met::Yes);
        assert_eq!(met_times(&fast, names::BARE, 5.0), Met::Yes);
        let slow = row(Corpus::Dense(0), 0.3, names::BARE);
        assert_eq!(met_gigabytes(&slow), Met::No);
        assert_eq!(met_times(&slow, names::BARE, 5.0), Met::No);
        assert_eq!(met_times(&slow, names::BARE, 11.0), Met::Ceiling);
        assert_eq!(met_times(&slow, names::SEPARATED, 1.0), Met::Unknown);
    }
}
