//! What an operator asks of a running gateway: metrics, health, status.
//!
//! Beside the data path, never on it: its own thread and runtime, and the data
//! path only adds to atomics. It answers on a Unix socket and, if asked, on a
//! loopback address; what it says holds counts, names and reasons, never
//! payload, tokens or principals.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | Prometheus text format 0.0.4 |
//! | `/livez` | 200 while this thread runs |
//! | `/readyz` | 200 when every check is well, else 503; `?verbose` lists them |
//! | `/status` | JSON, [`Status`] |
//!
//! Bounds: [`server::CONNECTIONS_MAX`], [`server::CONNECTION_TIME_MAX`]; more
//! connections wait in the listen queue.

pub mod client;
mod histogram;
mod metrics;
mod readiness;
pub mod server;
mod status;

pub use histogram::Histogram;
pub use metrics::{Call, Direction, Metrics};
pub use readiness::{Check, Readiness};
pub use server::{AdminServer, bind_loopback, bind_unix};
pub use status::{AuditStatus, CallStatus, Status};

/// Where the socket is unless the config says otherwise.
pub const SOCKET_DEFAULT: &str = "/run/panward/admin.sock";
