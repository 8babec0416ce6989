//! The sans-IO session of panward: bytes in, permitted and recorded bytes out.
//!
//! One [`Session`] per downstream connection. The shell feeds [`Input`]s and
//! carries out [`Output`]s in order; it decides nothing. The session knows no
//! socket, clock or file: time comes in [`Env`], so the same inputs give the
//! same outputs and a seed replays a bug.
//!
//! Order, fixed in types: bytes for the server need a policy permit and an audit
//! ticket ([`Forward`]), bytes for the client an audit receipt ([`Answer`]).
//!
//! Bounds: a request is held whole up to [`Limits::request_body_bytes_max`]
//! (its arguments decide); answers stream, held back are an unfinished digit
//! run, an unfinished SSE event of at most [`Limits::sse_hold_bytes_max`], and
//! the last byte until its record is on disk.
#![forbid(unsafe_code)]

mod answer;
mod arguments;
mod decide;
mod facts;
mod io;
mod path;
mod pipe;
mod profile;
mod replies;
mod request;
mod scrub;
mod session;
mod suppress;

pub use io::{Answer, Authorizations, Env, Flow, Forward, Input, Now, Observer, Output};
pub use path::fold_path;
pub use profile::{Authorization, Credential, Limits, Mode, Profile};
pub use replies::{RPC_APPROVAL, RPC_DENIED};
pub use scrub::CardScrub;
pub use session::Session;
pub use suppress::{Fingerprint, FingerprintKey, Numbers, Sighting, Suppression, Suppressions};
