//! Issuer number ranges and the lengths issued in them: versioned data.
//!
//! Sources: (b) braintree/credit-card-type `src/lib/card-types.ts` at 0bac61c,
//! (w) public tables derived from Wikipedia "Payment card number", (l) ldapwiki
//! "Bank Card Number", Nov 2024, (u) not confirmed by a second source. Where they
//! differ the wider range is taken for major brands, the narrower for others.
//!
//! Left out: retired schemes (Bankcard, Solo, Switch, enRoute, Laser). Where one lies
//! in the wide Maestro range it is cut out of it (`RETIRED`).

/// Version of the table, for records and bug reports. Year.month.revision.
pub const VERSION: &str = "2026.11.2";

macro_rules! brands {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// Card brand by number range.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)]
        pub enum Brand { $($variant),+ }
        impl Brand {
            /// Stable lower-case name for records.
            pub fn name(self) -> &'static str {
                match self { $(Brand::$variant => $name),+ }
            }
        }
    };
}

brands! {
    Visa = "visa", Mastercard = "mastercard", Amex = "amex", Discover = "discover",
    Jcb = "jcb", Diners = "diners", UnionPay = "unionpay", Maestro = "maestro",
    RuPay = "rupay", Mir = "mir", Borica = "borica", Elo = "elo", Hipercard = "hipercard",
    Hiper = "hiper", Troy = "troy", Uatp = "uatp", Verve = "verve", Dankort = "dankort",
    InstaPayment = "instapayment", InterPayment = "interpayment", LankaPay = "lankapay",
    UkrCard = "ukrcard", TUnion = "t-union", UzCard = "uzcard", Humo = "humo",
    Napas = "napas", BcCard = "bc-card",
    // Of a finding that is no card number: a CVV, a PIN, a field.
    Unknown = "unknown",
}

/// What the table says of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Whose range.
    pub brand: Brand,
    /// A scheme accepted worldwide in a range of its own; otherwise regional or wide.
    pub major: bool,
}

/// One range: 8-digit prefixes `lo..=hi`, bit n of `lengths` = n digits issued.
#[derive(Debug)]
struct Range {
    lo: u32,
    hi: u32,
    lengths: u32,
    issued: Issued,
}

/// The ranges, and for every 3-digit prefix the union of lengths in it: a quick no.
#[derive(Debug)]
pub(crate) struct Table {
    lengths: [u32; 1000],
    /// UnionPay numbers need not pass Luhn.
    unionpay_without_luhn: bool,
}

impl Table {
    pub(crate) fn new() -> Table {
        let mut lengths = [0u32; 1000];
        for range in RANGES {
            for prefix in range.lo / 100_000..=range.hi / 100_000 {
                if let Some(slot) = lengths.get_mut(prefix as usize) {
                    *slot |= range.lengths;
                }
            }
        }
        Table {
            lengths,
            unionpay_without_luhn: false,
        }
    }

    /// With old UnionPay cards, which do not follow Luhn, let through or not.
    pub(crate) fn unionpay_without_luhn(mut self, on: bool) -> Table {
        self.unionpay_without_luhn = on;
        self
    }

    /// Must numbers of this brand pass Luhn?
    #[inline]
    pub(crate) fn needs_luhn(&self, brand: Brand) -> bool {
        !(self.unionpay_without_luhn && brand == Brand::UnionPay)
    }

    /// Lengths that any range below this 3-digit prefix has, as a bit mask.
    #[inline]
    pub(crate) fn lengths(&self, a: u8, b: u8, c: u8) -> u32 {
        let prefix = usize::from(a) * 100 + usize::from(b) * 10 + usize::from(c);
        self.lengths.get(prefix).copied().unwrap_or(0)
    }

    /// Brand of a number (digit values), if its prefix is issued at this length.
    pub(crate) fn issued(&self, digits: &[u8]) -> Option<Issued> {
        let bit = 1u32.checked_shl(digits.len() as u32)?;
        let [a, b, c, rest @ ..] = digits else {
            return None;
        };
        if self.lengths(*a, *b, *c) & bit == 0 || rest.len() < 9 {
            return None;
        }
        let prefix = digits
            .iter()
            .take(8)
            .fold(0u32, |n, d| n * 10 + u32::from(*d));
        RANGES
            .iter()
            .find(|r| r.lengths & bit != 0 && (r.lo..=r.hi).contains(&prefix))
            .filter(|_| !RETIRED.iter().any(|(lo, hi)| (lo..=hi).contains(&&prefix)))
            .map(|r| r.issued)
    }
}

/// For every 4-digit prefix the lengths 12-19 that any range below it has: bit 0 is 12.
pub(crate) struct Prefixes([u8; 10_000]);

impl Prefixes {
    pub(crate) fn new() -> Box<Prefixes> {
        let mut table = Box::new(Prefixes([0; 10_000]));
        for range in RANGES {
            for prefix in range.lo / 10_000..=range.hi / 10_000 {
                if let Some(slot) = table.0.get_mut(prefix as usize) {
                    *slot |= (range.lengths >> 12) as u8;
                }
            }
        }
        table
    }

    /// Could a number of `len` (12-19) digits that begins with these four be issued?
    #[inline(always)]
    pub(crate) fn issue(&self, head: u32, len: u32) -> bool {
        let lengths = self.0.get(head as usize).copied().unwrap_or(0);
        u32::from(lengths) >> len.wrapping_sub(12) & 1 == 1
    }
}

/// Brand of a card number given as digit values 0-9, by prefix and length (no Luhn).
pub fn issued(digits: &[u8]) -> Option<Issued> {
    Table::new().issued(digits)
}

const fn lengths(from: u32, to: u32) -> u32 {
    let mut mask = 0;
    let mut n = from;
    while n <= to {
        mask |= 1 << n;
        n += 1;
    }
    mask
}

const fn range(lo: u32, hi: u32, lengths: u32, brand: Brand, major: bool) -> Range {
    let mut scale = 1;
    while lo * scale < 10_000_000 {
        scale *= 10;
    }
    Range {
        lo: lo * scale,
        hi: (hi + 1) * scale - 1,
        lengths,
        issued: Issued { brand, major },
    }
}

const fn major(lo: u32, hi: u32, lengths: u32, brand: Brand) -> Range {
    range(lo, hi, lengths, brand, true)
}

const fn other(lo: u32, hi: u32, lengths: u32, brand: Brand) -> Range {
    range(lo, hi, lengths, brand, false)
}

const L16: u32 = lengths(16, 16);
const L16_19: u32 = lengths(16, 19);
const L12_19: u32 = lengths(12, 19);

const L15: u32 = lengths(15, 15);
const VERVE: u32 = L16 | lengths(18, 19);

/// First hit wins: ranges inside those of a major brand, major brands, regional ones,
/// then the wide Maestro range.
#[rustfmt::skip]
static RANGES: &[Range] = &[
    // Elo inside Visa and Discover (b): accepted as these, named Elo.
    major(401178, 401179, L16, Brand::Elo),
    major(438935, 438935, L16, Brand::Elo),
    major(457631, 457632, L16, Brand::Elo),
    major(431274, 431274, L16, Brand::Elo),
    major(451416, 451416, L16, Brand::Elo),
    major(457393, 457393, L16, Brand::Elo),
    major(650031, 650033, L16, Brand::Elo),
    major(650035, 650051, L16, Brand::Elo),
    major(650405, 650439, L16, Brand::Elo),
    major(650485, 650538, L16, Brand::Elo),
    major(650541, 650598, L16, Brand::Elo),
    major(650700, 650718, L16, Brand::Elo),
    major(650720, 650727, L16, Brand::Elo),
    major(650901, 650978, L16, Brand::Elo),
    major(651652, 651679, L16, Brand::Elo),
    major(655000, 655019, L16, Brand::Elo),
    major(655021, 655058, L16, Brand::Elo),
    major(4571, 4571, L16, Brand::Dankort), // co-branded Visa (w)
    // Major brands (b, w, l).
    major(4, 4, lengths(13, 13) | L16 | lengths(18, 19), Brand::Visa),
    major(51, 55, L16, Brand::Mastercard),
    major(2221, 2720, L16, Brand::Mastercard),
    major(34, 34, L15, Brand::Amex),
    major(37, 37, L15, Brand::Amex),
    major(6011, 6011, L16_19, Brand::Discover),
    major(644, 649, L16_19, Brand::Discover),
    major(65, 65, L16_19, Brand::Discover), // also RuPay, Troy, Verve 650002-650027 (u)
    major(622126, 622925, L16_19, Brand::Discover),
    other(357111, 357111, L16, Brand::LankaPay),
    major(3528, 3589, L16_19, Brand::Jcb), // also RuPay 353, 356
    major(1800, 1800, L15, Brand::Jcb),
    major(2131, 2131, L15, Brand::Jcb),
    major(300, 305, lengths(14, 19), Brand::Diners),
    major(3095, 3095, lengths(14, 19), Brand::Diners),
    major(36, 36, lengths(14, 19), Brand::Diners),
    major(38, 39, lengths(14, 19), Brand::Diners),
    other(627780, 627780, L16, Brand::Elo),
    major(62, 62, L16_19, Brand::UnionPay),
    major(8100, 8171, L16_19, Brand::UnionPay),
    // Maestro ranges in real use (b, w).
    major(5018, 5018, L12_19, Brand::Maestro),
    major(5020, 5020, L12_19, Brand::Maestro),
    major(5038, 5038, L12_19, Brand::Maestro),
    major(5893, 5893, L12_19, Brand::Maestro),
    major(6304, 6304, L12_19, Brand::Maestro),
    major(6759, 6759, L12_19, Brand::Maestro), // Maestro UK
    major(676770, 676770, L12_19, Brand::Maestro), // Maestro UK
    major(676774, 676774, L12_19, Brand::Maestro), // Maestro UK
    major(6761, 6763, L12_19, Brand::Maestro),
    // Regional (b, w; u where said).
    other(5019, 5019, L16, Brand::Dankort),
    other(2200, 2204, L16_19, Brand::Mir),
    other(2205, 2205, L16, Brand::Borica),
    other(504175, 504175, L16, Brand::Elo),
    other(506699, 506778, L16, Brand::Elo),
    other(509000, 509999, L16, Brand::Elo),
    other(636297, 636297, L16, Brand::Elo),
    other(636368, 636368, L16, Brand::Elo),
    other(506099, 506127, VERVE, Brand::Verve),
    other(506129, 506129, VERVE, Brand::Verve),
    other(506133, 506150, VERVE, Brand::Verve),
    other(506158, 506163, VERVE, Brand::Verve),
    other(506166, 506166, VERVE, Brand::Verve),
    other(506168, 506168, VERVE, Brand::Verve),
    other(506170, 506170, VERVE, Brand::Verve),
    other(506173, 506173, VERVE, Brand::Verve),
    other(506176, 506180, VERVE, Brand::Verve),
    other(506184, 506184, VERVE, Brand::Verve),
    other(506187, 506188, VERVE, Brand::Verve),
    other(506191, 506191, VERVE, Brand::Verve),
    other(506195, 506195, VERVE, Brand::Verve),
    other(506197, 506197, VERVE, Brand::Verve),
    other(507865, 507866, VERVE, Brand::Verve),
    other(507868, 507877, VERVE, Brand::Verve),
    other(507880, 507888, VERVE, Brand::Verve),
    other(507900, 507900, VERVE, Brand::Verve),
    other(507941, 507941, VERVE, Brand::Verve),
    other(606282, 606282, L16, Brand::Hipercard),
    other(384100, 384100, L16, Brand::Hipercard), // (u), Diners in this table
    other(637095, 637095, L16, Brand::Hiper),
    other(63737423, 63737423, L16, Brand::Hiper),
    other(63743358, 63743358, L16, Brand::Hiper),
    other(637568, 637568, L16, Brand::Hiper),
    other(637599, 637599, L16, Brand::Hiper),
    other(637609, 637609, L16, Brand::Hiper),
    other(637612, 637612, L16, Brand::Hiper),
    other(637, 639, L16, Brand::InstaPayment),
    other(636, 636, L16_19, Brand::InterPayment),
    other(9792, 9792, L16, Brand::Troy),
    other(60400100, 60420099, L16_19, Brand::UkrCard),
    other(508, 508, L16, Brand::RuPay),
    other(353, 353, L16, Brand::RuPay), // JCB in this table
    other(356, 356, L16, Brand::RuPay), // JCB in this table
    other(60, 60, L16, Brand::RuPay),
    other(81, 82, L16, Brand::RuPay),
    other(1, 1, L15, Brand::Uatp),
    other(31, 31, lengths(19, 19), Brand::TUnion),
    other(8600, 8600, L16, Brand::UzCard), // (u)
    other(9860, 9860, L16, Brand::Humo), // (u)
    other(9704, 9704, L16 | lengths(19, 19), Brand::Napas), // (u)
    other(94, 94, L16, Brand::BcCard), // (u)
    // The wide Maestro ranges: most id-like numbers that begin with 5 or 6.
    other(493698, 493698, L12_19, Brand::Maestro),
    other(50, 50, L12_19, Brand::Maestro),
    other(56, 58, L12_19, Brand::Maestro),
    other(6, 6, L12_19, Brand::Maestro),
];

/// Retired ranges inside the wide Maestro range, as 8-digit prefixes: Bankcard (w),
/// Switch and Solo (w).
static RETIRED: &[(u32, u32)] = &[
    (56_100_000, 56_109_999),
    (56_022_100, 56_022_599),
    (56_418_200, 56_418_299),
    (63_311_000, 63_311_099),
    (63_330_000, 63_349_999),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn brand(prefix: &str, len: usize) -> Option<(Brand, bool)> {
        let mut digits: Vec<u8> = prefix.bytes().map(|b| b - b'0').collect();
        digits.resize(len, 0);
        issued(&digits).map(|i| (i.brand, i.major))
    }

    #[test]
    fn range_edges() {
        use Brand::*;
        for (prefix, len, want) in [
            ("4", 16, Some((Visa, true))),
            ("4", 13, Some((Visa, true))),
            ("4", 14, None),
            ("50", 16, Some((Maestro, false))),
            ("51", 16, Some((Mastercard, true))),
            ("55", 16, Some((Mastercard, true))),
            ("55", 15, None),
            ("2220", 16, None),
            ("2221", 16, Some((Mastercard, true))),
            ("2720", 16, Some((Mastercard, true))),
            ("2721", 16, None),
            ("34", 15, Some((Amex, true))),
            ("37", 16, None),
            ("3527", 16, None),
            ("3528", 16, Some((Jcb, true))),
            ("3589", 19, Some((Jcb, true))),
            ("3590", 16, None),
            ("2131", 15, Some((Jcb, true))),
            ("36", 14, Some((Diners, true))),
            ("306", 14, None),
            ("62", 16, Some((UnionPay, true))),
            ("622126", 16, Some((Discover, true))),
            ("2204", 16, Some((Mir, false))),
            ("2205", 16, Some((Borica, false))),
            ("9792", 16, Some((Troy, false))),
            ("1", 15, Some((Uatp, false))),
            ("1", 13, None),
            ("1", 16, None),
            ("0", 16, None),
            ("7", 16, None),
            ("4", 18, Some((Visa, true))),
            ("4571", 16, Some((Dankort, true))),
            ("401178", 16, Some((Elo, true))),
            ("401180", 16, Some((Visa, true))),
            ("655021", 16, Some((Elo, true))),
            ("655020", 16, Some((Discover, true))),
            ("627780", 16, Some((Elo, false))),
            ("357111", 16, Some((LankaPay, false))),
            ("8171", 19, Some((UnionPay, true))),
            ("8172", 16, Some((RuPay, false))),
            ("8172", 19, None),
            ("506128", 16, Some((Maestro, false))),
            ("506129", 18, Some((Verve, false))),
            ("507942", 18, Some((Maestro, false))),
            ("63737423", 16, Some((Hiper, false))),
            ("5610", 16, None),
            ("560220", 16, Some((Maestro, false))),
            ("560221", 16, None),
            ("560225", 16, None),
            ("560226", 16, Some((Maestro, false))),
            ("564182", 16, None),
            ("6333", 16, None),
            ("6334", 18, None),
            ("6335", 16, Some((Maestro, false))),
            ("2014", 15, None),
            ("2149", 15, None),
            ("31", 19, Some((TUnion, false))),
            ("9860", 16, Some((Humo, false))),
            ("9704", 19, Some((Napas, false))),
        ] {
            assert_eq!(brand(prefix, len), want, "{prefix} at {len}");
        }
    }
}
