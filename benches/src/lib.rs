//! Shared by the criterion benches: what they run on.

pub mod corpus;
