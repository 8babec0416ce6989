//! Audit records from what the session knows. Text of peers passes the scrub.

use audit::{Action, DecisionFacts, FindingFacts, Kind, Masked, Origin, Record, Who};
use gateway_common::Reason;
use policy::{Decision, Principal, PrincipalKind, Verdict, Why};

use crate::decide::Call;
use crate::io::{Env, Flow};
use crate::profile::Mode;
use crate::scrub::CardScrub;
use crate::suppress::Sighting;

/// An empty record of this kind for this connection.
pub(crate) fn base(kind: Kind, call: u64, flow: &Flow, env: &Env<'_>) -> Record {
    let mut record = Record::new(kind, env.now.wall_ns);
    record.flow = flow.number;
    record.call = call;
    record.origin = Some(Origin {
        client: flow.client,
        destination: flow.destination,
        transport: flow.transport.to_string(),
        process: flow.process.as_ref().map(|p| process(p, env)),
    });
    record
}

fn process(facts: &policy::Process, env: &Env<'_>) -> audit::Process {
    let scrub = CardScrub(env.scanner);
    audit::Process {
        pid: facts.pid,
        uid: facts.uid,
        gid: facts.gid,
        cgroup_id: facts.cgroup_id,
        comm: scrub.text(&facts.comm),
        exe: facts.exe.as_deref().map(|t| scrub.text(t)),
        unit: facts.unit.as_deref().map(|t| scrub.text(t)),
    }
}

/// Who calls.
pub(crate) fn who(principal: &Principal, env: &Env<'_>) -> Who {
    let scrub = CardScrub(env.scanner);
    Who {
        kind: match principal.kind {
            PrincipalKind::User => audit::WhoKind::User,
            PrincipalKind::Workload => audit::WhoKind::Workload,
            PrincipalKind::Process => audit::WhoKind::Process,
        },
        id: scrub.text(&principal.id),
        issuer: principal.issuer.as_deref().map(|t| scrub.text(t)),
        method: principal.method.label().to_string(),
        groups: principal.groups.iter().map(|g| scrub.text(g)).collect(),
        token_id: principal.token_id.as_deref().map(|t| scrub.text(t)),
        key_id: principal.key_id.as_deref().map(|t| scrub.text(t)),
        process: principal.process.as_ref().map(|p| process(p, env)),
    }
}

/// What was asked for.
pub(crate) fn action(call: &Call, http_method: &[u8], env: &Env<'_>) -> Action {
    let scrub = CardScrub(env.scanner);
    Action {
        server: env.profile.server.clone(),
        method: scrub.text(&call.method),
        target: call.target.as_deref().map(|t| scrub.text(t)),
        rpc_id: call.id.as_deref().map(|id| scrub.bytes(id)),
        protocol_version: None,
        http_method: Some(scrub.bytes(http_method)),
    }
}

/// What was decided, and by which policies.
pub(crate) fn decision(decision: &Decision, reason: Reason, env: &Env<'_>) -> DecisionFacts {
    DecisionFacts {
        verdict: verdict(decision.verdict),
        reason: reason.code(),
        reason_name: reason.label().to_string(),
        policies: decision.determining.clone(),
        policy_set: decision.set_hash,
        enforced: env.profile.mode == Mode::Enforce,
    }
}

pub(crate) fn verdict(verdict: Verdict) -> audit::Verdict {
    match verdict {
        Verdict::Allow => audit::Verdict::Allow,
        Verdict::Deny => audit::Verdict::Deny,
        Verdict::Hold => audit::Verdict::Hold,
    }
}

/// The reason that stands for a decision.
pub(crate) fn reason(decision: &Decision) -> Reason {
    match decision.why {
        Why::Permit => Reason::Ok,
        Why::DefaultDeny => Reason::PolicyDefaultDeny,
        Why::Forbid => Reason::PolicyForbid,
        Why::EvaluationError => Reason::PolicyError,
        Why::EmptySet => Reason::PolicyEmpty,
        Why::ApprovalNeeded => Reason::ApprovalNeeded,
    }
}

/// What is known of a finding beside the finding itself.
pub(crate) struct Seen {
    /// Place in the message.
    pub(crate) path: Option<Masked<String>>,
    /// Suppression that covers it.
    pub(crate) suppressed: Option<String>,
}

impl Seen {
    /// Outside of any one message: in a head, or over several events.
    pub(crate) fn nowhere() -> Seen {
        Seen {
            path: None,
            suppressed: None,
        }
    }

    /// In the message of one call, or of several (`calls`): of several nobody can
    /// say whose it is, so it is never suppressed.
    pub(crate) fn in_message(
        finding: &panscan::Finding,
        calls: &[Call],
        path: Option<String>,
        number: impl Fn() -> Option<Vec<u8>>,
        env: &Env<'_>,
    ) -> Seen {
        let path = path.map(|path| CardScrub(env.scanner).text(&path));
        let covering = tool(calls).and_then(|tool| {
            let sighting = Sighting {
                server: &env.profile.server,
                tool,
                path: path.as_ref().map(Masked::as_str),
                kind: finding.kind.name(),
                confidence: finding.confidence.name(),
                shown: finding.shown().as_str(),
            };
            env.suppressions
                .covering(&sighting, number, env.now.wall_ns)
        });
        Seen {
            suppressed: covering.map(|s| s.id.clone()),
            path,
        }
    }
}

/// Target of the only call.
fn tool(calls: &[Call]) -> Option<&str> {
    match calls {
        [one] => one.target.as_deref(),
        _ => None,
    }
}

/// Whether the place of a further finding is worth the walk: it goes into the
/// record, or a suppression may ask for it.
pub(crate) fn wants_path(listed: usize, calls: &[Call], env: &Env<'_>) -> bool {
    listed < env.profile.limits.findings_recorded_max
        || tool(calls).is_some_and(|tool| env.suppressions.concern(&env.profile.server, tool))
}

/// A finding as it stands in a record: where and what, never the number.
pub(crate) fn finding(
    finding: &panscan::Finding,
    direction: audit::Direction,
    masked: bool,
    seen: Seen,
    env: &Env<'_>,
) -> FindingFacts {
    FindingFacts {
        direction,
        offset: finding.start,
        kind: finding.kind.name().to_string(),
        brand: finding.brand.name().to_string(),
        confidence: finding.confidence.name().to_string(),
        shown: CardScrub(env.scanner).text(&finding.shown().to_string()),
        masked,
        path: seen.path,
        test_pan: finding.test_pan,
        suppressed: seen.suppressed,
    }
}
