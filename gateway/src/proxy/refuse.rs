//! Records of connections that never become a session.

use audit::{DecisionFacts, Kind, Masked, Origin, Record, Verdict};
use engine::Flow;
use gateway_common::Reason;

use super::server::{Gateway, Server};

/// A TLS handshake that failed, or did not end in time.
pub(super) fn handshake(gateway: &Gateway, server: &Server, flow: &Flow, reason: Reason) {
    let mut record = Record::new(Kind::AuthFail, super::clock::now().wall_ns);
    record.flow = flow.number;
    record.origin = Some(Origin {
        client: flow.client,
        destination: flow.destination,
        transport: "tls".to_string(),
        process: None,
    });
    record.action = Some(audit::Action {
        server: server.profile.server.clone(),
        method: Masked::constant("tls/handshake"),
        target: None,
        rpc_id: None,
        protocol_version: None,
        http_method: None,
    });
    record.decision = Some(DecisionFacts {
        verdict: Verdict::Deny,
        reason: reason.code(),
        reason_name: reason.label().to_string(),
        policies: Vec::new(),
        policy_set: gateway.snapshot.load().policies.hash(),
        enforced: true,
    });
    gateway.metrics.reason(reason);
    // The connection is closed in any case; a log that cannot take the record
    // shows in its own metric and health check.
    if gateway.recorder.record(&record).is_err() {
        tracing::error!(
            reason = reason.label(),
            "refused handshake could not be recorded"
        );
    }
}
