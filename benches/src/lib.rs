//! What the benches run on and beside: texts made from fixed seeds, detectors of others,
//! a clock of CPU time, and the record of a run.
//!
//! The scan bench (`benches/scan.rs`) is on no data path and builds nothing of the
//! gateway; the benches of policy and audit log need the feature `gateway`.

pub mod clock;
pub mod corpus;
pub mod goals;
pub mod machine;
pub mod peers;
pub mod record;
pub mod run;
pub mod unpack;
