//! Texts to scan, made from a fixed seed: the same bytes on every machine.

/// Kinds of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corpus {
    /// English-like words, a number now and then (digits 0.1 %).
    Prose,
    /// JSON-RPC answers of tools: ids, timestamps, nested JSON, text (digits 20 %).
    McpJson,
    /// Lists of 16-digit numbers that start like a card and fail Luhn (digits 85 %).
    Dense,
}

/// xorshift64*: enough for test data.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 32) % n
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

const WORDS: &[&str] = &[
    "the", "order", "was", "shipped", "to", "customer", "and", "payment", "is", "due", "on",
    "account", "of", "report", "with", "status", "open", "closed", "in", "region", "north",
];

/// At least `bytes` of text, a whole number of records.
pub fn corpus(kind: Corpus, bytes: usize) -> Vec<u8> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ kind as u64);
    let mut text = String::with_capacity(bytes + 1024);
    while text.len() < bytes {
        match kind {
            Corpus::Prose => prose(&mut random, &mut text),
            Corpus::McpJson => mcp(&mut random, &mut text),
            Corpus::Dense => dense(&mut random, &mut text),
        }
    }
    text.into_bytes()
}

fn prose(random: &mut Random, text: &mut String) {
    for _ in 0..200 {
        text.push_str(random.pick(WORDS));
        text.push(' ');
    }
    text.push_str(&format!("{}.\n", random.below(10)));
}

fn mcp(random: &mut Random, text: &mut String) {
    let rows: Vec<String> = (0..8)
        .map(|_| {
            format!(
                r#"{{\"id\":{},\"sku\":\"{:06}-{:04}\",\"at\":\"2026-{:02}-{:02}T{:02}:{:02}:{:02}Z\",\"total\":{}.{:02},\"note\":\"{} {}\"}}"#,
                random.below(9_000_000),
                random.below(1_000_000),
                random.below(10_000),
                random.below(12) + 1,
                random.below(28) + 1,
                random.below(24),
                random.below(60),
                random.below(60),
                random.below(2000),
                random.below(100),
                random.pick(WORDS),
                random.pick(WORDS),
            )
        })
        .collect();
    text.push_str(&format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"[{}]\"}}],\
         \"structuredContent\":{{\"trace\":\"{:016x}{:016x}\",\"ts\":17640{:08},\"page\":{},\"ip\":\"10.{}.{}.{}\"}},\
         \"isError\":false}}}}\n",
        random.below(100_000),
        rows.join(","),
        random.next(),
        random.next(),
        random.below(100_000_000),
        random.below(50),
        random.below(256),
        random.below(256),
        random.below(256),
    ));
}

fn dense(random: &mut Random, text: &mut String) {
    let head = random.pick(&["4", "51", "2221", "6011", "3528", "62"]);
    let mut digits: Vec<u8> = head.bytes().collect();
    while digits.len() < 15 {
        digits.push(b'0' + random.below(10) as u8);
    }
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(i, d)| u32::from(d - b'0') * if i % 2 == 0 { 2 } else { 1 })
        .map(|d| if d > 9 { d - 9 } else { d })
        .sum();
    // One off the check digit.
    digits.push(b'0' + ((10 - sum % 10 + 1) % 10) as u8);
    let grouped = random.below(4) == 0;
    for (i, digit) in digits.iter().enumerate() {
        if grouped && i > 0 && i % 4 == 0 {
            text.push(' ');
        }
        text.push(char::from(*digit));
    }
    text.push(if random.below(8) == 0 { '\n' } else { ',' });
}
