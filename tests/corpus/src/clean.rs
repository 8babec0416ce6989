//! Realistic tool results without a card, to count false masks: issue trackers, git
//! logs, weather, SQL rows, calendars, listings, cluster objects, prices, metrics, ids of
//! many systems. Ids are drawn as their systems make them, uniformly where they do, so a
//! few of them pass every test of a card number; the report says which kind was hit.
//!
//! What it does not do: leave out ids that look like a card. A scanner that masks one in
//! strict mode does what it says, and still is a nuisance: the count is what an operator sees.

use std::collections::BTreeMap;
use std::fmt;

use crate::card;
use crate::library::Library;
use crate::negatives::imei;
use crate::score::{Ask, shows};
use crate::{Rng, encode};

/// A message and the ids in it: what kind, and the text.
#[derive(Debug, Default)]
pub struct Message {
    /// The result, JSON.
    pub body: String,
    /// (kind, digits of the id).
    pub ids: Vec<(&'static str, String)>,
}

/// Counts of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Messages scanned.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that were altered.
    pub altered: u64,
    /// Altered messages by kind of message.
    pub by_message: BTreeMap<&'static str, u64>,
    /// Masks by kind of id and confidence, with one example.
    pub by_id: BTreeMap<(String, String), (u64, String)>,
    /// Ids drawn, by kind.
    pub ids: BTreeMap<&'static str, u64>,
    /// Messages altered although no id in them passes prefix, length and Luhn.
    pub unfounded: u64,
}

/// Scans `messages` of them.
pub fn count(library: &Library, seed: u64, messages: u64) -> Report {
    let mut rng = Rng::new(seed ^ 0xC1EA);
    let mut report = Report {
        messages,
        ..Report::default()
    };
    for _ in 0..messages {
        let (kind, make) = rng.pick(KINDS);
        let mut message = Message::default();
        let text = make(&mut rng, &mut message.ids);
        message.body = envelope(&mut rng, &text);
        report.take(library, kind, &message);
    }
    report
}

impl Report {
    fn take(&mut self, library: &Library, kind: &'static str, message: &Message) {
        self.bytes += message.body.len() as u64;
        for (kind, _) in &message.ids {
            *self.ids.entry(kind).or_default() += 1;
        }
        let answer = library.scan(&Ask {
            content_type: "application/json".into(),
            content_encoding: "identity".into(),
            direction: "response",
            body: message.body.clone().into_bytes(),
            cuts: vec![],
        });
        if answer.body == message.body.as_bytes() {
            return;
        }
        self.altered += 1;
        *self.by_message.entry(kind).or_default() += 1;
        let founded = message
            .ids
            .iter()
            .any(|(_, id)| card::looks_like_card(&crate::decode::only_digits(id)));
        self.unfounded += u64::from(!founded);
        for found in answer.findings {
            let id = message
                .ids
                .iter()
                .find(|(_, id)| shows(&found.masked, &crate::decode::only_digits(id)));
            let name = id.map_or("no single id", |(name, _)| name).to_owned();
            let from = found.span.map_or(0, |s| s.0 as usize);
            let around = message
                .body
                .get(from.saturating_sub(40)..(from + 40).min(message.body.len()));
            let slot = self
                .by_id
                .entry((name, found.confidence))
                .or_insert((0, around.unwrap_or("").to_owned()));
            slot.0 += 1;
        }
    }

    /// Masks of all kinds of ids but those that are random 64-bit numbers by design.
    pub fn masks_but(&self, kinds: &[&str]) -> u64 {
        self.by_id
            .iter()
            .filter(|((name, _), _)| !kinds.contains(&name.as_str()))
            .map(|(_, (n, _))| n)
            .sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} clean messages, {} bytes: {} altered ({} of them without an id that passes prefix, length and Luhn)",
            self.messages, self.bytes, self.altered, self.unfounded
        )?;
        for (kind, n) in &self.by_message {
            writeln!(f, "  in {kind:<14} {n}")?;
        }
        for ((kind, confidence), (n, example)) in &self.by_id {
            let drawn = self.ids.get(kind.as_str()).copied().unwrap_or(0);
            writeln!(
                f,
                "  {n:>6} of {drawn:>8} {kind:<22} {confidence:<7} {}",
                example.escape_debug()
            )?;
        }
        Ok(())
    }
}

fn envelope(rng: &mut Rng, text: &str) -> String {
    let id = rng.below(9000);
    match rng.below(3) {
        0 if text.starts_with(['{', '[']) => format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"{}\"}}],\"structuredContent\":{text}}}}}",
            encode::json(text)
        ),
        _ => format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"{}\"}}],\"isError\":false}}}}",
            encode::json(text)
        ),
    }
}

type Ids = Vec<(&'static str, String)>;
type Make = fn(&mut Rng, &mut Ids) -> String;

const KINDS: &[(&str, Make)] = &[
    ("issues", issues),
    ("git-log", git_log),
    ("weather", weather),
    ("sql-rows", sql_rows),
    ("calendar", calendar),
    ("files", files),
    ("cluster", cluster),
    ("prices", prices),
    ("metrics", metrics),
    ("chat", chat),
    ("orders", orders),
    ("devices", devices),
    ("traces", traces),
    ("cloud", cloud),
    ("csv", csv),
    ("prose", prose),
    ("geo", geo),
    ("search", search),
];

/// Notes an id and gives it back.
fn id(ids: &mut Ids, kind: &'static str, text: String) -> String {
    ids.push((kind, text.clone()));
    text
}

fn rows(rng: &mut Rng, most: usize, mut row: impl FnMut(&mut Rng) -> String) -> Vec<String> {
    (0..1 + rng.below(most)).map(|_| row(rng)).collect()
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

fn day(rng: &mut Rng) -> String {
    format!(
        "20{:02}-{:02}-{:02}",
        rng.between(15, 27),
        rng.between(1, 12),
        rng.between(1, 28)
    )
}

fn clock(rng: &mut Rng) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        rng.below(24),
        rng.below(60),
        rng.below(60)
    )
}

fn seconds(rng: &mut Rng) -> u64 {
    rng.between(1_420_200_000, 1_800_000_000)
}

fn millis(rng: &mut Rng, ids: &mut Ids) -> String {
    let ms = rng.below(1000);
    let text = format!("{}{ms:03}", seconds(rng));
    id(ids, "epoch-ms", text)
}

const NAMES: &[&str] = &["Ann", "Bob", "Chen", "Dora", "Emil", "Farah", "Gus", "Hana"];
const WORDS: &[&str] = &[
    "timeout",
    "in",
    "payment",
    "service",
    "retry",
    "the",
    "build",
    "of",
    "release",
    "broken",
    "page",
    "limit",
    "order",
    "for",
    "customer",
    "application",
    "company",
    "account",
];

/// Words that make a scanner look twice: in some texts, as in any support channel.
const CARD_WORDS: &[&str] = &["card", "credit", "visa", "debit card"];

fn words(rng: &mut Rng, n: usize) -> String {
    let mut words: Vec<&str> = (0..n).map(|_| *rng.pick(WORDS)).collect();
    if rng.below(20) == 0
        && let Some(last) = words.last_mut()
    {
        *last = *rng.pick(CARD_WORDS);
    }
    words.join(" ")
}

fn issues(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 8, |rng| {
        let (title, who, date, time) = (words(rng, 6), *rng.pick(NAMES), day(rng), clock(rng));
        let number = id(ids, "issue-number", rng.below(99_999).to_string());
        let global = id(
            ids,
            "forge-id",
            rng.between(100_000_000, 3_999_999_999).to_string(),
        );
        format!(
            "{{\"id\":{global},\"number\":{number},\"title\":\"{title}\",\"user\":{{\"login\":\"{who}\",\"id\":{}}},\"created_at\":\"{date}T{time}Z\",\"comments\":{}}}",
            rng.below(99_999_999),
            rng.below(60)
        )
    });
    list(&items)
}

fn git_log(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 10, |rng| {
        let sha = id(ids, "sha1", rng.hex(40));
        format!(
            "commit {sha}\nAuthor: {} <{}@example.com>\nDate:   {} {} +0{}00\n\n    {}\n",
            rng.pick(NAMES),
            rng.pick(NAMES),
            day(rng),
            clock(rng),
            rng.below(9),
            words(rng, 7)
        )
    });
    items.join("\n")
}

fn weather(rng: &mut Rng, ids: &mut Ids) -> String {
    let hours = rows(rng, 24, |rng| {
        let ts = id(ids, "epoch-s", seconds(rng).to_string());
        format!(
            "{{\"dt\":{ts},\"temp\":{}.{},\"pressure\":{},\"humidity\":{},\"wind\":{}.{}}}",
            rng.below(35),
            rng.digits(2),
            rng.between(970, 1040),
            rng.below(100),
            rng.below(30),
            rng.digits(2)
        )
    });
    format!(
        "{{\"lat\":{}.{},\"lon\":-{}.{},\"hourly\":{}}}",
        rng.below(90),
        rng.digits(6),
        rng.below(180),
        rng.digits(14),
        list(&hours)
    )
}

fn sql_rows(rng: &mut Rng, ids: &mut Ids) -> String {
    let mut serial = rng.between(1, 9_000_000);
    let items = rows(rng, 20, |rng| {
        serial += rng.between(1, 9);
        let uuid = id(ids, "uuid", rng.uuid());
        let stamp = millis(rng, ids);
        format!(
            "{{\"id\":{serial},\"uuid\":\"{uuid}\",\"name\":\"{}\",\"balance\":{}.{},\"updated\":{stamp},\"zip\":\"{}\",\"phone\":\"+1{}\"}}",
            rng.pick(NAMES),
            rng.below(99_999),
            rng.digits(2),
            rng.digits(5),
            rng.between(2_000_000_000, 9_899_999_999)
        )
    });
    format!("{{\"rows\":{},\"rowCount\":{}}}", list(&items), items.len())
}

fn calendar(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 8, |rng| {
        let event = id(
            ids,
            "calendar-id",
            rng.text("0123456789abcdefghijklmnopqrstuv", 26),
        );
        let date = day(rng);
        format!(
            "BEGIN:VEVENT\r\nUID:{event}@cal.example\r\nDTSTART:{}T{}Z\r\nSUMMARY:{}\r\nX-MEETING:{} {} {}\r\nEND:VEVENT",
            date.replace('-', ""),
            clock(rng).replace(':', ""),
            words(rng, 4),
            rng.digits(3),
            rng.digits(4),
            rng.digits(4)
        )
    });
    items.join("\r\n")
}

fn files(rng: &mut Rng, _: &mut Ids) -> String {
    let items = rows(rng, 20, |rng| {
        let date = day(rng);
        format!(
            "-rw-r--r-- 1 {} {} {:>12} {date} {} IMG_{}_{}.jpg",
            rng.between(1000, 1010),
            rng.between(1000, 1010),
            rng.between(10, 99_999_999_999),
            &clock(rng)[..5],
            date.replace('-', ""),
            rng.digits(6)
        )
    });
    items.join("\n")
}

fn cluster(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 6, |rng| {
        let uid = id(ids, "uuid", rng.uuid());
        let version = id(
            ids,
            "resource-version",
            rng.between(1000, 9_999_999_999).to_string(),
        );
        format!(
            "{{\"metadata\":{{\"name\":\"api-{}-{}\",\"uid\":\"{uid}\",\"resourceVersion\":\"{version}\",\"creationTimestamp\":\"{}T{}Z\"}},\"status\":{{\"podIP\":\"10.{}.{}.{}\",\"containerID\":\"containerd://{}\"}}}}",
            rng.hex(10),
            rng.hex(5),
            day(rng),
            clock(rng),
            rng.below(256),
            rng.below(256),
            rng.below(256),
            rng.hex(64)
        )
    });
    format!("{{\"kind\":\"PodList\",\"items\":{}}}", list(&items))
}

fn prices(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 12, |rng| {
        let head = format!(
            "{}{}",
            rng.pick(&["4", "5", "8", "3", "0", "7"]),
            rng.digits(11)
        );
        let sum: u32 = head
            .bytes()
            .enumerate()
            .map(|(n, b)| u32::from(b - b'0') * (1 + 2 * (n as u32 % 2)))
            .sum();
        let ean = id(ids, "ean", format!("{head}{}", (10 - sum % 10) % 10));
        let asin = rng.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 9);
        format!(
            "{{\"sku\":\"{}-{}\",\"ean\":\"{ean}\",\"asin\":\"B{asin}\",\"price\":{}.{},\"stock\":{}}}",
            rng.digits(4),
            rng.digits(4),
            rng.below(999),
            rng.digits(2),
            rng.below(500)
        )
    });
    list(&items)
}

fn metrics(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 30, |rng| {
        let stamp = millis(rng, ids);
        let value = id(ids, "double", format!("0.{}", rng.digits(16)));
        format!(
            "http_request_seconds_sum{{pod=\"{}\",le=\"0.{}\"}} {value} {stamp}\nprocess_bytes_total {}",
            rng.hex(5),
            rng.digits(2),
            rng.between(1, 99_999_999_999)
        )
    });
    items.join("\n")
}

fn chat(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 10, |rng| {
        // 42 bits of milliseconds since 2015, then 22 bits.
        let at = (seconds(rng) - 1_420_070_400 + 40_000_000) * 1000;
        let flake = id(
            ids,
            "snowflake-chat",
            ((at << 22) | rng.below(1 << 22) as u64).to_string(),
        );
        let tweet = id(
            ids,
            "snowflake-post",
            (rng.between(200_000_000_000, 500_000_000_000) << 22 | rng.below(1 << 22) as u64)
                .to_string(),
        );
        let ts = format!("{}.{}", seconds(rng), rng.digits(6));
        format!(
            "{{\"id\":\"{flake}\",\"post_id\":{tweet},\"ts\":\"{ts}\",\"author\":\"{}\",\"content\":\"{}\"}}",
            rng.pick(NAMES),
            words(rng, 9)
        )
    });
    list(&items)
}

fn orders(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 8, |rng| {
        let market = id(
            ids,
            "order-3-7-7",
            format!("{}-{}-{}", rng.digits(3), rng.digits(7), rng.digits(7)),
        );
        let shop = id(
            ids,
            "order-13",
            rng.between(4_000_000_000_000, 6_999_999_999_999)
                .to_string(),
        );
        let parcel = id(ids, "parcel-12", rng.digits(12));
        let postal = id(ids, "parcel-22", format!("94{}", rng.digits(20)));
        let social = id(ids, "social-15", format!("1000{}", rng.digits(11)));
        format!(
            "{{\"marketplace_order\":\"{market}\",\"shop_order_id\":{shop},\"tracking_number\":\"{parcel}\",\"usps\":\"{postal}\",\"buyer_profile\":\"{social}\",\"invoice\":\"INV-{}-{}\"}}",
            rng.between(2015, 2027),
            rng.digits(6)
        )
    });
    list(&items)
}

fn devices(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 8, |rng| {
        let imei = id(ids, "imei", imei(rng));
        let iccid = id(ids, "iccid", format!("89{}", rng.digits(17)));
        let serial = id(
            ids,
            "serial-16",
            format!("{}{}", rng.text("ABCDEFGH", 2), rng.digits(14)),
        );
        format!(
            "{{\"imei\":\"{imei}\",\"iccid\":\"{iccid}\",\"imsi\":\"{}{}\",\"serial\":\"{serial}\",\"mac\":\"{}\",\"fw\":\"{}.{}.{}\"}}",
            rng.pick(&["262", "310", "234"]),
            rng.digits(12),
            rng.hex(12),
            rng.below(20),
            rng.below(99),
            rng.digits(4)
        )
    });
    list(&items)
}

/// Random 64-bit numbers in decimal, as some tracers print them.
fn traces(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 4, |rng| {
        let hex = id(ids, "trace-hex", rng.hex(32));
        let span = id(ids, "span-hex", rng.hex(16));
        let decimal = if rng.below(10) == 0 {
            id(ids, "trace-u64", rng.bits().to_string())
        } else {
            "0".into()
        };
        let start = format!("{}{}", seconds(rng), rng.digits(9));
        let start = id(ids, "epoch-ns", start);
        format!(
            "{{\"trace_id\":\"{hex}\",\"span_id\":\"{span}\",\"dd.trace_id\":\"{decimal}\",\"start_ns\":{start},\"duration\":{}}}",
            rng.below(99_999_999)
        )
    });
    list(&items)
}

fn cloud(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 5, |rng| {
        let account = id(ids, "account-12", rng.digits(12));
        let vm = if rng.below(10) == 0 {
            id(
                ids,
                "vm-id-19",
                rng.between(1_000_000_000_000_000_000, 9_199_999_999_999_999_999)
                    .to_string(),
            )
        } else {
            "i-".to_owned() + &rng.hex(17)
        };
        format!(
            "{{\"arn\":\"arn:aws:iam::{account}:role/{}\",\"instanceId\":\"{vm}\",\"cidr\":\"10.{}.0.0/16\",\"request\":\"{}\"}}",
            rng.pick(WORDS),
            rng.below(256),
            rng.uuid()
        )
    });
    list(&items)
}

fn csv(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 25, |rng| {
        let stamp = id(
            ids,
            "timestamp-14",
            format!(
                "{}{}",
                day(rng).replace('-', ""),
                clock(rng).replace(':', "")
            ),
        );
        format!(
            "{},{},{},{},{stamp},{}.{}",
            rng.between(1000, 9999),
            rng.between(1000, 9999),
            rng.between(1000, 9999),
            rng.between(1000, 9999),
            rng.below(9999),
            rng.digits(4)
        )
    });
    format!("a,b,c,d,at,v\n{}\n", items.join("\n"))
}

fn prose(rng: &mut Rng, ids: &mut Ids) -> String {
    let n = 20 + rng.below(80);
    let phone = id(
        ids,
        "phone",
        format!(
            "+{} {} {}",
            rng.between(1, 99),
            rng.digits(3),
            rng.digits(7)
        ),
    );
    format!(
        "{} Call {phone} or ({}) {}-{}. {} in {}-{} pp. {}-{}.",
        words(rng, n),
        rng.digits(3),
        rng.digits(3),
        rng.digits(4),
        words(rng, 12),
        rng.between(1990, 2020),
        rng.between(2021, 2030),
        rng.below(300),
        rng.below(900)
    )
}

fn geo(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 15, |rng| {
        let lat = id(
            ids,
            "coordinate",
            format!("{}.{}", rng.below(90), rng.digits(14)),
        );
        let lon = id(
            ids,
            "coordinate",
            format!("{}.{}", rng.below(180), rng.digits(13)),
        );
        format!(
            "{{\"osm_id\":{},\"lat\":{lat},\"lon\":-{lon},\"ele\":{}.{}}}",
            rng.between(1000, 11_999_999_999),
            rng.below(4000),
            rng.digits(1)
        )
    });
    list(&items)
}

fn search(rng: &mut Rng, ids: &mut Ids) -> String {
    let items = rows(rng, 6, |rng| {
        let doi = format!(
            "10.{}/{}.{}.{}",
            rng.between(1000, 9999),
            rng.pick(WORDS),
            rng.between(2000, 2026),
            rng.digits(6)
        );
        let isbn = id(
            ids,
            "isbn",
            format!(
                "978-{}-{}-{}-{}",
                rng.digits(1),
                rng.digits(3),
                rng.digits(5),
                rng.digits(1)
            ),
        );
        let video = rng.text(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            11,
        );
        format!(
            "{{\"url\":\"https://example.com/a/{}?utm={}&t={}\",\"doi\":\"{doi}\",\"isbn\":\"{isbn}\",\"video\":\"{video}\",\"hash\":\"{}\"}}",
            rng.digits(8),
            rng.hex(8),
            seconds(rng),
            rng.hex(64)
        )
    });
    list(&items)
}
