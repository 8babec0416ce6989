//! A whole request -> what is asked, what the policy says, what was found in it.

use audit::{Direction, FindingFacts, Kind, Ticket};
use bytes::Bytes;
use gateway_common::Reason;
use policy::{Arguments, Decision, MaskRule, Permitted, PolicySet, Principal, Request, Verdict};
use std::sync::LazyLock;
use wire::jsonrpc::{self, Message, Payload};

use crate::facts::{self, Seen};
use crate::io::{Env, Flow};
use crate::path::Walk;
use crate::pipe::Pipe;
use crate::profile::Mode;
use crate::replies::{self, Denial};
use crate::request::{Incoming, reason_of};
use crate::scrub::CardScrub;

/// The set behind observe mode: permits everything, and says so in the record.
static OBSERVE: LazyLock<PolicySet> = LazyLock::new(PolicySet::observe_all);

/// One thing that is asked for: a JSON-RPC message, or a bodiless HTTP request.
pub(crate) struct Call {
    /// Number within the connection.
    pub(crate) number: u64,
    pub(crate) method: String,
    pub(crate) target: Option<String>,
    /// Raw JSON of the id, from the masked body.
    pub(crate) id: Option<Vec<u8>>,
    /// Whether the client waits for an answer to it.
    pub(crate) is_request: bool,
    arguments: Option<wire::Span>,
    id_span: Option<wire::Span>,
}

/// Everything that follows from a request, before anything is recorded.
pub(crate) struct Ruling {
    pub(crate) calls: Vec<Call>,
    decisions: Vec<Decision>,
    /// The decision that counts for the whole request: the strictest.
    governing: usize,
    pub(crate) reason: Reason,
    pub(crate) mask_response: bool,
    pub(crate) block_on_finding: bool,
    pub(crate) findings: Vec<FindingFacts>,
    /// Whole upstream request, masked.
    bytes: Bytes,
    /// Masked payload, for the record.
    payload: Vec<u8>,
    batch: bool,
}

/// Decides `incoming`. An error is a request that cannot be decided.
pub(crate) fn rule(
    incoming: &Incoming,
    principal: &Principal,
    next_call: &mut u64,
    flow: &Flow,
    env: &Env<'_>,
) -> Result<Ruling, Reason> {
    let payload = incoming.payload();
    let (mut calls, batch) = asked(incoming, &payload, next_call, env)?;
    let mut decisions = Vec::with_capacity(calls.len());
    let session = incoming.mcp_session().map(String::from_utf8_lossy);
    for call in &calls {
        let arguments = match call.arguments {
            Some(span) => {
                crate::arguments::flatten(span.of(&payload)).map_err(|_| Reason::JsonMalformed)?
            }
            None => Arguments::new(),
        };
        decisions.push(env.policies.decide(&Request {
            principal,
            server: &env.profile.server,
            method: &call.method,
            target: call.target.as_deref(),
            arguments: &arguments,
            session: session.as_deref(),
            client_ip: flow.client.ip(),
        }));
    }
    let governing = strictest(&decisions);
    let mut reason = facts::reason(&decisions[governing]);
    let mask_request = decisions
        .iter()
        .any(|d| d.obligations.mask_request == MaskRule::Mask);
    let mask_response = decisions
        .iter()
        .any(|d| d.obligations.mask_response == MaskRule::Mask);
    let block_on_finding = decisions.iter().any(|d| d.obligations.block_on_finding);

    let scanned = scan(incoming, &payload, &calls, mask_request, env);
    if reason == Reason::Ok && (scanned.in_head || (block_on_finding && scanned.total > 0)) {
        // A masked header or target would be another request: refused instead.
        reason = Reason::FindingBlocked;
    }
    if let (Reason::Ok, Some(closed)) = (reason, scanned.closed) {
        reason = closed;
    }
    for call in &mut calls {
        call.id = call.id_span.map(|span| span.of(&scanned.payload).to_vec());
    }
    let bytes = upstream_bytes(incoming, principal, scanned.patches, env)?;
    Ok(Ruling {
        calls,
        decisions,
        governing,
        reason,
        mask_response,
        block_on_finding,
        findings: scanned.findings,
        bytes,
        payload: match scanned.is_recordable {
            true => scanned.payload,
            false => Vec::new(),
        },
        batch,
    })
}

impl Ruling {
    fn decision(&self) -> &Decision {
        &self.decisions[self.governing]
    }

    /// Hands one `mcp.call` per message to the log.
    pub(crate) fn record(
        &self,
        incoming: &Incoming,
        principal: &Principal,
        flow: &Flow,
        env: &Env<'_>,
    ) -> Result<Vec<Ticket>, Reason> {
        let scrub = CardScrub(env.scanner);
        let mut tickets = Vec::with_capacity(self.calls.len());
        for (call, decision) in self.calls.iter().zip(&self.decisions) {
            let mut record = facts::base(Kind::McpCall, call.number, flow, env);
            let reason = match self.reason {
                Reason::FindingBlocked | Reason::Uninspectable => self.reason,
                _ => facts::reason(decision),
            };
            record.who = Some(facts::who(principal, env));
            record.session = incoming.mcp_session().map(|s| scrub.bytes(s));
            record.action = Some(facts::action(call, incoming.method(), env));
            let mut decided = facts::decision(decision, reason, env);
            if matches!(reason, Reason::FindingBlocked | Reason::Uninspectable) {
                decided.verdict = audit::Verdict::Deny;
            }
            env.observer.decided(decided.verdict, reason);
            record.decision = Some(decided);
            record.findings = self.findings.clone();
            if env.profile.record_bodies
                && !self.payload.is_empty()
                && self.payload.len() <= env.profile.limits.recorded_body_bytes_max
            {
                record.payload = Some(audit::Raw::new(self.payload.clone()).mask(&scrub));
            }
            tickets.push(env.recorder.record(&record).map_err(|e| unavailable(&e))?);
        }
        Ok(tickets)
    }

    /// The permit for the upstream bytes, if the verdict is Allow or only
    /// observed; else the answer that tells the client.
    pub(crate) fn permit(&mut self, flow: &Flow, incoming: &Incoming, env: &Env<'_>) -> Outcome {
        let bytes = std::mem::take(&mut self.bytes);
        if env.profile.mode == Mode::Observe {
            return match observed().permit(bytes) {
                Ok(permitted) => Outcome::Forward(permitted),
                Err(_) => Outcome::Answer(self.denial(flow, incoming)),
            };
        }
        if self.reason != Reason::Ok || self.decisions.iter().any(|d| d.verdict != Verdict::Allow) {
            return Outcome::Answer(self.denial(flow, incoming));
        }
        match self.decision().permit(bytes) {
            Ok(permitted) => Outcome::Forward(permitted),
            Err(_) => Outcome::Answer(self.denial(flow, incoming)),
        }
    }

    fn denial(&self, flow: &Flow, incoming: &Incoming) -> Bytes {
        let close = !incoming.keep_alive();
        let number = self.calls.first().map_or(0, |c| c.number);
        let reference = format!("{}-{}", flow.number, number);
        let denial = Denial {
            reason: self.reason,
            policies: &self.decision().determining,
            reference: &reference,
        };
        let answers: Vec<Vec<u8>> = self
            .calls
            .iter()
            .filter(|c| c.is_request)
            .map(|c| {
                let id = c.id.as_deref().unwrap_or(b"null");
                denial.message(id, c.method == "tools/call", incoming.is_modern())
            })
            .collect();
        if answers.is_empty() {
            return match incoming.method() {
                // No stream, no session end: the status that clients know for it.
                b"GET" | b"DELETE" => replies::json(405, b"", &[("allow", "POST")], close),
                // A notification has no answer; its denial is in the record.
                b"POST" if incoming.is_json() => replies::json(202, b"", &[], close),
                _ => replies::refusal(self.reason, &reference, None),
            };
        }
        let body = match (self.batch, answers.as_slice()) {
            (false, [one]) => one.clone(),
            _ => {
                let mut all = b"[".to_vec();
                all.extend_from_slice(&answers.join(&b','));
                all.push(b']');
                all
            }
        };
        replies::json(200, &body, &[], close)
    }
}

/// What becomes of a decided request.
pub(crate) enum Outcome {
    Forward(Permitted<Bytes>),
    Answer(Bytes),
}

/// The decision that permits bytes in observe mode.
pub(crate) fn observed() -> Decision {
    let nobody = nobody();
    OBSERVE.decide(&Request {
        principal: &nobody,
        server: "",
        method: "other",
        target: None,
        arguments: &Arguments::new(),
        session: None,
        client_ip: std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    })
}

/// The principal of traffic that is observed without an identity.
pub(crate) fn nobody() -> Principal {
    Principal {
        kind: policy::PrincipalKind::Process,
        id: "unknown".to_string(),
        issuer: None,
        method: policy::AuthnMethod::Process,
        groups: Vec::new(),
        token_id: None,
        key_id: None,
        process: None,
    }
}

/// What an audit error means for traffic.
pub(crate) fn unavailable(error: &audit::AuditError) -> Reason {
    match error {
        audit::AuditError::Full => Reason::AuditOverload,
        _ => Reason::AuditUnavailable,
    }
}

/// The messages of a request.
fn asked(
    incoming: &Incoming,
    payload: &[u8],
    next_call: &mut u64,
    env: &Env<'_>,
) -> Result<(Vec<Call>, bool), Reason> {
    let mcp = env.profile.is_mcp(incoming.path());
    let method = incoming.method();
    let coded = incoming
        .header("content-encoding")
        .is_some_and(|v| v != b"identity");
    if coded && incoming.has_body() {
        return Err(Reason::Uninspectable);
    }
    if mcp && method == b"POST" && incoming.is_json() {
        let parsed =
            jsonrpc::parse(payload, &env.profile.limits.jsonrpc).map_err(|e| reason_of(&e))?;
        let (messages, batch) = match parsed {
            Payload::Single(message) => (vec![message], false),
            Payload::Batch(messages) => (messages, true),
        };
        if messages.is_empty() {
            return Err(Reason::JsonRpcInvalid);
        }
        for message in &messages {
            headers_agree(incoming, message)?;
        }
        return Ok((
            messages.into_iter().map(|m| call(m, next_call)).collect(),
            batch,
        ));
    }
    *next_call += 1;
    let verb = String::from_utf8_lossy(method).into_owned();
    let path = String::from_utf8_lossy(incoming.path()).into_owned();
    let (method, target) = match (mcp, verb.as_str()) {
        (true, "GET" | "DELETE") => (format!("http/{verb}"), None),
        _ => (format!("http/other/{verb}"), Some(path)),
    };
    Ok((
        vec![Call {
            number: *next_call,
            method,
            target,
            id: None,
            is_request: false,
            arguments: None,
            id_span: None,
        }],
        false,
    ))
}

fn call(message: Message, next_call: &mut u64) -> Call {
    use wire::jsonrpc::Kind;
    *next_call += 1;
    let method = match message.kind {
        Kind::Request | Kind::Notification => message.method.unwrap_or_default(),
        Kind::Response | Kind::ErrorResponse => "client/response".to_string(),
    };
    Call {
        number: *next_call,
        method,
        target: message.name.or(message.uri),
        id: None,
        is_request: message.kind == Kind::Request,
        arguments: message.arguments,
        id_span: message.id,
    }
}

/// The MCP headers of 2026-07-28 are never trusted over the body, and must not
/// say something else to a server that reads them.
fn headers_agree(incoming: &Incoming, message: &Message) -> Result<(), Reason> {
    let said = |name: &'static str| incoming.header(name);
    let method = message.method.as_deref().unwrap_or_default();
    if said("mcp-method").is_some_and(|v| v != method.as_bytes()) {
        return Err(Reason::HeaderMismatch);
    }
    let name = message.name.as_deref().or(message.uri.as_deref());
    match said("mcp-name") {
        Some(value) if value.starts_with(b"=?base64?") => Ok(()),
        Some(value) if name.is_some_and(|n| n.as_bytes() != value) => Err(Reason::HeaderMismatch),
        _ => Ok(()),
    }
}

fn strictest(decisions: &[Decision]) -> usize {
    let rank = |d: &Decision| match d.verdict {
        Verdict::Deny => 0,
        Verdict::Hold => 1,
        Verdict::Allow => 2,
    };
    (0..decisions.len())
        .min_by_key(|i| rank(&decisions[*i]))
        .unwrap_or(0)
}

struct Scanned {
    findings: Vec<FindingFacts>,
    total: u32,
    patches: Vec<(u64, Vec<u8>)>,
    in_head: bool,
    /// Why the body may not pass although it is masked: something in it cannot be
    /// masked or read.
    closed: Option<Reason>,
    is_recordable: bool,
    payload: Vec<u8>,
}

/// Scans head and payload; the payload copy comes back masked in any case,
/// since it is for the record, which leaves it out where it cannot be.
fn scan(incoming: &Incoming, payload: &[u8], calls: &[Call], mask: bool, env: &Env<'_>) -> Scanned {
    let mut scanned = Scanned {
        findings: Vec::new(),
        total: 0,
        patches: Vec::new(),
        in_head: false,
        closed: None,
        is_recordable: true,
        payload: payload.to_vec(),
    };
    let enforce = env.profile.mode == Mode::Enforce;
    let max = env.profile.limits.findings_recorded_max;
    let evidence = ["authorization", "cookie", "proxy-authorization"].map(|name| {
        incoming
            .header(name)
            .map(|v| range_in(&incoming.raw_head, v))
    });
    let mut head = incoming.raw_head.to_vec();
    env.scanner
        .mask_in_place(panscan::Carrier::Text, &mut head, &mut |found| {
            let at = found.start as usize;
            if !found.masked || evidence.iter().flatten().any(|r| r.contains(&at)) {
                return;
            }
            scanned.in_head = true;
            scanned.total += 1;
            env.observer.found(found.brand.name(), false);
            if scanned.findings.len() < max {
                let seen = Seen::nowhere();
                let fact = facts::finding(&found, Direction::Request, false, seen, env);
                scanned.findings.push(fact);
            }
        });
    let mut walk = incoming
        .is_json()
        .then(|| Walk::new(crate::path::Carriage::Plain));
    let walked = &payload[..payload.len().min(env.profile.limits.path_bytes_max)];
    let carrier = if incoming.is_json() {
        panscan::Carrier::Json
    } else {
        panscan::Carrier::Text
    };
    let mut body = panscan::Stream::new(carrier);
    let mut hits = Vec::new();
    env.scanner
        .scan(&mut body, payload, &mut |found| hits.push(found));
    env.scanner.finish(&mut body, &mut |found| hits.push(found));
    for found in hits {
        let wanted = facts::wants_path(scanned.findings.len(), calls, env);
        let path = match &mut walk {
            Some(walk) if wanted => walk.path_in(walked, found.start),
            _ => None,
        };
        let span = found.start as usize..found.end as usize;
        let number = || payload.get(span.clone()).map(<[u8]>::to_vec);
        let seen = Seen::in_message(&found, calls, path, number, env);
        let is_suppressed = seen.suppressed.is_some();
        let masked = found.masked && mask && enforce && !is_suppressed;
        scanned.total += u32::from(!is_suppressed);
        env.observer.found(found.brand.name(), masked);
        if scanned.findings.len() < max {
            let fact = facts::finding(&found, Direction::Request, masked, seen, env);
            scanned.findings.push(fact);
        }
        if !found.maskable() && !is_suppressed {
            scanned.closed = Some(Reason::FindingBlocked);
        }
        if found.masked
            && let Some(bytes) = scanned.payload.get_mut(span.clone())
        {
            bytes.copy_from_slice(found.replacement());
        }
        if masked {
            scanned
                .patches
                .push((found.start, found.replacement().to_vec()));
        }
    }
    if body.undecodable().is_some() {
        scanned.closed = scanned.closed.or(Some(Reason::Uninspectable));
    }
    scanned.is_recordable = scanned.closed.is_none();
    scanned.closed = scanned.closed.filter(|_| mask);
    scanned
}

/// Where `part` lies within `whole`; both are slices of the same head.
fn range_in(whole: &[u8], part: &[u8]) -> std::ops::Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    start..start + part.len()
}

fn upstream_bytes(
    incoming: &Incoming,
    principal: &Principal,
    patches: Vec<(u64, Vec<u8>)>,
    env: &Env<'_>,
) -> Result<Bytes, Reason> {
    let token_was_evidence = principal.method == policy::AuthnMethod::Oidc;
    let head = incoming.upstream_head(env.profile, token_was_evidence)?;
    if incoming.body.is_empty() {
        return Ok(head);
    }
    let mut pipe = Pipe::default();
    pipe.push(incoming.body.clone().freeze(), &incoming.data);
    for (body, replacement) in &patches {
        pipe.patch(*body, replacement);
    }
    let mut whole = Vec::with_capacity(head.len() + incoming.body.len());
    whole.extend_from_slice(&head);
    pipe.release(u64::MAX, |bytes| whole.extend_from_slice(&bytes));
    Ok(Bytes::from(whole))
}
