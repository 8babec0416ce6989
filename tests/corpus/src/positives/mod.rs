//! Cases with something to find.

mod brands;
mod documents;
mod encoded;
mod json;
mod plain;
mod sad;
mod sse;

use crate::card::Pan;
use crate::case::{Class, Corpus, Expect};
use crate::{Rng, encode};

pub(crate) const JSON: (&str, &str) = ("application/json", "identity");
pub(crate) const TEXT: (&str, &str) = ("text/plain; charset=utf-8", "identity");
pub(crate) const SSE: (&str, &str) = ("text/event-stream", "identity");

pub(crate) fn add(corpus: &mut Corpus) {
    brands::add(corpus);
    plain::add(corpus);
    json::add(corpus);
    encoded::add(corpus);
    documents::add(corpus);
    sse::add(corpus);
    sad::add(corpus);
}

/// A card somewhere in the body.
pub(crate) fn expect(pan: &Pan) -> Expect {
    Expect {
        kind: "pan",
        brands: pan.brands.clone(),
        digits: pan.digits.clone(),
        span: None,
        secret: None,
        maskable: true,
    }
}

/// A card that stands in the body as `form`, first place of it at or after `from`.
pub(crate) fn expect_at(body: &str, from: usize, form: &str, pan: &Pan) -> Expect {
    let at = body
        .get(from..)
        .and_then(|rest| rest.find(form))
        .map(|at| from + at);
    assert!(at.is_some(), "{form} is not in its own body");
    Expect {
        span: at.map(|at| (at, at + form.len())),
        ..expect(pan)
    }
}

/// Sentences that a tool could return; `{}` is the place.
const SENTENCES: &[&str] = &[
    "Customer paid with {} yesterday.",
    "card: {}",
    "The order was charged to {} and shipped.",
    "PAN={}; status=approved",
    "Please refund {}, the amount is 20.50 EUR",
    "{}",
    "note to self: {} (call back before noon)",
    "Zahlung mit {} \u{2014} best\u{e4}tigt",
    "found 1 match:\n  {}\nend of list",
    "payment method \"{}\" is on file",
];

/// A sentence around `form`.
pub(crate) fn sentence(rng: &mut Rng, form: &str) -> String {
    rng.pick(SENTENCES).replace("{}", form)
}

/// A tool result with one text.
pub(crate) fn tool_text(rng: &mut Rng, text: &str) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"{}\"}}],\"isError\":false}}}}",
        rng.below(900) + 1,
        encode::json(text)
    )
}

/// A tool call with these arguments (JSON).
pub(crate) fn tool_call(rng: &mut Rng, arguments: &str) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"tools/call\",\"params\":{{\"name\":\"{}\",\"arguments\":{arguments}}}}}",
        rng.below(900) + 1,
        rng.pick(&["create_refund", "lookup_customer", "run_query", "send_mail"]),
    )
}

/// A structured result (JSON).
pub(crate) fn structured(rng: &mut Rng, value: &str) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"content\":[],\"structuredContent\":{value}}}}}",
        rng.below(900) + 1
    )
}

/// A form in a text: as plain text or in a JSON tool result, spans known.
pub(crate) fn add_text(corpus: &mut Corpus, category: &str, class: Class, form: &str, pan: &Pan) {
    let text = sentence(&mut corpus.rng, form);
    add_line(corpus, category, class, &text, form, pan);
}

/// A given text around the form.
pub(crate) fn add_line(
    corpus: &mut Corpus,
    category: &str,
    class: Class,
    text: &str,
    form: &str,
    pan: &Pan,
) {
    if corpus.rng.below(3) == 0 {
        let want = expect_at(text, 0, form, pan);
        corpus.add(category, class, TEXT, text, vec![want]);
    } else {
        let body = tool_text(&mut corpus.rng, text);
        let want = expect_at(&body, 0, &encode::json(form), pan);
        corpus.add(category, class, JSON, body, vec![want]);
    }
}
