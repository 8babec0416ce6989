//! What a caller presented.

use zeroize::Zeroizing;

use super::token::TOKEN_BYTES_MAX;
use crate::tls::PeerCertificate;

/// A bearer token. Wiped when dropped; no `Debug`, no `Display`, no `Clone`.
pub struct Bearer(Zeroizing<Vec<u8>>);

impl Bearer {
    /// The token of one `Authorization` value with the scheme `Bearer` (any
    /// case); `None` for every other scheme. At most [`TOKEN_BYTES_MAX`] + 1
    /// bytes are kept: a longer token is refused anyway.
    pub fn from_header(value: &[u8]) -> Option<Bearer> {
        let value = value.trim_ascii();
        let (scheme, rest) = value.split_at_checked("bearer".len())?;
        if !scheme.eq_ignore_ascii_case(b"bearer") || !rest.first().is_none_or(is_blank) {
            return None;
        }
        let token = rest.trim_ascii();
        let kept = token.get(..TOKEN_BYTES_MAX + 1).unwrap_or(token);
        Some(Bearer(Zeroizing::new(kept.to_vec())))
    }

    /// The token of all `Authorization` values of a request. Several of them,
    /// with a bearer among them, are ambiguous: the result is a token that no
    /// server accepts.
    pub fn from_headers<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Bearer> {
        let mut bearer = None;
        let mut count = 0usize;
        for value in values {
            count += 1;
            bearer = Bearer::from_header(value).or(bearer);
        }
        if count > 1 && bearer.is_some() {
            return Some(Bearer(Zeroizing::new(Vec::new())));
        }
        bearer
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Everything a caller presented; fields that are absent were not presented.
#[derive(Default)]
pub struct Evidence {
    /// Client certificate of the TLS session, its chain already verified.
    pub client_cert: Option<PeerCertificate>,
    /// Bearer token of this request.
    pub bearer: Option<Bearer>,
    /// Local process at the other end, from the kernel.
    pub process: Option<policy::Process>,
}
