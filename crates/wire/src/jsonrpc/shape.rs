//! Which keys of which objects are read, and nothing else.

/// An object or array that is open while walking a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Batch,
    Message,
    Params,
    Meta,
    ClientInfo,
    Result,
    Error,
    /// Anything in a message's params or beside them: keys must differ.
    Inside,
    /// Anything within `result` or `error`: passes as it is.
    Answer,
}

/// A key that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Jsonrpc,
    Id,
    Method,
    Params,
    Result,
    Error,
    Name,
    Uri,
    Arguments,
    Meta,
    ClientInfo,
    ProtocolVersion,
    ProgressToken,
    MetaProtocolVersion,
    MetaClientInfo,
    ClientName,
    IsError,
    Code,
    /// A key that is not read.
    Other,
}

impl Place {
    /// The slot of a key, escapes resolved, in an object of this kind.
    pub(super) fn slot(self, key: &[u8]) -> Slot {
        self.keys()
            .iter()
            .find(|(name, _)| name.as_bytes() == key)
            .map_or(Slot::Other, |k| k.1)
    }

    /// Whether a key that is none of this object's would be taken for one by a
    /// parser that ignores case.
    pub(super) fn is_look_alike(self, key: &[u8]) -> bool {
        if !matches!(self, Place::Message | Place::Params) {
            return false;
        }
        let Ok(key) = std::str::from_utf8(key) else {
            return false;
        };
        self.keys().iter().any(|(name, _)| folds_equal(key, name))
    }

    /// Whether every key of the object must differ from every other.
    pub(super) fn keys_must_differ(self) -> bool {
        !matches!(
            self,
            Place::Batch | Place::Result | Place::Error | Place::Answer
        )
    }

    /// What an object or array is that is the value of `slot` in this one.
    pub(super) fn child(self, slot: Slot, is_object: bool) -> Place {
        match (self, slot, is_object) {
            (Place::Message, Slot::Params, true) => Place::Params,
            (Place::Message, Slot::Result, true) => Place::Result,
            (Place::Message, Slot::Error, true) => Place::Error,
            (Place::Message, Slot::Result | Slot::Error, false) => Place::Answer,
            (Place::Params, Slot::Meta, true) => Place::Meta,
            (Place::Params, Slot::ClientInfo, true) => Place::ClientInfo,
            (Place::Meta, Slot::MetaClientInfo, true) => Place::ClientInfo,
            (Place::Result | Place::Error | Place::Answer, _, _) => Place::Answer,
            _ => Place::Inside,
        }
    }

    fn keys(self) -> &'static [(&'static str, Slot)] {
        match self {
            Place::Message => &[
                ("jsonrpc", Slot::Jsonrpc),
                ("id", Slot::Id),
                ("method", Slot::Method),
                ("params", Slot::Params),
                ("result", Slot::Result),
                ("error", Slot::Error),
            ],
            Place::Params => &[
                ("name", Slot::Name),
                ("uri", Slot::Uri),
                ("arguments", Slot::Arguments),
                ("_meta", Slot::Meta),
                ("clientInfo", Slot::ClientInfo),
                ("protocolVersion", Slot::ProtocolVersion),
            ],
            Place::Meta => &[
                ("progressToken", Slot::ProgressToken),
                (
                    "io.modelcontextprotocol/protocolVersion",
                    Slot::MetaProtocolVersion,
                ),
                ("io.modelcontextprotocol/clientInfo", Slot::MetaClientInfo),
            ],
            Place::ClientInfo => &[("name", Slot::ClientName)],
            Place::Result => &[("isError", Slot::IsError)],
            Place::Error => &[("code", Slot::Code)],
            Place::Batch | Place::Inside | Place::Answer => &[],
        }
    }
}

/// Equality under Unicode simple folding, for an ASCII `name`: besides ASCII
/// case, U+017F folds to `s` and U+212A to `k`.
fn folds_equal(key: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(name.chars().map(fold))
}
