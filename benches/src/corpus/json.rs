//! JSON as MCP servers send it, one message a line.

use super::{Maker, cards};

const TOOLS: &[&str] = &[
    "crm_search",
    "orders_list",
    "sql_query",
    "get_ticket",
    "read_file",
    "send_invoice",
];

/// A JSON-RPC message: mostly results, then calls, progress, tool lists.
pub(super) fn message(maker: &mut Maker) {
    match maker.random.below(20) {
        0..9 => rows(maker),
        9..13 => log(maker),
        13..17 => call(maker),
        17..19 => progress(maker),
        _ => tools(maker),
    }
    maker.push("\n");
}

/// A result: rows as a text and, in half of them, as structured content.
fn rows(maker: &mut Maker) {
    let n = 3 + maker.random.below(8);
    let rows: Vec<String> = (0..n).map(|_| record(maker)).collect();
    let rows = format!("[{}]", rows.join(","));
    let id = maker.random.below(100_000);
    let text = rows.replace('"', "\\\"");
    maker.push(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":"{text}"}}],"#
    ));
    if maker.random.one_in(2) {
        // The same rows but for the card number: each one is put in once.
        let (trace, took) = (maker.random.hex(32), maker.random.below(90_000));
        let rows: Vec<String> = (0..n).map(|_| plain_record(maker, None)).collect();
        maker.push(format!(
            r#""structuredContent":{{"rows":[{}],"traceId":"{trace}","tookMs":{}.{:03}}},"#,
            rows.join(","),
            took / 1000,
            took % 1000,
        ));
    }
    maker.push(r#""isError":false}}"#);
}

fn record(maker: &mut Maker) -> String {
    let card = maker.card("-");
    plain_record(maker, card)
}

fn plain_record(maker: &mut Maker, card: Option<String>) -> String {
    let note = maker.words(12);
    let note = match card {
        Some(card) => format!("{note} paid with {card} {note}"),
        None => note,
    };
    let name = maker.words(2);
    let random = &mut maker.random;
    format!(
        r#"{{"id":{},"order":"ORD-2026-{:08}","customer":"{name}","uuid":"{}-{}-4{}-a{}-{}","created_at":"2026-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z","updated":{},"total":{}.{:02},"score":0.{},"qty":{},"status":"shipped","note":"{note}"}}"#,
        random.below(9_000_000),
        random.below(100_000_000),
        random.hex(8),
        random.hex(4),
        random.hex(3),
        random.hex(3),
        random.hex(12),
        random.below(12) + 1,
        random.below(28) + 1,
        random.below(24),
        random.below(60),
        random.below(60),
        random.below(1000),
        1_764_000_000_000 + random.below(2_592_000_000),
        random.below(2000),
        random.below(100),
        random.digits(6),
        random.below(20) + 1,
    )
}

/// A file that was read: lines of a log.
fn log(maker: &mut Maker) {
    let id = maker.random.below(100_000);
    maker.push(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"contents":[{{"uri":"file:///var/log/app.log","mimeType":"text/plain","text":""#
    ));
    for _ in 0..4 + maker.random.below(12) {
        let words = maker.words(12);
        let card = maker
            .card(" ")
            .map_or_else(String::new, |card| format!(" card {card} seen"));
        let random = &mut maker.random;
        let line = format!(
            r"2026-11-{:02}T{:02}:{:02}:{:02}.{:03}Z INFO [req={}] 10.{}.{}.{} GET /v1/orders/{} {} {}.{}ms {words}{card}\n",
            random.below(28) + 1,
            random.below(24),
            random.below(60),
            random.below(60),
            random.below(1000),
            random.hex(16),
            random.below(256),
            random.below(256),
            random.below(256),
            random.below(900_000),
            random.pick(&["200", "201", "404", "500"]),
            random.below(300),
            random.below(10),
        );
        maker.push(line);
    }
    maker.push(r#""}]}}"#);
}

fn call(maker: &mut Maker) {
    let (query, tool) = (maker.words(8), maker.random.pick(TOOLS));
    let random = &mut maker.random;
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{{"name":"{tool}","arguments":{{"customer_id":"C-{:08}","query":"{query}","limit":{},"since":"2026-{:02}-{:02}","filters":{{"min_total":{}.{:02},"open":true}}}},"_meta":{{"progressToken":"{}"}}}}}}"#,
        random.below(100_000),
        random.below(100_000_000),
        random.below(100),
        random.below(12) + 1,
        random.below(28) + 1,
        random.below(500),
        random.below(100),
        random.hex(16),
    );
    maker.push(call);
}

fn progress(maker: &mut Maker) {
    let words = maker.words(5);
    let random = &mut maker.random;
    let progress = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":"{}","progress":{},"total":{},"message":"{words}"}}}}"#,
        random.hex(16),
        random.below(1000),
        random.below(1000),
    );
    maker.push(progress);
}

fn tools(maker: &mut Maker) {
    let id = maker.random.below(100_000);
    let tools: Vec<String> = TOOLS
        .iter()
        .map(|name| {
            let (what, which) = (maker.words(14), maker.words(8));
            format!(
                r#"{{"name":"{name}","description":"{what}","inputSchema":{{"type":"object","properties":{{"customer_id":{{"type":"string","description":"{which}"}},"limit":{{"type":"integer","minimum":1,"maximum":100}}}},"required":["customer_id"]}}}}"#
            )
        })
        .collect();
    maker.push(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{}]}}}}"#,
        tools.join(",")
    ));
}

/// An SSE event: a whole message, or a few words of a text that is being written.
pub(super) fn event(maker: &mut Maker) {
    let id = maker.events.len();
    maker.push(format!("id: {id}\nevent: message\ndata: "));
    if maker.random.one_in(3) {
        message(maker);
    } else {
        let words = maker.words(3);
        let n = maker.random.below(10_000);
        maker.push(format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":"{words} {n}"}}}}"#
        ));
        maker.push("\n");
    }
    maker.push("\n");
    maker.events.push(maker.out.len());
}

/// A line of one array: integers, floats, groups of digits, a matrix.
pub(super) fn arrays(maker: &mut Maker) {
    let kind = maker.random.below(5);
    let n = 20 + maker.random.below(200);
    let hidden = if kind == 3 { maker.hidden_card() } else { None };
    let mut items: Vec<String> = match hidden {
        Some(card) => return maker.push(format!("[\"{}\"]\n", cards::group(&card, "\",\""))),
        None => Vec::with_capacity(n as usize),
    };
    for _ in 0..n {
        let random = &mut maker.random;
        items.push(match kind {
            0 => random.below(10_000).to_string(),
            1 => format!("-0.{}", random.digits(16)),
            2 => format!(
                "[{},{},{}]",
                random.below(10),
                random.below(10),
                random.below(100)
            ),
            3 => format!("\"{}\"", cards::group(&cards::off_by_one(random), "\",\"")),
            _ => format!(
                "{}.{}e-{:02}",
                random.below(9) + 1,
                random.digits(12),
                random.below(20)
            ),
        });
    }
    maker.push(format!("[{}]\n", items.join(",")));
}

/// A line of identifiers in hex.
pub(super) fn hex(maker: &mut Maker) {
    let random = &mut maker.random;
    let line = format!(
        "{{\"id\":\"{}-{}-4{}-9{}-{}\",\"sha256\":\"{}\",\"trace\":\"{}\",\"span\":\"{}\",\"etag\":\"W/{}\",\"addr\":\"0x{}\"}}\n",
        random.hex(8),
        random.hex(4),
        random.hex(3),
        random.hex(3),
        random.hex(12),
        random.hex(64),
        random.hex(32),
        random.hex(16),
        random.hex(40),
        random.hex(40),
    );
    maker.push(line);
}
