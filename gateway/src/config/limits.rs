//! Every bound of the gateway, by name, with its unit last.
//!
//! At a bound the answer is back-pressure or a refusal, and it is counted:
//! never a silent drop.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problems;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

macro_rules! limits {
    ($( $(#[doc = $doc:literal])* $name:ident = $default:expr, $least:expr, $most:expr; )*) => {
        /// Bounds of the gateway. A key that is not given has its default.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits {
            $( $(#[doc = $doc])* #[schemars(range(min = $least, max = $most))] pub $name: u64, )*
        }

        impl Default for Limits {
            fn default() -> Self {
                Limits { $( $name: $default, )* }
            }
        }

        impl Limits {
            pub(super) fn check(&self, problems: &mut Problems) {
                $( if !($least..=$most).contains(&self.$name) {
                    problems.push(
                        concat!("limits.", stringify!($name)),
                        format!("must be from {} to {}, is {}", $least, $most, self.$name),
                    );
                } )*
            }
        }
    };
}

limits! {
    /// Client connections at a time; a further one is refused.
    connections_max = 20_000, 1, 1_000_000;
    /// HTTP request or response head.
    head_bytes_max = 64 * KIB, KIB, MIB;
    /// Header fields in one head.
    head_fields_max = 128, 8, 1_024;
    /// Request body, which is held whole until it is decided.
    request_body_bytes_max = 4 * MIB, KIB, 256 * MIB;
    /// Bytes of one answer held back while its audit record is being written.
    response_hold_bytes_max = MIB, 4 * KIB, 64 * MIB;
    /// One SSE event of an answer.
    sse_event_bytes_max = 8 * MIB, KIB, 256 * MIB;
    /// Longest wait of an event whose text ends in seven and more digits.
    event_tail_ms = 200, 0, 1_000;
    /// JSON nesting in a message.
    json_depth_max = 128, 8, 512;
    /// Messages in a JSON-RPC batch.
    batch_messages_max = 100, 1, 1_000;
    /// Records waiting for the audit writer; at the bound calls wait or are refused.
    audit_queue_records_max = 65_536, 16, 1_048_576;
    /// Bytes waiting for the audit writer.
    audit_queue_bytes_max = 64 * MIB, MIB, 4 * GIB;
    /// Longest wait for an audit receipt before the call is refused.
    audit_receipt_timeout_ms = 5_000, 10, 60_000;
    /// Time for a TLS handshake.
    tls_handshake_timeout_ms = 10_000, 100, 120_000;
    /// From the first byte of a request to its last.
    request_timeout_ms = 60_000, 100, 600_000;
    /// Silence of a client between requests.
    idle_timeout_ms = 300_000, 1_000, 86_400_000;
    /// Time to connect to the upstream server.
    upstream_connect_timeout_ms = 5_000, 10, 120_000;
    /// Silence of the upstream server before its answer begins.
    upstream_response_timeout_ms = 300_000, 100, 86_400_000;
    /// Time that open calls have to end at shutdown.
    drain_timeout_ms = 30_000, 0, 3_600_000;
    /// One policy file.
    policy_file_bytes_max = 256 * KIB, KIB, MIB;
    /// Policy files in the directory.
    policy_files_max = 256, 1, 4_096;
}
