//! Brands, lengths, Luhn: written from the public ranges, not from `panscan`'s table.

use crate::Rng;

/// One brand: where its numbers begin, how long they are, which test BINs to draw from.
#[derive(Debug)]
pub struct Brand {
    /// Name as in records.
    pub name: &'static str,
    /// Worldwide scheme (recall goal 0.999), otherwise regional (0.95).
    pub major: bool,
    /// `lo-hi` or one prefix, of any length.
    pub prefixes: &'static [&'static str],
    /// Digits issued.
    pub lengths: &'static [usize],
    /// BINs of published test numbers (or the first of a range, see the crate's docs).
    pub bins: &'static [&'static str],
}

const fn brand(
    name: &'static str,
    major: bool,
    prefixes: &'static [&'static str],
    lengths: &'static [usize],
    bins: &'static [&'static str],
) -> Brand {
    Brand {
        name,
        major,
        prefixes,
        lengths,
        bins,
    }
}

/// All brands.
#[rustfmt::skip]
pub const BRANDS: &[Brand] = &[
    brand("visa", true, &["4"], &[13, 16, 19], &["411111", "401288", "424242", "400005", "422222"]),
    brand("mastercard", true, &["51-55", "2221-2720"], &[16], &["555555", "510510", "520082", "222300", "222240", "22210000", "27200000"]),
    brand("amex", true, &["34", "37"], &[15], &["378282", "371449", "378734", "343434"]),
    brand("discover", true, &["6011", "644-649", "65", "622126-622925"], &[16, 17, 18, 19], &["601111", "601100", "644564", "65000000", "62212600"]),
    brand("jcb", true, &["3528-3589"], &[16, 17, 18, 19], &["353011", "356600", "356999"]),
    brand("jcb", true, &["1800", "2131"], &[15], &["18000000", "21310000"]),
    brand("diners", true, &["300-305", "3095", "36", "38-39"], &[14, 15, 16, 17, 18, 19], &["305693", "385200", "362272", "360066", "30950000"]),
    brand("unionpay", true, &["62", "810-8171"], &[16, 17, 18, 19], &["620000", "620550", "817199"]),
    brand("maestro", true, &["5018", "5020", "5038", "5893", "6304", "6759", "6761-6763", "676770", "676774"], &[12, 13, 14, 15, 16, 17, 18, 19], &["675964", "501800", "630400"]),
    brand("maestro", false, &["50", "56-58", "6"], &[12, 13, 14, 15, 16, 17, 18, 19], &["677179", "679999"]),
    brand("rupay", false, &["60", "65", "81", "82", "508", "353", "356"], &[16], &["607384"]),
    brand("mir", false, &["2200-2204"], &[16, 17, 18, 19], &["220000"]),
    brand("borica", false, &["2205"], &[16], &["22050000"]),
    brand("elo", false, &["506699-506778", "509000-509999", "627780", "636297", "636368", "504175", "401178-401179", "438935", "451416", "457631-457632"], &[16], &["506699", "636297"]),
    brand("hipercard", false, &["606282"], &[16], &["606282"]),
    brand("hiper", false, &["637095", "637568", "637599", "637609", "637612"], &[16], &["637095"]),
    brand("troy", false, &["65", "9792"], &[16], &["979203"]),
    brand("uatp", false, &["1"], &[15], &["135410"]),
    brand("verve", false, &["506099-506197", "507865-507941", "650002-650027"], &[16, 18, 19], &["506099", "506146"]),
    brand("dankort", false, &["5019", "4571"], &[16], &["501971", "501955"]),
    brand("instapayment", false, &["637-639"], &[16], &["63700000"]),
    brand("interpayment", false, &["636"], &[16, 17, 18, 19], &["63600000"]),
    brand("lankapay", false, &["357111"], &[16], &["35711100"]),
    brand("ukrcard", false, &["60400100-60420099"], &[16, 17, 18, 19], &["60400100"]),
    brand("t-union", false, &["31"], &[19], &["31000000"]),
    brand("uzcard", false, &["8600"], &[16], &["860006"]),
    brand("humo", false, &["9860"], &[16], &["98600000"]),
    brand("napas", false, &["9704"], &[16, 19], &["970419"]),
    brand("bc-card", false, &["94"], &[16], &["94000000"]),
];

/// Numbers that schemes and payment providers print in their test documentation.
pub const PUBLISHED: &[&str] = &[
    "4111111111111111",
    "4012888888881881",
    "4222222222222",
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "5105105105105100",
    "5200828282828210",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "378734493671000",
    "6011111111111117",
    "6011000990139424",
    "30569309025904",
    "38520000023237",
    "36227206271667",
    "3056930009020004",
    "3530111333300000",
    "3566002020360505",
    "6200000000000005",
    "6205500000000000004",
    "6759649826438453",
    "5019717010103742",
];

/// A card number for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pan {
    /// ASCII digits.
    pub digits: String,
    /// Every brand whose range and length it is in.
    pub brands: Vec<&'static str>,
}

impl Pan {
    /// Of a number already known to be valid.
    pub fn of(digits: &str) -> Pan {
        Pan {
            digits: digits.to_owned(),
            brands: brands_of(digits),
        }
    }

    /// In groups of the given sizes; what is over goes into the last.
    pub fn grouped(&self, sizes: &[usize], joint: &str) -> String {
        let mut rest = self.digits.as_str();
        let mut parts = Vec::new();
        for size in sizes {
            let (part, more) = rest.split_at((*size).min(rest.len()));
            parts.push(part.to_owned());
            rest = more;
        }
        match parts.last_mut() {
            Some(last) => last.push_str(rest),
            None => parts.push(rest.to_owned()),
        }
        parts.retain(|part| !part.is_empty());
        parts.join(joint)
    }

    /// The grouping printed on such a card.
    pub fn layout(&self) -> &'static [usize] {
        match self.digits.len() {
            14 => &[4, 6, 4],
            15 => &[4, 6, 5],
            12 => &[4, 4, 4],
            13 => &[4, 4, 4, 1],
            16 => &[4, 4, 4, 4],
            17 => &[4, 4, 4, 4, 1],
            18 => &[4, 4, 4, 4, 2],
            _ => &[4, 4, 4, 4, 3],
        }
    }
}

/// Sum modulo 10 with every second digit from the right doubled.
pub fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = u32::from(b - b'0') * (1 + i as u32 % 2);
            d / 10 + d % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Brands that issue this prefix at this length.
pub fn brands_of(digits: &str) -> Vec<&'static str> {
    let inside = |range: &str| {
        let (lo, hi) = range.split_once('-').unwrap_or((range, range));
        let width = lo.len().max(hi.len());
        digits.get(..width).is_some_and(|head| {
            // `810-8171`: compare at the longer width.
            let lo = format!("{lo:0<width$}");
            let hi = format!("{hi:9<width$}");
            (lo.as_str()..=hi.as_str()).contains(&head)
        })
    };
    let mut names: Vec<&str> = BRANDS
        .iter()
        .filter(|b| b.lengths.contains(&digits.len()) && b.prefixes.iter().any(|p| inside(p)))
        .map(|b| b.name)
        .collect();
    names.dedup();
    names
}

/// Would a scanner have to think twice: issued range, length and Luhn.
pub fn looks_like_card(digits: &str) -> bool {
    luhn(digits) && !brands_of(digits).is_empty()
}

/// The digit that makes `head` pass.
pub fn check_digit(head: &str) -> char {
    (b'0'..=b'9')
        .map(char::from)
        .find(|d| luhn(&format!("{head}{d}")))
        .unwrap_or('0')
}

/// A number of this brand and length.
pub fn draw(rng: &mut Rng, brand: &Brand, len: usize) -> Pan {
    let bin = *rng.pick(brand.bins);
    draw_from(rng, bin, len)
}

/// A number with this BIN and length.
pub fn draw_from(rng: &mut Rng, bin: &str, len: usize) -> Pan {
    let mut head = format!("{bin}{}", rng.digits(len - 1 - bin.len()));
    head.push(check_digit(&head));
    Pan::of(&head)
}

/// A number of 16 digits (15 for Amex) of a major brand: what most cases use.
pub fn usual(rng: &mut Rng) -> Pan {
    let bins = [
        "411111", "401288", "424242", "555555", "510510", "222300", "378282", "371449", "601111",
        "353011", "620000",
    ];
    let bin = *rng.pick(&bins);
    draw_from(
        rng,
        bin,
        if bin.starts_with('3') && !bin.starts_with("35") {
            15
        } else {
            16
        },
    )
}

/// The same, 16 digits only.
pub fn usual16(rng: &mut Rng) -> Pan {
    loop {
        let pan = usual(rng);
        if pan.digits.len() == 16 {
            return pan;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_pass() {
        for pan in PUBLISHED {
            assert!(luhn(pan), "{pan}");
            assert!(!brands_of(pan).is_empty(), "{pan}");
        }
        assert!(!luhn("4111111111111112"));
    }

    #[test]
    fn drawn_numbers_are_of_their_brand() {
        let mut rng = Rng::new(1);
        for brand in BRANDS {
            for len in brand.lengths {
                for _ in 0..50 {
                    let pan = draw(&mut rng, brand, *len);
                    assert_eq!(pan.digits.len(), *len);
                    assert!(
                        luhn(&pan.digits) && pan.brands.contains(&brand.name),
                        "{pan:?} {brand:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn ranges() {
        assert_eq!(brands_of("2220999999999999"), Vec::<&str>::new());
        assert_eq!(brands_of("2721000000000000"), Vec::<&str>::new());
        assert!(brands_of("8171999927660000").contains(&"unionpay"));
        assert_eq!(brands_of("0000000000000000"), Vec::<&str>::new());
    }
}
