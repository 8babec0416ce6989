//! Kinds of records: a stable number and a dotted name each.

macro_rules! kinds {
    ($( $(#[$doc:meta])* $name:ident = $code:literal, $label:literal; )*) => {
        /// What happened. Numbers and names are stable for ever; readers show a
        /// number they do not know as it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Kind {
            $( $(#[$doc])* $name, )*
            /// A kind of a later version of this format.
            Unknown(u16),
        }

        impl Kind {
            /// Every kind this version knows.
            pub const ALL: &'static [Kind] = &[ $( Kind::$name, )* ];

            /// The stable number.
            pub const fn code(self) -> u16 {
                match self { $( Kind::$name => $code, )* Kind::Unknown(code) => code }
            }

            /// The stable name.
            pub const fn label(self) -> &'static str {
                match self { $( Kind::$name => $label, )* Kind::Unknown(_) => "unknown" }
            }

            /// The kind with this number.
            pub const fn from_code(code: u16) -> Kind {
                match code { $( $code => Kind::$name, )* other => Kind::Unknown(other) }
            }
        }
    };
}

kinds! {
    /// The gateway started.
    GatewayStart = 1, "gateway.start";
    /// The gateway stopped in good order.
    GatewayStop = 2, "gateway.stop";
    /// A configuration was put in force.
    ConfigLoad = 3, "config.load";
    /// A policy set was put in force.
    PolicyLoad = 4, "policy.load";
    /// A suppression took effect: its findings are left as they are from here on.
    SuppressBegin = 5, "suppress.begin";
    /// A suppression is no more in effect: expired or taken away.
    SuppressEnd = 6, "suppress.end";

    /// First record of a segment: digest of the segment's header.
    AuditOpen = 10, "audit.open";
    /// The log was continued after a crash.
    AuditRecovered = 11, "audit.recovered";
    /// Records were dropped (mode `besteffort` only); the note says how many.
    AuditGap = 12, "audit.gap";
    /// A checkpoint was signed.
    CheckpointSigned = 13, "audit.checkpoint";
    /// The log could not be written for a while and can be again.
    AuditResumed = 14, "audit.resumed";

    /// Identity established.
    AuthOk = 20, "auth.ok";
    /// Identity refused.
    AuthFail = 21, "auth.fail";

    /// A call was decided; written before it goes upstream.
    McpCall = 30, "mcp.call";
    /// Findings were masked in a part of an answer.
    McpMask = 31, "mask";
    /// A call ended.
    McpResult = 32, "mcp.result";
    /// Malformed or undecidable traffic was refused.
    Refused = 33, "refused";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_and_names_are_unique_and_map_back() {
        let codes: HashSet<u16> = Kind::ALL.iter().map(|k| k.code()).collect();
        let labels: HashSet<&str> = Kind::ALL.iter().map(|k| k.label()).collect();
        assert_eq!(
            (codes.len(), labels.len()),
            (Kind::ALL.len(), Kind::ALL.len())
        );
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), *kind);
        }
        assert_eq!(Kind::from_code(999), Kind::Unknown(999));
    }
}
