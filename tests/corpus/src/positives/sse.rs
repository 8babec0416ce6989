//! Event streams: in one event, over data lines, over events, cut anywhere.

use super::{JSON, SSE, TEXT, expect, expect_at, tool_text};
use crate::card::{self, Pan};
use crate::case::{Class, Corpus};
use crate::encode;

const EACH: usize = 30;

pub(super) fn add(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let grouped = pan.grouped(pan.layout(), ["-", " "][i % 2]);
        let end = ["\n", "\r\n"][i % 2];
        let form = if i % 3 == 0 { &grouped } else { &pan.digits };
        let message = tool_text(&mut corpus.rng, &format!("paid with {form} today"));
        let body =
            format!("event: message{end}id: {i}{end}data: {message}{end}{end}: ping{end}{end}");
        let want = expect_at(&body, 0, form, &pan);
        corpus.add("sse/one-event", Class::Core, SSE, body, vec![want]);

        let (head, tail) = pan.digits.split_at(4 + i % 9);
        let body = format!("data: {head}{end}data: {tail}{end}{end}");
        corpus.add(
            "sse/data-lines-text",
            Class::Heuristic,
            SSE,
            body,
            vec![expect(&pan)],
        );
        let digits: Vec<String> = pan.digits.chars().map(|c| c.to_string()).collect();
        let (a, b) = digits.split_at(6);
        let body = format!(
            "data: {{\"card\":[{},{end}data: {}]}}{end}{end}",
            a.join(","),
            b.join(",")
        );
        corpus.add(
            "sse/data-lines-array",
            Class::Heuristic,
            SSE,
            body,
            vec![expect(&pan)],
        );
        let body = format!(
            "data: {{\"jsonrpc\":\"2.0\",{end}data: \"card\":\"{form}\",{end}data: \"n\":1}}{end}{end}"
        );
        let want = expect_at(&body, 0, form, &pan);
        corpus.add("sse/data-lines-json", Class::Core, SSE, body, vec![want]);
        events(corpus, i, &pan, &grouped);
        cuts(corpus, &pan, form);
    }
}

/// `text` in `count` pieces, none empty.
fn pieces(corpus: &mut Corpus, text: &str, count: usize) -> Vec<String> {
    let mut at: Vec<usize> = Vec::new();
    while at.len() + 1 < count.min(text.len()) {
        let cut = 1 + corpus.rng.below(text.len() - 1);
        if !at.contains(&cut) && text.is_char_boundary(cut) {
            at.push(cut);
        }
    }
    at.sort_unstable();
    at.push(text.len());
    let mut from = 0;
    at.into_iter()
        .map(|to| {
            let piece = text[from..to].to_owned();
            from = to;
            piece
        })
        .collect()
}

fn events(corpus: &mut Corpus, i: usize, pan: &Pan, grouped: &str) {
    let form = if i.is_multiple_of(2) {
        grouped
    } else {
        &pan.digits
    };
    let text = format!("the card {form} was charged");
    for (name, count) in [("sse/delta-few", 2 + i % 4), ("sse/delta-many", 14)] {
        let body: String = pieces(corpus, &text, count)
            .iter()
            .map(|p| {
                let p = encode::json(p);
                format!("event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{p}\"}}}}\n\n")
            })
            .collect();
        corpus.add(name, Class::Heuristic, SSE, body, vec![expect(pan)]);
    }
    let body: String = pieces(corpus, &text, 3)
        .iter()
        .enumerate()
        .map(|(n, p)| {
            let p = encode::json(p);
            format!("id: {n}\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"level\":\"info\",\"data\":\"{p}\"}}}}\n\n")
        })
        .collect();
    corpus.add(
        "sse/notifications",
        Class::Heuristic,
        SSE,
        body,
        vec![expect(pan)],
    );
    // Two fields grow side by side.
    let other = pieces(corpus, "thinking about what the customer wants to hear", 4);
    let body: String = pieces(corpus, &text, 4)
        .iter()
        .zip(&other)
        .map(|(p, o)| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\",\"reasoning\":\"{}\"}}}}]}}\n\n", encode::json(p), encode::json(o)))
        .collect();
    corpus.add(
        "sse/delta-two-fields",
        Class::Heuristic,
        SSE,
        body,
        vec![expect(pan)],
    );
}

/// Cut at each byte of the number, or in single bytes.
fn cuts(corpus: &mut Corpus, pan: &Pan, form: &str) {
    let text = format!("cut {form} here");
    for (name, carrier, body) in [
        ("cuts/text", TEXT, text.clone()),
        ("cuts/json", JSON, tool_text(&mut corpus.rng, &text)),
        (
            "cuts/number",
            JSON,
            format!("{{\"a\":{},\"b\":2}}", pan.digits),
        ),
        (
            "cuts/escape",
            JSON,
            format!("{{\"a\":\"{}\"}}", encode::json_u(form, false)),
        ),
    ] {
        let escaped = encode::json_u(form, false);
        let form = match name {
            "cuts/number" => &pan.digits,
            "cuts/escape" => &escaped,
            _ => form,
        };
        let want = expect_at(&body, 0, form, pan);
        let (from, to) = want.span.unwrap_or((0, 0));
        corpus.add(name, Class::Core, carrier, body, vec![want]);
        if let Some(case) = corpus.cases.last_mut() {
            case.cuts = (from + 1..to).collect();
        }
    }
}
