//! Drives a program that reads questions as JSON lines and answers in the same order:
//! `panward scan --jsonl`, or any other that speaks the same format.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::score::{Answer, Ask, Found, Target};

/// A program and its arguments; started anew for each batch.
#[derive(Debug)]
pub struct Program {
    /// What to run.
    pub path: std::path::PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Target for Program {
    fn answer(&mut self, asks: &[Ask]) -> anyhow::Result<Vec<Answer>> {
        let mut child = Command::new(&self.path)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} does not start", self.path.display()))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (stdin, stdout) = (stdin.context("no stdin")?, stdout.context("no stdout")?);
        let answers = std::thread::scope(|scope| {
            let feed = scope.spawn(move || -> std::io::Result<()> {
                let mut to = BufWriter::new(stdin);
                for (i, ask) in asks.iter().enumerate() {
                    writeln!(to, "{}", line(i, ask))?;
                }
                to.flush()
            });
            let read: anyhow::Result<Vec<Answer>> = BufReader::new(stdout)
                .lines()
                .enumerate()
                .map(|(i, line)| read(i, &line?))
                .collect();
            let fed = feed.join().unwrap_or(Ok(()));
            read.and_then(|answers| fed.map(|()| answers).context("the program stopped reading"))
        });
        let status = child.wait()?;
        let answers = answers?;
        ensure!(
            answers.len() == asks.len(),
            "{} answers to {} lines ({status})",
            answers.len(),
            asks.len()
        );
        Ok(answers)
    }
}

/// The other end: reads questions, writes the target's answers. For tests of the
/// format, and for asking the library from other languages.
pub fn serve(
    target: &mut dyn Target,
    from: impl BufRead,
    mut to: impl Write,
) -> anyhow::Result<()> {
    for line in from.lines() {
        let value: Value = serde_json::from_str(&line?)?;
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let cuts = value["cuts"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let ask = Ask {
            content_type: text("content_type"),
            content_encoding: text("content_encoding"),
            direction: if text("direction") == "request" {
                "request"
            } else {
                "response"
            },
            body: STANDARD.decode(text("body_base64"))?,
            cuts: cuts
                .iter()
                .filter_map(Value::as_u64)
                .map(|c| c as usize)
                .collect(),
        };
        for answer in target.answer(&[ask])? {
            let findings: Vec<Value> = answer
                .findings
                .iter()
                .map(|f| {
                    json!({
                        "kind": f.kind, "brand": f.brand, "masked": f.masked,
                        "confidence": f.confidence, "span": f.span.map(|(a, b)| [a, b]),
                    })
                })
                .collect();
            let said = json!({
                "id": value["id"], "findings": findings, "verdict": answer.verdict,
                "body_base64": STANDARD.encode(&answer.body),
            });
            writeln!(to, "{said}")?;
        }
    }
    Ok(to.flush()?)
}

fn line(id: usize, ask: &Ask) -> Value {
    json!({
        "id": id.to_string(), "content_type": ask.content_type,
        "content_encoding": ask.content_encoding, "direction": ask.direction,
        "body_base64": STANDARD.encode(&ask.body), "cuts": ask.cuts,
    })
}

fn read(id: usize, line: &str) -> anyhow::Result<Answer> {
    let value: Value =
        serde_json::from_str(line).with_context(|| format!("answer {id} is not JSON"))?;
    if value["id"].as_str() != Some(id.to_string().as_str()) {
        bail!("answer {id} has the id {}", value["id"]);
    }
    let text = |of: &Value, key: &str| of[key].as_str().unwrap_or_default().to_owned();
    let findings = value["findings"].as_array().context("no findings")?;
    Ok(Answer {
        findings: findings
            .iter()
            .map(|f| Found {
                kind: text(f, "kind"),
                brand: text(f, "brand"),
                masked: text(f, "masked"),
                confidence: text(f, "confidence"),
                span: f["span"][0].as_u64().zip(f["span"][1].as_u64()),
            })
            .collect(),
        body: STANDARD.decode(value["body_base64"].as_str().context("no body_base64")?)?,
        verdict: text(&value, "verdict"),
    })
}
