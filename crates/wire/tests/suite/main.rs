//! What users of `wire` rely on, by area. One binary, to link once.

mod bodies;
mod corpus;
mod edits;
mod heads;
mod messages;
mod outcomes;
mod properties;
mod smuggling;
mod sse_events;
