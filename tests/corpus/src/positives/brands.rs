//! Every brand at every length.

use super::{add_line, add_text};
use crate::card::{self, BRANDS};
use crate::case::{Class, Corpus};

const JOINTS: &[&str] = &[" ", "-", "."];
const WORDS: &[&str] = &[
    "card number ",
    "card: ",
    "PAN ",
    "credit card ",
    "debit card no. ",
];

pub(super) fn add(corpus: &mut Corpus) {
    for brand in BRANDS {
        let class = if brand.major {
            Class::Core
        } else {
            Class::Heuristic
        };
        for &len in brand.lengths {
            let scope = if brand.major { "brand" } else { "regional" };
            let name = format!("{scope}/{}-{len}", brand.name);
            for i in 0..12 {
                let pan = card::draw(&mut corpus.rng, brand, len);
                if i % 3 == 2 && len > 12 {
                    let form = pan.grouped(pan.layout(), JOINTS[i / 3 % JOINTS.len()]);
                    add_text(corpus, &name, class, &form, &pan);
                } else {
                    // At lengths that ids have, a bare number needs a word.
                    let text = format!("{}{}", corpus.rng.pick(WORDS), pan.digits);
                    add_line(corpus, &name, class, &text, &pan.digits.clone(), &pan);
                }
            }
            if (len == 16 || (len == 15 && brand.name == "amex")) && brand.bins.len() > 1 {
                for _ in 0..10 {
                    let pan = card::draw(&mut corpus.rng, brand, len);
                    let text = format!("value {} end", pan.digits);
                    add_line(
                        corpus,
                        &format!("{name}-bare"),
                        class,
                        &text,
                        &pan.digits.clone(),
                        &pan,
                    );
                }
            } else if len != 16 {
                for _ in 0..4 {
                    let pan = card::draw(&mut corpus.rng, brand, len);
                    let text = format!("value {} end", pan.digits);
                    let name = format!("apart/bare-odd-length/{}-{len}", brand.name);
                    add_line(
                        corpus,
                        &name,
                        Class::Apart,
                        &text,
                        &pan.digits.clone(),
                        &pan,
                    );
                }
            }
        }
    }
    for digits in card::PUBLISHED {
        let pan = card::Pan::of(digits);
        for word in WORDS {
            add_line(
                corpus,
                "brand/published-test",
                Class::Core,
                &format!("{word}{digits}"),
                digits,
                &pan,
            );
        }
    }
}
