//! Real clients and servers, end to end.
//!
//! A scenario takes an endpoint and says what a client must find there; it does not know
//! what the endpoint is. `direct` runs the scenarios against the servers themselves: that
//! baseline shows that a later failure is the gateway's. `through` runs them through a
//! gateway's explicit listener and compares; `redirect` and `crash` need root.

mod admin;
mod crash;
mod direct;
mod ground;
mod identity;
mod place;
mod raw;
mod redirect;
mod scenario;
mod secrets;
mod suppress;
mod through;
mod watch;
