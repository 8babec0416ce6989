//! Texts that are not JSON: sentences, tables, lookalikes, noise.

use super::{Maker, cards};

pub(super) const WORDS: &[&str] = &[
    "the", "order", "was", "shipped", "to", "customer", "and", "payment", "is", "due", "on",
    "account", "of", "report", "with", "status", "open", "closed", "in", "region", "north", "a",
    "we", "invoice", "sent", "after", "review", "by", "support", "team", "that", "server",
    "returned", "results", "for", "this", "query", "please", "check", "delivery", "address",
    "before", "refund", "can", "be", "approved", "manager", "has", "noted", "delay", "because",
    "supplier", "changed", "schedule", "without", "notice", "it", "should", "arrive", "soon",
];

/// A paragraph. Two digits for every 2,000 bytes.
pub(super) fn prose(maker: &mut Maker) {
    let goal = maker.out.len() + 2000;
    while maker.out.len() < goal {
        let len = 6 + maker.random.below(14) as usize;
        let words = maker.words(len);
        let (first, rest) = words.split_at(1);
        maker.push(first.to_uppercase());
        maker.push(rest);
        let end = *maker.random.pick(&[&". ", &". ", &", ", &"? "]);
        maker.push(end);
    }
    let pages = 10 + maker.random.below(90);
    maker.push(format!("See page {pages}.\n"));
}

/// A row of a table: ids, stamps, counts, an amount.
pub(super) fn row(maker: &mut Maker) {
    let id = match maker.card("") {
        Some(card) => card,
        None => maker.random.digits(16),
    };
    let random = &mut maker.random;
    let account = random.digits(10);
    let stamp = 1_764_000_000_000 + random.below(86_400_000 * 30);
    let units = random.below(90_000) + 10_000;
    let cents = random.below(100);
    let batch = random.digits(8);
    let day = random.below(28) + 1;
    maker.push(format!(
        "{id},{stamp},{account},{units}.{cents:02},{batch},202611{day:02},OK\n"
    ));
}

/// A number that starts like a card and fails Luhn; two in three are grouped.
pub(super) fn lookalike(maker: &mut Maker) {
    let number = cards::off_by_one(&mut maker.random);
    let number = match maker.random.below(12) {
        0..4 => number,
        4..8 => cards::group(&number, " "),
        8..11 => cards::group(&number, "-"),
        _ => cards::group(&number, "."),
    };
    maker.push(number);
    let between = match maker.random.below(8) {
        0 => "\n",
        1 => " ; ",
        _ => ",",
    };
    maker.push(between);
}

/// A long run of groups: now pairs, now single digits, now of any width.
pub(super) fn groups(maker: &mut Maker) {
    let separator = *maker.random.pick(&[&" ", &"-", &".", &"/", &"  "]);
    let width = maker.random.below(6) as usize;
    for _ in 0..20 + maker.random.below(400) {
        let digits = match width {
            0 => 1 + maker.random.below(5) as usize,
            width => width,
        };
        let digits = maker.random.digits(digits);
        maker.push(digits);
        maker.push(separator);
    }
    maker.push("\n");
}

pub(super) fn noise(maker: &mut Maker) {
    for _ in 0..512 {
        let eight = maker.random.next().to_le_bytes();
        maker.push(eight);
    }
}
