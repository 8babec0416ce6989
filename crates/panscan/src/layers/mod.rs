//! The layers in which text reaches an inline gateway: base64, UTF-16, compressed data
//! and documents inside them. Wraps the scanner of plain text (`stream.rs`).
//!
//! Every text is scanned as it is, and beside that searched for base64 runs. What a run
//! decodes to is a text (or a packed content) of its own, with a [`Stream`] of its own,
//! one layer deeper. A finding is written back to where its bytes came from; where that
//! cannot be done at the same length it is reported as not maskable.
//!
//! Bounds
//! - [`HOLD_ENCODED_MAX`] bytes are held at most while a run is open, and
//!   [`HOLD_BYTES_MAX`](crate::HOLD_BYTES_MAX) otherwise.
//! - [`Caps`]: layers, and size and ratio of what is decompressed.

mod base64;
mod charset;
mod events;
mod nest;
#[cfg(feature = "decode")]
mod pdf;
mod pieces;
mod run;
mod sniff;
#[cfg_attr(not(feature = "decode"), path = "sealed.rs")]
mod unpack;
mod wide;
#[cfg(feature = "decode")]
mod xml;
#[cfg(feature = "decode")]
mod zip;

use std::sync::Arc;

#[cfg(feature = "decode")]
pub(crate) use self::charset::Charset;
#[cfg(feature = "decode")]
use self::charset::Recoded;
use self::events::Events;
use self::nest::Inside;
use self::run::{Report, Runs};
use self::sniff::Content;
use crate::arch::Tier;
use crate::caps::Caps;
use crate::finding::Finding;
use crate::settings::Settings;
use crate::stream::{Carrier, Scanner as Plain, Stream as PlainStream};
use crate::undecodable::Undecodable;

/// Bytes held at most while something encoded is being read.
pub const HOLD_ENCODED_MAX: usize = 8 * 1024;

/// Finds card numbers, through every layer. Immutable: share one per deployment.
#[derive(Clone)]
pub struct Scanner {
    plain: Arc<Plain>,
    caps: Caps,
    deny_images: bool,
}

/// The scanner of plain text inside, for what has no layers.
impl std::ops::Deref for Scanner {
    type Target = Plain;

    fn deref(&self) -> &Plain {
        &self.plain
    }
}

/// State of one stream between chunks.
pub struct Stream {
    carrier: Carrier,
    /// Whether the caller knows the carrier, or the text has to tell.
    told: bool,
    /// Whether it is a stream of server-sent events.
    events: bool,
    depth: u8,
    /// Bytes fed, in this text and those before it.
    offset: u64,
    /// Where this text began.
    base: u64,
    form: Form,
    plain: PlainStream,
    runs: Runs,
    /// Findings that are not released yet.
    queue: Vec<Finding>,
    undecodable: Option<Undecodable>,
    released: u64,
}

/// How the bytes are read.
enum Form {
    /// Not known before [`sniff::HEAD`] bytes are there.
    Unknown {
        head: [u8; sniff::HEAD],
        len: usize,
    },
    Plain,
    Inside(Inside),
}

const UNKNOWN: Form = Form::Unknown {
    head: [0; sniff::HEAD],
    len: 0,
};

impl Stream {
    /// Upper bound of the size of a stream's state, without what it holds and decodes.
    pub const BYTES_MAX: usize = 1024;

    /// A stream at offset 0.
    pub fn new(carrier: Carrier) -> Stream {
        Stream {
            told: true,
            form: UNKNOWN,
            ..Stream::inside(carrier, 0)
        }
    }

    /// A stream of server-sent events at offset 0: the lines of data of one event are
    /// read as one text, JSON or not by its first character.
    pub fn events() -> Stream {
        Stream {
            events: true,
            ..Stream::new(Carrier::Json)
        }
    }

    #[cfg(feature = "decode")]
    /// A text whose charset is known and is not UTF-8.
    pub(crate) fn recoded(carrier: Carrier, charset: Charset) -> Stream {
        let inside = Inside::Recoded(Box::new(Recoded::new(charset, carrier, 0)));
        Stream {
            form: Form::Inside(inside),
            ..Stream::inside(carrier, 0)
        }
    }

    /// A text of a known form inside `depth` layers.
    pub(crate) fn inside(carrier: Carrier, depth: u8) -> Stream {
        Stream {
            carrier,
            told: false,
            events: false,
            depth,
            offset: 0,
            base: 0,
            form: Form::Plain,
            plain: PlainStream::new(carrier),
            runs: Runs::new(),
            queue: Vec::new(),
            undecodable: None,
            released: 0,
        }
    }

    #[cfg(feature = "decode")]
    /// Something inside `depth` layers.
    pub(crate) fn unknown(depth: u8) -> Stream {
        Stream {
            form: UNKNOWN,
            ..Stream::inside(Carrier::Text, depth)
        }
    }

    /// Bytes fed so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes fed and not released.
    pub fn held(&self) -> usize {
        (self.offset - self.released) as usize
    }

    /// The first reason why something in the stream could not be read. It stays.
    pub fn undecodable(&self) -> Option<Undecodable> {
        self.undecodable
    }

    /// Decides how the text is read, from its first bytes.
    fn begin(&mut self, scanner: &Scanner, head: &[u8]) {
        let content = sniff::content(head);
        let carrier = match content {
            _ if self.told => self.carrier,
            Content::Json => Carrier::Json,
            _ => Carrier::Text,
        };
        self.carrier = carrier;
        self.plain = PlainStream::new(carrier);
        self.form = match content {
            Content::Json | Content::Text | Content::Binary if self.events => {
                Form::Inside(Inside::Events(Box::new(Events::new(self.depth))))
            }
            Content::Json | Content::Text | Content::Binary => Form::Plain,
            Content::Image if !scanner.deny_images => Form::Plain,
            Content::Utf16 { .. } | Content::Packed(_) | Content::Image => {
                match Inside::open(scanner, content, carrier, self.depth) {
                    Ok(inside) => Form::Inside(inside),
                    Err(why) => {
                        self.undecodable = self.undecodable.or(Some(why));
                        Form::Plain
                    }
                }
            }
        };
    }
}

/// No bytes of the stream in it.
impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("carrier", &self.carrier)
            .field("depth", &self.depth)
            .field("offset", &self.offset)
            .field("held", &self.held())
            .field("undecodable", &self.undecodable)
            .finish()
    }
}

impl Scanner {
    /// Builds the tables, picks the fastest tier.
    pub fn new(settings: Settings) -> Scanner {
        Scanner::with_tier(settings, Tier::best())
    }

    /// With a tier of one's own choice, for tests and benches. One that this
    /// processor does not have becomes [`Tier::Plain`].
    pub fn with_tier(settings: Settings, tier: Tier) -> Scanner {
        Scanner {
            plain: Arc::new(Plain::with_tier(settings, tier)),
            caps: Caps::default(),
            deny_images: false,
        }
    }

    /// With other bounds of decoding.
    pub fn with_caps(mut self, caps: Caps) -> Scanner {
        self.caps = caps;
        self
    }

    /// Whether an image, which cannot be read, makes a stream undecodable. The default
    /// is to let images pass.
    pub fn deny_images(mut self, deny: bool) -> Scanner {
        self.deny_images = deny;
        self
    }

    /// The bounds of decoding.
    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    pub(crate) fn denies_images(&self) -> bool {
        self.deny_images
    }

    /// Feeds the next chunk. Findings come in order, with absolute offsets, and may
    /// start in an earlier chunk that is not released yet (one that is not maskable
    /// may start before that). Returns the absolute offset up to which bytes may
    /// leave: everything before it is final.
    pub fn scan(&self, st: &mut Stream, chunk: &[u8], sink: &mut dyn FnMut(Finding)) -> u64 {
        let mut chunk = chunk;
        if let Form::Unknown { head, len } = &mut st.form {
            if *len == 0 && chunk.len() >= sniff::HEAD {
                st.begin(self, chunk);
            } else {
                let more = chunk.len().min(sniff::HEAD - *len);
                head[*len..*len + more].copy_from_slice(&chunk[..more]);
                *len += more;
                chunk = &chunk[more..];
                if *len < sniff::HEAD {
                    st.offset += more as u64;
                    return st.released;
                }
                let head = *head;
                st.begin(self, &head);
                st.offset -= (sniff::HEAD - more) as u64;
                self.feed(st, &head);
            }
        }
        self.feed(st, chunk);
        emit(st, sink);
        st.released
    }

    /// End of a body or of an SSE event: decides what is held. Afterwards all that
    /// was fed is released, and the stream may be fed on as a new text (offsets go on).
    pub fn finish(&self, st: &mut Stream, sink: &mut dyn FnMut(Finding)) -> u64 {
        if let Form::Unknown { head, len } = st.form {
            st.offset -= len as u64;
            st.form = Form::Plain;
            self.feed(st, &head[..len]);
        }
        let (base, offset) = (st.base, st.offset);
        let queue = &mut st.queue;
        match &mut st.form {
            Form::Inside(inside) => {
                let mut found = Vec::new();
                inside.finish(self, &mut found);
                queue.extend(found.into_iter().map(|f| moved(f, base)));
                st.undecodable = st.undecodable.or(inside.undecodable());
            }
            _ => {
                self.plain
                    .finish(&mut st.plain, &mut |f| queue.push(moved(f, base)));
                let mut report = Report {
                    queue,
                    undecodable: &mut st.undecodable,
                    depth: st.depth,
                };
                st.runs.finish(self, offset, &mut report);
            }
        }
        st.released = st.offset;
        emit(st, sink);
        let form = if st.told || !matches!(st.form, Form::Plain) {
            UNKNOWN
        } else {
            Form::Plain
        };
        st.form = form;
        st.base = st.offset;
        st.plain = PlainStream::new(st.carrier);
        st.offset
    }

    /// One whole text, masked in place. Returns how many findings were reported.
    pub fn mask_in_place(
        &self,
        carrier: Carrier,
        buf: &mut [u8],
        sink: &mut dyn FnMut(Finding),
    ) -> usize {
        let mut st = Stream::new(carrier);
        // Patched at the end: what is masked must not change what is seen to its right.
        let mut found = Vec::new();
        self.scan(&mut st, buf, &mut |f| found.push(f));
        self.finish(&mut st, &mut |f| found.push(f));
        for finding in found.iter().filter(|f| f.masked) {
            if let Some(span) = buf.get_mut(finding.start as usize..finding.end as usize) {
                span.copy_from_slice(finding.replacement());
            }
        }
        let count = found.len();
        found.into_iter().for_each(sink);
        count
    }

    fn feed(&self, st: &mut Stream, chunk: &[u8]) {
        let (base, at) = (st.base, st.offset);
        st.offset += chunk.len() as u64;
        let queue = &mut st.queue;
        let release = match &mut st.form {
            Form::Inside(inside) => {
                let mut found = Vec::new();
                let release = inside.feed(self, chunk, at - base, &mut found);
                queue.extend(found.into_iter().map(|f| moved(f, base)));
                st.undecodable = st.undecodable.or(inside.undecodable());
                base + release
            }
            _ => {
                let release = self
                    .plain
                    .scan(&mut st.plain, chunk, &mut |f| queue.push(moved(f, base)));
                let mut report = Report {
                    queue,
                    undecodable: &mut st.undecodable,
                    depth: st.depth,
                };
                let encoded = st.runs.feed(self, chunk, at, &mut report);
                encoded.min(base + release)
            }
        };
        // A finding leaves as a whole, and after those before it.
        let waits = st.queue.iter().filter(|f| f.end > release);
        let release = waits.map(|f| f.start).fold(release, u64::min);
        st.released = st.released.max(release);
    }
}

/// A finding of a text that begins at `base`.
fn moved(mut finding: Finding, base: u64) -> Finding {
    finding.start += base;
    finding.end += base;
    finding
}

/// Hands over what is released as a whole, in order.
fn emit(st: &mut Stream, sink: &mut dyn FnMut(Finding)) {
    if st.queue.is_empty() {
        return;
    }
    st.queue.sort_by_key(|f| f.start);
    let ready = st.queue.partition_point(|f| f.end <= st.released);
    st.queue.drain(..ready).for_each(sink);
}
