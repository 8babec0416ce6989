//! Issuer number ranges and the lengths issued in them: versioned data.
//!
//! Sources: (b) braintree/credit-card-type `src/lib/card-types.ts` at 0bac61c,
//! (w) public tables derived from Wikipedia "Payment card number", (l) ldapwiki
//! "Bank Card Number", Nov 2024, (u) not confirmed by a second source. Where they
//! differ the wider range is taken for major brands, the narrower for others.

/// Version of the table, for records and bug reports. Year.month.revision.
pub const VERSION: &str = "2026.11.1";

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
}
