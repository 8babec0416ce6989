//! Plain text: contiguous, separated, glued, in tables, logs, code, URLs.

use super::{JSON, TEXT, add_line, add_text, expect_at, sentence, tool_text};
use crate::card::{self, Pan};
use crate::case::{Class, Corpus, Expect};
use crate::encode;

const EACH: usize = 24;

/// What stands between groups.
const JOINTS: &[(&str, &str)] = &[
    ("space", " "),
    ("dash", "-"),
    ("dot", "."),
    ("slash", "/"),
    ("double-space", "  "),
    ("nbsp", "\u{a0}"),
    ("narrow-nbsp", "\u{202f}"),
    ("figure-space", "\u{2007}"),
    ("thin-space", "\u{2009}"),
    ("ideographic-space", "\u{3000}"),
    ("en-dash", "\u{2013}"),
    ("em-dash", "\u{2014}"),
    ("hyphen", "\u{2010}"),
    ("nb-hyphen", "\u{2011}"),
    ("minus", "\u{2212}"),
];

const INVISIBLE: &[(&str, char)] = &[
    ("zwsp", '\u{200b}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("word-joiner", '\u{2060}'),
    ("bom", '\u{feff}'),
    ("soft-hyphen", '\u{ad}'),
];

const LAYOUTS: &[(&str, &[usize], usize)] = &[
    ("4-4-4-4", &[4, 4, 4, 4], 16),
    ("4-6-5", &[4, 6, 5], 15),
    ("4-6-4", &[4, 6, 4], 14),
    ("8-8", &[8, 8], 16),
    ("6-10", &[6, 10], 16),
    ("pairs", &[2; 8], 16),
    ("singles", &[1; 16], 16),
    ("4-4-4-4-3", &[4, 4, 4, 4, 3], 19),
];

pub(super) fn add(corpus: &mut Corpus) {
    for _ in 0..120 {
        let pan = card::usual(&mut corpus.rng);
        add_text(
            corpus,
            "text/contiguous",
            Class::Core,
            &pan.digits.clone(),
            &pan,
        );
    }
    for (name, joint) in JOINTS {
        for _ in 0..EACH {
            let pan = card::usual(&mut corpus.rng);
            let form = pan.grouped(pan.layout(), joint);
            add_text(
                corpus,
                &format!("separator/{name}"),
                Class::Core,
                &form,
                &pan,
            );
        }
    }
    for (name, sizes, len) in LAYOUTS {
        for i in 0..EACH {
            let bin = match len {
                14 => "305693",
                15 => "378282",
                _ => "411111",
            };
            let pan = card::draw_from(&mut corpus.rng, bin, *len);
            // A dot between two groups is a decimal point.
            let joints = if sizes.len() == 2 { 2 } else { 3 };
            let form = pan.grouped(sizes, [" ", "-", "."][i % joints]);
            add_text(corpus, &format!("layout/{name}"), Class::Core, &form, &pan);
        }
    }
    invisible(corpus);
    places(corpus);
    several(corpus);
}

fn invisible(corpus: &mut Corpus) {
    for (name, mark) in INVISIBLE {
        for i in 0..EACH {
            let pan = card::usual(&mut corpus.rng);
            let form: String = if i % 2 == 0 {
                pan.digits
                    .chars()
                    .flat_map(|c| [c, *mark])
                    .take(pan.digits.len() * 2 - 1)
                    .collect()
            } else {
                let grouped = pan.grouped(pan.layout(), "-");
                grouped.replacen('-', &format!("{mark}-"), 2)
            };
            add_text(
                corpus,
                &format!("zero-width/{name}"),
                Class::Core,
                &form,
                &pan,
            );
        }
    }
}

/// Where a number stands in text; `{}` is the place.
const PLACES: &[(&str, &[&str])] = &[
    (
        "glued/letters",
        &["pan{}x", "card{}", "ref{}abc", "X{}Y", "no{}z"],
    ),
    (
        "glued/underscore",
        &["pan_{}", "{}_x", "a_{}_b", "card_{}_masked"],
    ),
    (
        "glued/punctuation",
        &[
            "({})", "<{}>", "'{}'", "[{}]", "={}", "#{}", "{};", "{}:", "*{}*", "{}!", "@{}",
        ],
    ),
    (
        "url/path",
        &[
            "https://pay.example.com/cards/{}/charge",
            "GET /v1/card/{} HTTP/1.1",
            "file:///var/export/{}.txt",
        ],
    ),
    (
        "url/query",
        &[
            "https://shop.example/pay?card={}&cvc_required=no",
            "/search?q={}",
            "https://a.example/?a=1&pan={}#top",
        ],
    ),
    (
        "csv",
        &[
            "id,name,card,amount\n1,Ann,{},20.00\n2,Bob,none,3.50\n",
            "name;card\nAnn;{}\n",
            "\"Ann\",\"{}\",\"12\"\n",
            "Ann\t{}\t17\n",
        ],
    ),
    (
        "markdown",
        &[
            "| name | card |\n|---|---|\n| Ann | {} |\n",
            "- card: **{}**\n- name: Ann",
            "# Payment\n\n`{}`\n",
            "> {}",
        ],
    ),
    (
        "log",
        &[
            "2026-11-25T16:42:00.123Z INFO charge card={} amount=1999 cur=EUR",
            "Nov 25 16:42:00 host app[4711]: authorised {} in 35ms",
            "10.0.0.7 - - [25/Nov/2026:16:42:00 +0000] \"POST /pay?c={} HTTP/1.1\" 200 512",
            "[warn] 1732550520123 retry for {}",
        ],
    ),
    (
        "header",
        &[
            "X-Card: {}\r\nHost: a.example\r\n",
            "Cookie: pan={}; session=1",
            "Authorization: Card {}",
        ],
    ),
    (
        "code",
        &[
            "const pan = \"{}\";",
            "card := `{}`",
            "INSERT INTO cards VALUES (7, '{}', 'Ann');",
            "pan: {}\nname: ann\n",
            "<card number=\"{}\"/>",
            "<pan>{}</pan>",
        ],
    ),
    (
        "table",
        &[
            "Ann        {}    20.00\nBob        none                3.50",
            "id | card             | n\n 1 | {} | 3",
        ],
    ),
    (
        "neighbours",
        &[
            "amount 2000 card {} exp 12/29",
            "3 items, {}, 2 left",
            "order 1234567 card {}",
            "{} 12/29",
            "{} exp 1229",
            "id 77: {}",
        ],
    ),
];

fn places(corpus: &mut Corpus) {
    for (name, templates) in PLACES {
        for i in 0..EACH.max(templates.len() * 4) {
            let pan = card::usual(&mut corpus.rng);
            let grouped = i / templates.len() % 2 == 1 && !name.starts_with("url");
            let form = if grouped {
                pan.grouped(pan.layout(), "-")
            } else {
                pan.digits.clone()
            };
            let text = templates[i % templates.len()].replace("{}", &form);
            add_line(corpus, name, Class::Core, &text, &form, &pan);
        }
    }
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let form = pan.grouped(pan.layout(), "+");
        let text = ["card={}&name=Ann+Lee", "a=1&pan={}"][i % 2].replace("{}", &form);
        let want = expect_at(&text, 0, &form, &pan);
        corpus.add(
            "url/form-plus",
            Class::Heuristic,
            ("application/x-www-form-urlencoded", "identity"),
            text,
            vec![want],
        );
    }
}

/// Several in one message.
fn several(corpus: &mut Corpus) {
    let joints = [
        ("side-by-side", " "),
        ("comma", ", "),
        ("lines", "\n"),
        ("tab", "\t"),
        ("pipe", " | "),
        ("far", " and somewhat later in the same text there is "),
    ];
    for (name, joint) in joints {
        for i in 0..EACH {
            let count = 2 + corpus.rng.below(if joint == " " { 1 } else { 7 });
            let pans: Vec<Pan> = (0..count).map(|_| card::usual16(&mut corpus.rng)).collect();
            let forms: Vec<String> = pans
                .iter()
                .map(|p| {
                    if i % 2 == 0 {
                        p.digits.clone()
                    } else {
                        p.grouped(p.layout(), " ")
                    }
                })
                .collect();
            let text = sentence(&mut corpus.rng, &forms.join(joint));
            let json = i % 3 != 0;
            let body = if json {
                tool_text(&mut corpus.rng, &text)
            } else {
                text
            };
            let wants = in_order(&body, &forms, &pans);
            corpus.add(
                &format!("several/{name}"),
                Class::Core,
                if json { JSON } else { TEXT },
                body,
                wants,
            );
        }
    }
}

/// Spans of forms that follow each other.
pub(super) fn in_order(body: &str, forms: &[String], pans: &[Pan]) -> Vec<Expect> {
    let mut from = 0;
    forms
        .iter()
        .zip(pans)
        .map(|(form, pan)| {
            let want = expect_at(body, from, &encode::json(form), pan);
            from = want.span.map_or(from, |(_, end)| end);
            want
        })
        .collect()
}
