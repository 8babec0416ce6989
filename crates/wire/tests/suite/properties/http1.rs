//! HTTP/1: cuts change nothing, spans lie within, a rewrite is read back.

use wire::http1::{
    BodyEvent, BodyLength, BodyReader, Edit, HeadParser, Limits, RequestHead, ResponseHead, rewrite,
};
use wire::{Span, WireError};

/// The first byte says where to cut, the rest is the connection's input.
pub(crate) fn hold(data: &[u8]) {
    let Some((cut, input)) = data.split_first() else {
        return;
    };
    let step = usize::from(*cut % 16) + 1;
    let limits = Limits {
        head_bytes_max: 2048,
        headers_max: 16,
        ..Limits::default()
    };
    let whole = request(input, input.len().max(1), &limits);
    assert_eq!(
        whole,
        request(input, step, &limits),
        "request head, pushes of {step}"
    );
    if let Ok(Some(head)) = whole {
        assert!(head.method.of(input).iter().all(|b| b.is_ascii_graphic()));
        check_lines(input, head.len, &head.headers);
        rewritten_request(input, &head, &limits);
        if let Ok(length) = BodyLength::of_request(input, &head) {
            bodies(length, &input[head.len..], step, &limits);
        }
    }
    let whole = response(input, input.len().max(1), &limits);
    assert_eq!(
        whole,
        response(input, step, &limits),
        "response head, pushes of {step}"
    );
    if let Ok(Some(head)) = whole {
        check_lines(input, head.len, &head.headers);
        for method in [&b"POST"[..], b"HEAD"] {
            if let Ok(length) = BodyLength::of_response(input, &head, method) {
                bodies(length, &input[head.len..], step, &limits);
            }
        }
    }
    bodies(BodyLength::Chunked, input, step, &limits);
}

/// Parse with the buffer growing by `step` bytes.
pub(crate) fn request(
    input: &[u8],
    step: usize,
    limits: &Limits,
) -> Result<Option<RequestHead>, WireError> {
    let mut parser = HeadParser::new();
    grow(input, step, |buf| parser.request(buf, limits))
}

/// Parse with the buffer growing by `step` bytes.
pub(crate) fn response(
    input: &[u8],
    step: usize,
    limits: &Limits,
) -> Result<Option<ResponseHead>, WireError> {
    let mut parser = HeadParser::new();
    grow(input, step, |buf| parser.response(buf, limits))
}

fn grow<T>(
    input: &[u8],
    step: usize,
    mut parse: impl FnMut(&[u8]) -> Result<Option<T>, WireError>,
) -> Result<Option<T>, WireError> {
    let mut len = 0;
    loop {
        len = (len + step).min(input.len());
        match parse(&input[..len])? {
            Some(head) => return Ok(Some(head)),
            None if len == input.len() => return Ok(None),
            None => {}
        }
    }
}

/// Header lines follow each other without a gap up to the blank line.
fn check_lines(input: &[u8], len: usize, headers: &[wire::http1::Header]) {
    let mut at = headers.first().map_or(len - 2, |h| h.line.start);
    for header in headers {
        assert_eq!(header.line.start, at);
        assert_eq!(header.name.start, at);
        assert!(header.line.of(input).ends_with(b"\r\n"));
        assert!(header.value.end + 2 <= header.line.end);
        assert_eq!(header.value.of(input).trim_ascii(), header.value.of(input));
        at = header.line.end;
    }
    assert_eq!(Span::new(at, len).of(input), b"\r\n");
}

fn rewritten_request(input: &[u8], head: &RequestHead, limits: &Limits) {
    let same = rewrite(input, &head.headers, &[]).expect("no edit");
    assert_eq!(same, &input[..head.len]);
    let edits = [Edit::Set("x-added", b"1"), Edit::Remove("accept-encoding")];
    let edited = rewrite(input, &head.headers, &edits).expect("plain edits");
    let roomy = Limits {
        headers_max: limits.headers_max + 1,
        head_bytes_max: 4096,
        ..limits.clone()
    };
    let again = HeadParser::new()
        .request(&edited, &roomy)
        .expect("parses")
        .expect("complete");
    assert_eq!(again.len, edited.len());
    assert_eq!(again.header(&edited, "X-Added"), Some(&b"1"[..]));
    assert_eq!(again.header(&edited, "Accept-Encoding"), None);
    assert_eq!(again.target.of(&edited), head.target.of(input));
}

/// What a reader reported, with offsets into the whole input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) payload: Vec<u8>,
    pub(crate) last_chunk: Option<usize>,
    pub(crate) ends: usize,
    pub(crate) consumed: usize,
    pub(crate) error: Option<WireError>,
}

/// Read a body in pushes of `step` bytes, until it ends or the input does.
pub(crate) fn read(length: BodyLength, input: &[u8], step: usize, limits: &Limits) -> Read {
    let mut reader = BodyReader::new(length, limits);
    let mut read = Read {
        payload: Vec::new(),
        last_chunk: None,
        ends: 0,
        consumed: 0,
        error: None,
    };
    loop {
        let base = read.consumed;
        let chunk = &input[base..(base + step).min(input.len())];
        let pushed = reader.push(chunk, &mut |event| match event {
            BodyEvent::Data(range) => {
                assert!(!range.is_empty());
                read.payload.extend_from_slice(&chunk[range]);
            }
            BodyEvent::LastChunk(at) => {
                assert_eq!(read.last_chunk, None);
                read.last_chunk = Some(base + at);
            }
            BodyEvent::End => read.ends += 1,
        });
        match pushed {
            Ok(taken) => {
                assert!(taken == chunk.len() || reader.is_done());
                read.consumed += taken;
            }
            Err(error) => {
                read.error = Some(error);
                return read;
            }
        }
        if reader.is_done() || read.consumed == input.len() {
            assert_eq!(read.ends, usize::from(reader.is_done()));
            return read;
        }
    }
}

fn bodies(length: BodyLength, input: &[u8], step: usize, limits: &Limits) {
    let whole = read(length, input, input.len().max(1), limits);
    let cut = read(length, input, step, limits);
    assert_eq!(whole.payload, cut.payload);
    assert_eq!(whole.error, cut.error);
    assert_eq!(whole.ends, cut.ends);
    if whole.error.is_none() {
        assert_eq!(whole.consumed, cut.consumed);
    }
    match (whole.last_chunk, cut.last_chunk) {
        // The size line of the last chunk was cut: its later part is reported.
        (Some(start), Some(at)) => assert!(at == start || (at > start && at % step == 0)),
        (start, at) => assert_eq!(start, at),
    }
    if length == BodyLength::Chunked && whole.ends == 1 {
        assert_eq!(
            decode_chunked(&input[..whole.consumed]),
            Some(whole.payload)
        );
    }
}

/// Another decoder, on httparse's chunk sizes, for a complete chunked body.
fn decode_chunked(mut input: &[u8]) -> Option<Vec<u8>> {
    let mut payload = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(input) else {
            return None;
        };
        let rest = input.get(line..)?;
        if size == 0 {
            let trailer_ends = rest == b"\r\n" || rest.ends_with(b"\r\n\r\n");
            return trailer_ends.then_some(payload);
        }
        let size = usize::try_from(size).ok()?;
        payload.extend_from_slice(rest.get(..size)?);
        input = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}
