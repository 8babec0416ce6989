//! How a body is delimited: RFC 9112 section 6.3, with every ambiguous case an
//! error. Two parsers that disagree here are what request smuggling is made of.

use crate::WireError;
use crate::http1::{Header, RequestHead, ResponseHead, headers};

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// No body.
    Empty,
    /// Exactly this many bytes; may be 0.
    Exact(u64),
    /// The chunked transfer coding.
    Chunked,
    /// Until the peer closes (responses only).
    UntilClose,
}

impl BodyLength {
    /// How the body of a request is delimited.
    ///
    /// # Errors
    /// `Framing` where parsers could disagree.
    pub fn of_request(buf: &[u8], head: &RequestHead) -> Result<BodyLength, WireError> {
        Ok(stated(buf, &head.headers, head.minor_version)?.unwrap_or(BodyLength::Empty))
    }

    /// How the body of a response to a request with this method is delimited.
    ///
    /// # Errors
    /// `Framing` where parsers could disagree, and for a status that has no
    /// body but states one; `Unsupported` for 101 and for answers to CONNECT.
    pub fn of_response(
        buf: &[u8],
        head: &ResponseHead,
        request_method: &[u8],
    ) -> Result<BodyLength, WireError> {
        if head.status == 101 {
            return Err(WireError::Unsupported("protocol switch"));
        }
        if request_method == b"CONNECT" {
            return Err(WireError::Unsupported("tunnel"));
        }
        let stated = stated(buf, &head.headers, head.minor_version)?;
        match (head.status, stated) {
            // These two may state the length that a GET would have had.
            _ if request_method == b"HEAD" => Ok(BodyLength::Empty),
            (304, _) => Ok(BodyLength::Empty),
            (100..=199 | 204, None | Some(BodyLength::Exact(0))) => Ok(BodyLength::Empty),
            (100..=199 | 204, Some(_)) => {
                Err(WireError::Framing("body stated for a status that has none"))
            }
            (_, Some(length)) => Ok(length),
            (_, None) => Ok(BodyLength::UntilClose),
        }
    }
}

/// What the headers state, if they state a length.
fn stated(
    buf: &[u8],
    fields: &[Header],
    minor_version: u8,
) -> Result<Option<BodyLength>, WireError> {
    let coding = headers::single(buf, fields, "transfer-encoding")
        .map_err(|_| WireError::Framing("transfer-encoding given twice"))?;
    let length = headers::single(buf, fields, "content-length")
        .map_err(|_| WireError::Framing("content-length given twice"))?;
    match (coding, length) {
        (Some(_), Some(_)) => Err(WireError::Framing("content-length with transfer-encoding")),
        (Some(_), None) if minor_version == 0 => {
            Err(WireError::Framing("transfer-encoding in http/1.0"))
        }
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(Some(BodyLength::Chunked))
        }
        (Some(_), None) => Err(WireError::Framing("transfer coding other than chunked")),
        (None, Some(length)) => decimal(length).map(|n| Some(BodyLength::Exact(n))),
        (None, None) => Ok(None),
    }
}

/// 1*DIGIT, nothing else: no sign, no list, no white space.
fn decimal(text: &[u8]) -> Result<u64, WireError> {
    if text.is_empty() {
        return Err(WireError::Framing("content-length is empty"));
    }
    text.iter().try_fold(0_u64, |sum, b| {
        if !b.is_ascii_digit() {
            return Err(WireError::Framing("content-length is not a number"));
        }
        sum.checked_mul(10)
            .and_then(|sum| sum.checked_add(u64::from(b - b'0')))
            .ok_or(WireError::Framing("content-length overflows"))
    })
}
