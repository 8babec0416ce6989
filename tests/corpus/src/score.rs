//! Asks a scanner about every case and counts, per category.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::{Case, Class, Expect, Rng, decode};

/// A question: one message, cut somewhere.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Content-Type.
    pub content_type: String,
    /// Content-Encoding.
    pub content_encoding: String,
    /// `request` or `response`.
    pub direction: &'static str,
    /// Bytes on the wire.
    pub body: Vec<u8>,
    /// Where to split them.
    pub cuts: Vec<usize>,
}

/// One thing that the scanner found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// `pan`, `track1`, ...
    pub kind: String,
    /// Brand name.
    pub brand: String,
    /// `411111******1111`.
    pub masked: String,
    /// `low`, `medium`, `high`.
    pub confidence: String,
    /// Offsets in the raw body.
    pub span: Option<(u64, u64)>,
}

/// What the scanner says of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// In the order told.
    pub findings: Vec<Found>,
    /// The masked body.
    pub body: Vec<u8>,
    /// `clean`, `masked`, `undecodable`.
    pub verdict: String,
}

/// Something that answers.
pub trait Target {
    /// One answer for each question, in order.
    fn answer(&mut self, asks: &[Ask]) -> anyhow::Result<Vec<Answer>>;
}

/// Counts of one category.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Messages.
    pub cases: usize,
    /// Expected and found.
    pub hits: usize,
    /// Expected and not found.
    pub missed: usize,
    /// Found and not expected.
    pub extra: usize,
    /// Messages whose output or verdict is wrong although the findings are right, by what is wrong.
    pub faults: BTreeMap<&'static str, usize>,
    /// The smallest message with anything wrong, and what.
    pub example: Option<(Vec<u8>, String)>,
    /// Class of its cases.
    pub class: Option<Class>,
}

impl Row {
    /// Of what is there, how much was found.
    pub fn recall(&self) -> f64 {
        ratio(self.hits, self.hits + self.missed)
    }

    /// Of what was found, how much is there.
    pub fn precision(&self) -> f64 {
        ratio(self.hits, self.hits + self.extra)
    }

    /// Messages with a fault.
    pub fn faulty(&self) -> usize {
        self.faults.values().sum()
    }

    /// Does the category reach the goal of its class?
    pub fn passes(&self) -> bool {
        let goal = match self.class {
            Some(Class::Core) => 0.999,
            Some(Class::Negative) => return self.extra == 0 && self.faulty() == 0,
            Some(Class::Apart) | None => return true,
            _ => 0.95,
        };
        let sound = 1.0 - ratio(self.faulty(), self.cases);
        self.recall() >= goal && self.precision() >= goal && (self.faulty() == 0 || sound >= goal)
    }

    fn note(&mut self, case: &Case, what: String) {
        if self
            .example
            .as_ref()
            .is_none_or(|(body, _)| case.body.len() < body.len())
        {
            self.example = Some((case.body.clone(), what));
        }
    }
}

fn ratio(a: usize, b: usize) -> f64 {
    if b == 0 { 1.0 } else { a as f64 / b as f64 }
}

/// Rows by category.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In order of the name.
    pub rows: BTreeMap<String, Row>,
}

impl Report {
    /// Categories below their goal.
    pub fn failing(&self) -> Vec<&str> {
        self.rows
            .iter()
            .filter(|(_, row)| !row.passes())
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// The table, and the smallest failing example of each category below its goal.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{:<34} {:<11} {:>5} {:>5} {:>6} {:>5} {:>7} {:>9}  goal  faults",
            "category", "class", "cases", "hits", "missed", "extra", "recall", "precision"
        );
        for (name, row) in &self.rows {
            let class = row.class.map_or("", Class::name);
            let goal = if row.passes() { "ok" } else { "FAIL" };
            let faults: Vec<String> = row
                .faults
                .iter()
                .map(|(what, n)| format!("{what} {n}"))
                .collect();
            let _ = writeln!(
                out,
                "{name:<34} {class:<11} {:>5} {:>5} {:>6} {:>5} {:>7.4} {:>9.4}  {goal:<4}  {}",
                row.cases,
                row.hits,
                row.missed,
                row.extra,
                row.recall(),
                row.precision(),
                faults.join(", ")
            );
        }
        for class in [
            Class::Core,
            Class::Heuristic,
            Class::Negative,
            Class::Undecodable,
            Class::Apart,
        ] {
            let rows = || self.rows.values().filter(|r| r.class == Some(class));
            let sum = |of: fn(&Row) -> usize| rows().map(of).sum::<usize>();
            let (hits, missed, extra) = (sum(|r| r.hits), sum(|r| r.missed), sum(|r| r.extra));
            let _ = writeln!(
                out,
                "all {:<11} {:>5} cases, recall {:.4}, precision {:.4}, extra {extra}, categories below goal {} of {}",
                class.name(),
                sum(|r| r.cases),
                ratio(hits, hits + missed),
                ratio(hits, hits + extra),
                rows().filter(|r| !r.passes()).count(),
                rows().count()
            );
        }
        out
    }

    /// Smallest example of every category below its goal.
    pub fn examples(&self) -> String {
        let mut out = String::new();
        for (name, row) in self.rows.iter().filter(|(_, row)| !row.passes()) {
            if let Some((body, what)) = &row.example {
                let text: String = String::from_utf8_lossy(&body[..body.len().min(260)])
                    .escape_debug()
                    .collect();
                let _ = writeln!(out, "{name}: {what}\n    {text}");
            }
        }
        out
    }
}

fn ask(case: &Case, cuts: Vec<usize>) -> Ask {
    Ask {
        content_type: case.content_type.clone(),
        content_encoding: case.content_encoding.clone(),
        direction: case.direction,
        body: case.body.clone(),
        cuts,
    }
}

/// Other ways to cut the same body.
fn other_cuts(case: &Case, rng: &mut Rng) -> Vec<Vec<usize>> {
    let len = case.body.len();
    let mut ways = vec![vec![]];
    if len <= 4096 {
        ways.push((1..len).collect());
    }
    for n in [1, 2, 8] {
        let mut cuts: Vec<usize> = (0..n)
            .map(|_| 1 + rng.below(len.saturating_sub(1)))
            .filter(|c| *c < len)
            .collect();
        cuts.sort_unstable();
        cuts.dedup();
        ways.push(cuts);
    }
    ways
}

/// Runs all cases: as given, cut in other ways, and the outputs again.
pub fn run(target: &mut dyn Target, cases: &[Case]) -> anyhow::Result<Report> {
    let asks: Vec<Ask> = cases
        .iter()
        .map(|case| ask(case, case.cuts.clone()))
        .collect();
    let answers = target.answer(&asks)?;
    let mut report = Report::default();
    let mut faults: Vec<Option<&'static str>> = Vec::new();
    for (case, answer) in cases.iter().zip(&answers) {
        let row = report.rows.entry(case.category.clone()).or_default();
        row.class = Some(case.class);
        row.cases += 1;
        faults.push(judge(row, case, answer));
    }
    drop(asks);
    cut_otherwise(target, cases, &answers, &mut faults)?;
    again(target, cases, &answers, &mut faults)?;
    for ((case, answer), fault) in cases.iter().zip(&answers).zip(faults) {
        if let (Some(fault), Some(row)) = (fault, report.rows.get_mut(&case.category)) {
            *row.faults.entry(fault).or_default() += 1;
            row.note(case, format!("{fault}; {}", told(answer)));
        }
    }
    Ok(report)
}

fn cut_otherwise(
    target: &mut dyn Target,
    cases: &[Case],
    answers: &[Answer],
    faults: &mut [Option<&'static str>],
) -> anyhow::Result<()> {
    let mut rng = Rng::new(cases.len() as u64);
    let (mut asks, mut whose) = (Vec::new(), Vec::new());
    for (i, case) in cases.iter().enumerate() {
        for cuts in other_cuts(case, &mut rng) {
            whose.push(i);
            asks.push(ask(case, cuts));
        }
    }
    for (answer, i) in target.answer(&asks)?.iter().zip(whose) {
        if answers.get(i) != Some(answer)
            && let Some(fault) = faults.get_mut(i)
        {
            fault.get_or_insert("cuts matter");
        }
    }
    Ok(())
}

fn again(
    target: &mut dyn Target,
    cases: &[Case],
    answers: &[Answer],
    faults: &mut [Option<&'static str>],
) -> anyhow::Result<()> {
    let (mut asks, mut whose) = (Vec::new(), Vec::new());
    for (i, (case, answer)) in cases.iter().zip(answers).enumerate() {
        if answer.verdict == "masked" && case.maskable() {
            whose.push(i);
            asks.push(Ask {
                body: answer.body.clone(),
                ..ask(case, vec![])
            });
        }
    }
    for ((answer, ask), i) in target.answer(&asks)?.iter().zip(&asks).zip(whose) {
        if let Some(fault) = faults.get_mut(i) {
            if !answer.findings.is_empty() {
                fault.get_or_insert("found again");
            } else if answer.body != ask.body {
                fault.get_or_insert("altered again");
            }
        }
    }
    Ok(())
}

/// Counts one answer; what is wrong with its output where the findings are right.
fn judge(row: &mut Row, case: &Case, answer: &Answer) -> Option<&'static str> {
    if case.class == Class::Undecodable {
        if answer.verdict == "undecodable" {
            row.hits += 1;
        } else {
            row.missed += 1;
            row.note(case, format!("verdict {}", answer.verdict));
        }
        return None;
    }
    let (missed, extra) = compare(&case.expect, &answer.findings);
    row.hits += case.expect.len() - missed.len();
    row.missed += missed.len();
    row.extra += extra.len();
    if !missed.is_empty() || !extra.is_empty() {
        let missed: Vec<&str> = missed.iter().map(|e| e.kind).collect();
        let extra: Vec<String> = extra
            .iter()
            .map(|f| format!("{} {}", f.kind, f.masked))
            .collect();
        row.note(case, format!("missed {missed:?}, extra {extra:?}"));
        return None;
    }
    output_fault(case, answer)
}

fn told(answer: &Answer) -> String {
    let text: String = String::from_utf8_lossy(&answer.body[..answer.body.len().min(260)])
        .escape_debug()
        .collect();
    format!("verdict {}, output {text}", answer.verdict)
}

/// What was expected and not found, and what was found and not expected.
fn compare<'a>(expect: &'a [Expect], found: &'a [Found]) -> (Vec<&'a Expect>, Vec<&'a Found>) {
    let mut open: Vec<&Found> = found.iter().collect();
    let mut missed = Vec::new();
    for want in expect {
        let fits = open.iter().position(|f| {
            same_kind(want.kind, &f.kind) && (is_code(want.kind) || shows(&f.masked, &want.digits))
        });
        match fits {
            Some(at) => drop(open.remove(at)),
            None => missed.push(want),
        }
    }
    (missed, open)
}

fn is_code(kind: &str) -> bool {
    matches!(kind, "cvv" | "pin")
}

fn same_kind(a: &str, b: &str) -> bool {
    a == b || (is_code(a) && is_code(b))
}

/// Is `masked` these digits with some hidden?
pub(crate) fn shows(masked: &str, digits: &str) -> bool {
    masked.len() == digits.len()
        && masked
            .bytes()
            .zip(digits.bytes())
            .all(|(m, d)| !m.is_ascii_digit() || m == d)
}

/// What is wrong with the output, findings being right.
fn output_fault(case: &Case, answer: &Answer) -> Option<&'static str> {
    if case.expect.is_empty() {
        return match () {
            () if answer.body != case.body => Some("clean one altered"),
            () if answer.verdict != "clean" => Some("verdict"),
            () => None,
        };
    }
    if !case.maskable() {
        return None; // told of; whether to hold or deny is the caller's to say
    }
    if answer.verdict != "masked" {
        return Some("verdict");
    }
    if case.expect.iter().zip(&answer.findings).len() == case.expect.len()
        && wrong_brand(case, answer)
    {
        return Some("brand");
    }
    let before = decode::body(&case.body, &case.content_encoding)?;
    let Some(after) = decode::body(&answer.body, &case.content_encoding) else {
        return Some("output does not decode");
    };
    if before.len() != after.len() {
        return Some("length");
    }
    if leaks(case, &before, &after) {
        return Some("leak");
    }
    if case.content_type.starts_with("application/json")
        && decode::shape(&before) != decode::shape(&after)
    {
        return Some("json");
    }
    span_off(case, answer).then_some("span")
}

fn wrong_brand(case: &Case, answer: &Answer) -> bool {
    answer
        .findings
        .iter()
        .filter(|f| !is_code(&f.kind))
        .any(|f| {
            !case
                .expect
                .iter()
                .any(|e| shows(&f.masked, &e.digits) && e.brands.iter().any(|b| *b == f.brand))
        })
}

fn leaks(case: &Case, before: &[u8], after: &[u8]) -> bool {
    case.expect.iter().any(|e| {
        if is_code(e.kind) {
            return e
                .span
                .is_some_and(|(from, to)| before.get(from..to) == after.get(from..to));
        }
        decode::holds(after, &e.digits)
            || e.secret
                .as_ref()
                .is_some_and(|s| decode::holds_text(after, s))
    })
}

/// Only where the digits stand in the body as they are.
fn span_off(case: &Case, answer: &Answer) -> bool {
    case.content_encoding == "identity"
        && case.expect.iter().filter(|e| !is_code(e.kind)).any(|e| {
            let Some((from, to)) = e.span else {
                return false;
            };
            !answer.findings.iter().any(|f| {
                f.span
                    .is_none_or(|(a, b)| (a as usize) < to && (b as usize) > from)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds nothing and alters nothing.
    struct Blind;
    impl Target for Blind {
        fn answer(&mut self, asks: &[Ask]) -> anyhow::Result<Vec<Answer>> {
            let clean = |a: &Ask| Answer {
                body: a.body.clone(),
                verdict: "clean".into(),
                ..Answer::default()
            };
            Ok(asks.iter().map(clean).collect())
        }
    }

    /// Says the right findings and leaves the body as it is.
    struct Leaky(BTreeMap<Vec<u8>, Vec<Found>>);
    impl Target for Leaky {
        fn answer(&mut self, asks: &[Ask]) -> anyhow::Result<Vec<Answer>> {
            let say = |a: &Ask| Answer {
                findings: self.0.get(&a.body).cloned().unwrap_or_default(),
                body: a.body.clone(),
                verdict: "masked".into(),
            };
            Ok(asks.iter().map(say).collect())
        }
    }

    #[test]
    fn a_blind_scanner_fails_all_but_the_negatives() {
        let cases = crate::generate(4);
        let report = run(&mut Blind, &cases).unwrap();
        for (name, row) in &report.rows {
            let idle = matches!(row.class, Some(Class::Negative | Class::Apart));
            assert_eq!(row.passes(), idle, "{name}");
        }
    }

    #[test]
    fn a_leak_is_seen() {
        let cases: Vec<Case> = crate::generate(4)
            .into_iter()
            .filter(|c| c.class == Class::Core && c.expect.iter().all(|e| !is_code(e.kind)))
            .collect();
        let found = |e: &Expect| Found {
            kind: e.kind.into(),
            brand: e.brands[0].into(),
            masked: format!(
                "{}{}",
                "*".repeat(e.digits.len() - 4),
                &e.digits[e.digits.len() - 4..]
            ),
            confidence: "high".into(),
            span: e.span.map(|(a, b)| (a as u64, b as u64)),
        };
        let known = cases
            .iter()
            .map(|c| (c.body.clone(), c.expect.iter().map(found).collect()))
            .collect();
        let report = run(&mut Leaky(known), &cases).unwrap();
        for (name, row) in &report.rows {
            assert_eq!((row.missed, row.extra), (0, 0), "{name}");
            assert_eq!(
                row.faults.get("leak"),
                Some(&row.cases),
                "{name} {:?}",
                row.faults
            );
        }
    }

    #[test]
    fn masked_forms() {
        assert!(shows("411111******1111", "4111111111111111"));
        assert!(!shows("411111******1112", "4111111111111111"));
        assert!(!shows("************111", "4111111111111111"));
    }
}
