//! What the object holds, by name. Part of the ABI: pins carry these names.

/// Programs on a cgroup, in the order in which they are attached: identity can
/// be carried before anything is steered.
pub const CGROUP_PROGRAMS: [&str; 7] = [
    "on_sockops",
    "getpeername4",
    "getpeername6",
    "sendmsg4",
    "sendmsg6",
    "connect4",
    "connect6",
];

/// The program on a network namespace.
pub const NETNS_PROGRAM: &str = "on_sk_lookup";

/// Every map.
pub const MAPS: [&str; 15] = [
    "AYA_LOGS",
    "BYPASS",
    "CFG",
    "COUNTERS",
    "HEARTBEAT",
    "IN_PORTS",
    "IN_RULES",
    "LISTENERS",
    "NETNS",
    "OUT_RULES",
    "SK_ACCEPTED",
    "SK_CLIENT",
    "SK_EXEMPT",
    "SK_LISTENER",
    "TUPLES",
];
