//! Real clients and servers, end to end.
//!
//! A scenario takes an endpoint and says what a client must find there; it does not know
//! what the endpoint is. `direct` runs the scenarios against the servers themselves: that
//! baseline shows that a later failure is the gateway's.

mod direct;
mod scenario;
mod watch;
