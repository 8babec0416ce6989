//! The kernel suite: the real programs in the real kernel, each test in its own
//! cgroup, its own network namespaces and, where it pins, its own bpf file
//! system. Needs root and iproute2; without them each test says that it skips.
//!
//! Tests run one after another (cgroup membership belongs to the process).

mod failure;
mod gate;
mod host;
mod identity;
mod inbound;
mod lifecycle;
mod outbound;
mod probe;
mod upstream;
