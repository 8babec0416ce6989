//! JSON: strings, numbers, keys, nesting, escapes, split over arrays and objects.

use super::{JSON, expect, expect_at, structured, tool_call, tool_text};
use crate::card::{self, Pan};
use crate::case::{Class, Corpus};
use crate::encode;

const EACH: usize = 30;

pub(super) fn add(corpus: &mut Corpus) {
    values(corpus);
    escapes(corpus);
    split(corpus);
    nested(corpus);
}

fn value_case(
    corpus: &mut Corpus,
    category: &str,
    class: Class,
    value: &str,
    form: &str,
    pan: &Pan,
) {
    let body = if corpus.rng.below(2) == 0 {
        structured(&mut corpus.rng, value)
    } else {
        tool_call(&mut corpus.rng, value)
    };
    let want = expect_at(&body, 0, form, pan);
    corpus.add(category, class, JSON, body, vec![want]);
}

const KEYS: &[&str] = &["card", "pan", "number", "value", "account", "a"];
const MISLEADING: &[&str] = &[
    "imei",
    "trace_id",
    "order_id",
    "phone",
    "timestamp",
    "tracking_number",
    "ean",
    "session",
    "offset",
    "not_a_card",
];

fn values(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let digits = pan.digits.clone();
        let key = KEYS[i % KEYS.len()];
        let grouped = pan.grouped(pan.layout(), if i % 2 == 0 { " " } else { "-" });
        value_case(
            corpus,
            "json/string",
            Class::Core,
            &format!("{{\"{key}\":\"{digits}\",\"n\":1}}"),
            &digits,
            &pan,
        );
        value_case(
            corpus,
            "json/string-grouped",
            Class::Core,
            &format!("{{\"{key}\": \"{grouped}\"}}"),
            &grouped,
            &pan,
        );
        value_case(
            corpus,
            "json/string-in-array",
            Class::Core,
            &format!("{{\"{key}\":[\"x\",\"{digits}\",\"y\"]}}"),
            &digits,
            &pan,
        );
        value_case(
            corpus,
            "json/number",
            Class::Core,
            &format!("{{\"{key}\":{digits},\"n\":1}}"),
            &digits,
            &pan,
        );
        value_case(
            corpus,
            "json/number-in-array",
            Class::Core,
            &format!("{{\"{key}\":[1,{digits},3]}}"),
            &digits,
            &pan,
        );
        let dot = format!("{digits}.{}", ["0", "00", "000"][i % 3]);
        value_case(
            corpus,
            "json/number-dot0",
            Class::Core,
            &format!("{{\"{key}\":{dot}}}"),
            &dot,
            &pan,
        );
        let (head, tail) = digits.split_at(1);
        let exp = format!(
            "{head}.{tail}{}{}",
            ["e", "E", "e+", "E+"][i % 4],
            tail.len()
        );
        value_case(
            corpus,
            "json/number-exponent",
            Class::Core,
            &format!("{{\"{key}\":{exp}}}"),
            &exp,
            &pan,
        );
        let (head, tail) = digits.split_at(3 + i % 10);
        let shift = format!("{head}.{tail}e{}", tail.len());
        value_case(
            corpus,
            "json/number-exponent-shifted",
            Class::Core,
            &format!("{{\"{key}\":{shift}}}"),
            &shift,
            &pan,
        );
        let e0 = format!("{digits}e0");
        value_case(
            corpus,
            "json/number-e0",
            Class::Core,
            &format!("{{\"{key}\":{e0}}}"),
            &e0,
            &pan,
        );
        value_case(
            corpus,
            "json/key",
            Class::Core,
            &format!("{{\"{digits}\":{{\"owner\":\"Ann\"}}}}"),
            &digits,
            &pan,
        );
        value_case(
            corpus,
            "json/key-grouped",
            Class::Core,
            &format!("{{\"{grouped}\":true}}"),
            &grouped,
            &pan,
        );
        let key = MISLEADING[i % MISLEADING.len()];
        value_case(
            corpus,
            "json/misleading-key-grouped",
            Class::Core,
            &format!("{{\"{key}\":\"{grouped}\"}}"),
            &grouped,
            &pan,
        );
        value_case(
            corpus,
            "json/misleading-key",
            Class::Core,
            &format!("{{\"{key}\":\"{digits}\"}}"),
            &digits,
            &pan,
        );
    }
}

fn escapes(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let all = encode::json_u(&pan.digits, i % 2 == 0);
        value_case(
            corpus,
            "json/u-escape-all",
            Class::Core,
            &format!("{{\"card\":\"{all}\"}}"),
            &all,
            &pan,
        );
        let some: String = pan
            .digits
            .chars()
            .map(|c| {
                if corpus.rng.below(3) == 0 {
                    encode::json_u(&c.to_string(), false)
                } else {
                    c.to_string()
                }
            })
            .collect();
        value_case(
            corpus,
            "json/u-escape-some",
            Class::Core,
            &format!("{{\"card\":\"pay {some} now\"}}"),
            &some,
            &pan,
        );
        let joint = ["\\u0020", "\\u002d", "\\u00a0", "\\u2013", "\\u200b"][i % 5];
        let grouped = pan.grouped(pan.layout(), joint);
        value_case(
            corpus,
            "json/u-escape-separator",
            Class::Core,
            &format!("{{\"card\":\"{grouped}\"}}"),
            &grouped,
            &pan,
        );
        let slash = pan.grouped(pan.layout(), "\\/");
        value_case(
            corpus,
            "json/slash-escape",
            Class::Core,
            &format!("{{\"card\":\"{slash}\"}}"),
            &slash,
            &pan,
        );
        let wide = encode::json_u(&encode::script(&pan.digits, 0xFF10), true);
        value_case(
            corpus,
            "json/u-escape-fullwidth",
            Class::Core,
            &format!("{{\"card\":\"{wide}\"}}"),
            &wide,
            &pan,
        );
        let key = encode::json_u(&pan.digits, false);
        value_case(
            corpus,
            "json/u-escape-key",
            Class::Core,
            &format!("{{\"{key}\":1}}"),
            &key,
            &pan,
        );
    }
}

fn split(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let space = ["", " ", "\n  "][i % 3];
        let join = |parts: Vec<String>| format!("[{}]", parts.join(&format!(",{space}")));
        let digit_numbers = join(pan.digits.chars().map(|c| c.to_string()).collect());
        let digit_strings = join(pan.digits.chars().map(|c| format!("\"{c}\"")).collect());
        let groups: Vec<String> = pan
            .grouped(pan.layout(), " ")
            .split(' ')
            .map(str::to_owned)
            .collect();
        let quoted: Vec<String> = groups.iter().map(|g| format!("\"{g}\"")).collect();
        let named: Vec<String> = quoted
            .iter()
            .enumerate()
            .map(|(n, g)| format!("\"part{}\":{space}{g}", n + 1))
            .collect();
        let object = format!("{{{}}}", named.join(&format!(",{space}")));
        for (name, form) in [
            ("split/array-digit-numbers", &digit_numbers),
            ("split/array-digit-strings", &digit_strings),
            ("split/array-group-strings", &join(quoted.clone())),
            ("split/object-groups", &object),
        ] {
            let value = format!("{{\"card\":{form},\"n\":2}}");
            let body = structured(&mut corpus.rng, &value);
            // Where exactly it is reported is the scanner's choice: counted, not located.
            corpus.add(name, Class::Heuristic, JSON, body, vec![expect(&pan)]);
        }
    }
}

fn nested(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let grouped = pan.grouped(pan.layout(), " ");
        let mut inner = match i % 3 {
            0 => format!("{{\"card\":\"{}\",\"ok\":true}}", pan.digits),
            1 => format!("{{\"card\":{},\"ok\":true}}", pan.digits),
            _ => format!("{{\"text\":\"paid with {grouped}\\n\"}}"),
        };
        for depth in 1..=3 {
            let body = tool_text(&mut corpus.rng, &inner);
            let form = if i % 3 == 2 { &grouped } else { &pan.digits };
            let class = if depth == 1 {
                Class::Core
            } else {
                Class::Heuristic
            };
            let want = expect_at(&body, 0, form, &pan);
            corpus.add(
                &format!("json/nested-{depth}"),
                class,
                JSON,
                body,
                vec![want],
            );
            inner = format!("{{\"inner\":\"{}\"}}", encode::json(&inner));
        }
        let escaped = format!("{{\"card\":\"{}\"}}", encode::json_u(&pan.digits, false));
        let body = tool_text(&mut corpus.rng, &escaped);
        corpus.add(
            "json/nested-u-escape",
            Class::Heuristic,
            JSON,
            body,
            vec![expect(&pan)],
        );
        let array: Vec<String> = pan.digits.chars().map(|c| c.to_string()).collect();
        let body = tool_text(
            &mut corpus.rng,
            &format!("{{\"card\":[{}]}}", array.join(",")),
        );
        corpus.add(
            "split/nested-array-digits",
            Class::Heuristic,
            JSON,
            body,
            vec![expect(&pan)],
        );
        let (head, tail) = pan.digits.split_at(1);
        let exp = format!("{head}.{tail}e{}", tail.len());
        let body = tool_text(&mut corpus.rng, &format!("{{\"card\":{exp}}}"));
        corpus.add(
            "json/nested-exponent",
            Class::Heuristic,
            JSON,
            body,
            vec![expect(&pan)],
        );
    }
    for _ in 0..EACH {
        // A text and its structured copy: two places.
        let pan = card::usual(&mut corpus.rng);
        let text = encode::json(&format!("{{\"card\":\"{}\"}}", pan.digits));
        let body = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"{text}\"}}],\"structuredContent\":{{\"card\":\"{}\"}}}}}}",
            pan.digits
        );
        let forms = [pan.digits.clone(), pan.digits.clone()];
        let wants = super::plain::in_order(&body, &forms, &[pan.clone(), pan]);
        corpus.add("json/text-and-structured", Class::Core, JSON, body, wants);
    }
}
