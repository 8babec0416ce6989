//! One downstream connection: requests in order, one at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use audit::{Kind, Receipt, Ticket};
use bytes::{Bytes, BytesMut};
use gateway_common::Reason;
use policy::Principal;
use wire::http1::HeadParser;

use crate::answer::{Asked, Exchange, Progress, all_receipts};
use crate::decide::{self, Outcome, unavailable};
use crate::facts;
use crate::io::{Answer, Env, Flow, Forward, Input, Now, Output, Unrecorded};
use crate::profile::Mode;
use crate::replies;
use crate::request::Incoming;

/// State of one downstream connection and its upstream connection.
pub struct Session {
    flow: Flow,
    phase: Phase,
    /// Received, not yet consumed.
    down: BytesMut,
    down_ended: bool,
    parser: HeadParser,
    /// When the request in work, or the idle time before it, began.
    since: Now,
    calls: u64,
    connected: bool,
    outputs: VecDeque<Output>,
}

enum Phase {
    /// Waiting for a request head.
    Head,
    /// Head is there; the shell finds out who sends it.
    Identify(Box<Incoming>),
    /// Collecting the body.
    Body(Box<Incoming>),
    /// The gateway's own answer waits for its records.
    Reply(Reply),
    /// The request is with the server.
    Exchange(Box<Exchange>),
    /// Observe mode, not HTTP: bytes pass both ways.
    Tunnel(Option<(Ticket, Receipt)>),
    Closed,
}

struct Reply {
    tickets: Vec<Ticket>,
    bytes: Bytes,
    reason: Reason,
    close: bool,
}

impl Session {
    /// A session for a connection that was just accepted.
    pub fn new(flow: Flow, now: Now) -> Session {
        Session {
            flow,
            phase: Phase::Head,
            down: BytesMut::new(),
            down_ended: false,
            parser: HeadParser::new(),
            since: now,
            calls: 0,
            connected: false,
            outputs: VecDeque::new(),
        }
    }

    /// Facts of the connection.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Before the first input, in observe mode: connects to the server at once,
    /// for one that speaks before its client.
    pub fn connect_early(&mut self) {
        if !std::mem::replace(&mut self.connected, true) {
            self.outputs.push_back(Output::Connect);
        }
    }

    /// Takes one input; outputs are then ready in [`Session::poll_output`].
    pub fn handle(&mut self, input: Input, env: &Env<'_>) {
        match input {
            Input::Downstream(bytes) => self.downstream(bytes, env),
            Input::DownstreamEnd => self.down_ended = true,
            Input::DownstreamGone => return self.client_gone(env),
            Input::Upstream(bytes) => self.upstream(bytes, env),
            Input::UpstreamEnd(reason) => self.upstream_ended(reason, env),
            Input::Identity(who) => self.identified(who, env),
            Input::AuditMoved => {}
            Input::Tick => self.tick(env),
        }
        self.advance(env);
    }

    /// The next thing for the shell to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Monotonic nanoseconds at which [`Input::Tick`] is due.
    pub fn deadline(&self, limits: &crate::Limits) -> Option<u64> {
        let wait = match &self.phase {
            Phase::Head if self.down.is_empty() => limits.idle_ns_max,
            Phase::Head | Phase::Body(_) | Phase::Identify(_) => limits.request_ns_max,
            Phase::Reply(_) => limits.audit_ns_max,
            Phase::Exchange(exchange) if exchange.is_ended() => limits.audit_ns_max,
            Phase::Exchange(exchange) if exchange.is_untouched() => limits.answer_ns_max,
            Phase::Exchange(exchange) => return exchange.tail_due(limits),
            Phase::Tunnel(_) | Phase::Closed => return None,
        };
        Some(self.since.mono_ns.saturating_add(wait))
    }

    /// Whether the shell should read from the client: back-pressure otherwise.
    pub fn wants_downstream(&self, limits: &crate::Limits) -> bool {
        match &self.phase {
            Phase::Head | Phase::Body(_) | Phase::Tunnel(_) => true,
            Phase::Closed => false,
            _ => self.down.len() < limits.pipelined_bytes_max,
        }
    }

    /// Whether the shell should read from the server: not while much is held
    /// that a receipt would let go.
    pub fn wants_upstream(&self, limits: &crate::Limits) -> bool {
        match &self.phase {
            Phase::Exchange(exchange) => {
                exchange.held()
                    < limits
                        .response_hold_bytes_max
                        .max(2 * limits.sse_hold_bytes_max) as u64
            }
            _ => true,
        }
    }

    /// Whether an output may become ready when the audit log moves.
    pub fn waits_for_audit(&self) -> bool {
        matches!(
            self.phase,
            Phase::Reply(_) | Phase::Exchange(_) | Phase::Tunnel(None)
        )
    }

    /// Whether nothing is in work: the connection can be closed without loss.
    pub fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Head) && self.down.is_empty()
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    fn downstream(&mut self, bytes: Bytes, env: &Env<'_>) {
        if let (Phase::Head, true) = (&self.phase, self.down.is_empty()) {
            self.since = env.now;
        }
        if let Phase::Tunnel(Some((ticket, _))) = &self.phase {
            if let Ok(permitted) = decide::observed().permit(bytes) {
                self.outputs
                    .push_back(Output::Upstream(Forward::new(permitted, ticket)));
            }
            return;
        }
        self.down.extend_from_slice(&bytes);
    }

    fn upstream(&mut self, bytes: Bytes, env: &Env<'_>) {
        let observe = env.profile.mode == Mode::Observe;
        let rest = match &mut self.phase {
            Phase::Exchange(exchange) => exchange.feed(bytes, &self.flow, env),
            Phase::Tunnel(Some((_, receipt))) => {
                self.outputs
                    .push_back(Output::Downstream(Answer::new(bytes, receipt)));
                return;
            }
            Phase::Closed => return,
            Phase::Head | Phase::Identify(_) | Phase::Body(_) if observe => {
                return self.pass_through([bytes], env);
            }
            // A server that speaks unasked.
            _ => Ok(bytes),
        };
        match rest {
            Ok(rest) if rest.is_empty() => {}
            Ok(rest) if observe => self.server_went_on(rest, env),
            Err(reason) if observe => self.unreadable_answer(reason, env),
            Ok(_) => self.cut(Reason::TrailingBytes, env),
            Err(reason) => self.answer_failed(reason, env),
        }
    }

    /// Observe mode: nothing more of this connection can be read, so it passes as
    /// it comes. What was taken of a request goes on first; `from_server` is what
    /// the client has not had yet.
    fn pass_through(&mut self, from_server: impl IntoIterator<Item = Bytes>, env: &Env<'_>) {
        if let Phase::Identify(incoming) | Phase::Body(incoming) =
            std::mem::replace(&mut self.phase, Phase::Tunnel(None))
        {
            self.put_back(&incoming);
        }
        self.open_tunnel(env);
        if let Phase::Tunnel(Some((_, receipt))) = &self.phase {
            for bytes in from_server {
                self.outputs
                    .push_back(Output::Downstream(Answer::new(bytes, receipt)));
            }
        }
    }

    /// Observe mode: bytes behind a whole answer (such as a 408 to an idle client).
    fn server_went_on(&mut self, rest: Bytes, env: &Env<'_>) {
        self.exchange(env);
        match self.phase {
            Phase::Head => self.pass_through([rest], env),
            Phase::Closed => {}
            _ => self.cut(Reason::TrailingBytes, env),
        }
    }

    /// Observe mode: an answer that is no HTTP, or stops being it (an upgrade).
    fn unreadable_answer(&mut self, reason: Reason, env: &Env<'_>) {
        let Phase::Exchange(exchange) = &mut self.phase else {
            return;
        };
        // A record that cannot be written holds nothing up here.
        let _ = exchange.end(reason, &self.flow, env);
        let unsent = exchange.take_unsent();
        self.pass_through(unsent, env);
    }

    /// Observe mode: the server hung up (`Ok`) or broke off before its answer was
    /// whole; the client sees the same.
    fn answer_broke_off(&mut self, reason: Reason, env: &Env<'_>) {
        let Phase::Exchange(exchange) = &mut self.phase else {
            return;
        };
        // A server that ends its stream because the client hung up.
        let recorded = match (reason, self.down_ended) {
            (Reason::Ok, true) => Reason::ClientGone,
            (Reason::Ok, false) => Reason::UpstreamTruncated,
            (other, _) => other,
        };
        // A record that cannot be written holds nothing up here.
        let _ = exchange.end(recorded, &self.flow, env);
        if let Some(receipt) = exchange.call_receipt(env) {
            for bytes in exchange.take_unsent() {
                self.outputs
                    .push_back(Output::Downstream(Answer::new(bytes, &receipt)));
            }
        }
        self.close(reason, reason != Reason::Ok);
    }

    fn upstream_ended(&mut self, reason: Reason, env: &Env<'_>) {
        self.connected = false;
        match &mut self.phase {
            Phase::Exchange(exchange) => {
                if exchange.is_ended() {
                    return;
                }
                let result = match reason {
                    Reason::Ok => exchange.upstream_ended(&self.flow, env),
                    other => Err(other),
                };
                if result.is_err() && env.profile.mode == Mode::Observe {
                    return self.answer_broke_off(reason, env);
                }
                if let Err(reason) = result {
                    // A server that ends its stream because the client hung up.
                    let gone = self.down_ended && reason == Reason::UpstreamTruncated;
                    let reason = if gone { Reason::ClientGone } else { reason };
                    self.answer_failed(reason, env);
                }
            }
            Phase::Closed | Phase::Reply(_) => {}
            // As the client would see it without us: the server hung up.
            _ => self.close(reason, reason != Reason::Ok),
        }
    }

    /// The answer cannot be passed on: said to the client while nothing of it
    /// has left, cut otherwise. Recorded in both cases.
    fn answer_failed(&mut self, reason: Reason, env: &Env<'_>) {
        let Phase::Exchange(exchange) = &mut self.phase else {
            return;
        };
        let unsent = exchange.is_unsent();
        if exchange.end(reason, &self.flow, env).is_err() {
            return self.close(Reason::AuditUnavailable, true);
        }
        self.since = env.now;
        if unsent {
            self.outputs.push_back(Output::CloseUpstream);
            self.connected = false;
            let tickets = exchange.take_tickets();
            let bytes = replies::refusal(reason, &self.reference(), None);
            self.phase = Phase::Reply(Reply {
                tickets,
                bytes,
                reason,
                close: true,
            });
        }
    }

    fn client_gone(&mut self, env: &Env<'_>) {
        if let Phase::Exchange(exchange) = &mut self.phase {
            // The record must not be lost; nobody is left to tell if it is.
            let _ = exchange.end(Reason::ClientGone, &self.flow, env);
        }
        self.close(Reason::ClientGone, true);
    }

    fn identified(&mut self, who: Result<Arc<Principal>, Reason>, env: &Env<'_>) {
        let Phase::Identify(_) = &self.phase else {
            return;
        };
        let Phase::Identify(mut incoming) = std::mem::replace(&mut self.phase, Phase::Closed)
        else {
            return;
        };
        match who {
            Ok(principal) => incoming.identity = Some(principal),
            Err(reason) if env.profile.mode == Mode::Enforce => {
                return self.refuse(reason, Kind::AuthFail, Some(&incoming), env);
            }
            Err(_) => incoming.identity = Some(Arc::new(decide::nobody())),
        }
        if incoming.expects_continue && self.down.is_empty() {
            let bytes = Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n");
            let answer = Answer::unrecorded(bytes, Unrecorded::Continue);
            self.outputs.push_back(Output::Downstream(answer));
        }
        self.phase = Phase::Body(incoming);
    }

    fn tick(&mut self, env: &Env<'_>) {
        let due = self
            .deadline(&env.profile.limits)
            .is_some_and(|d| d <= env.now.mono_ns);
        if !due {
            return;
        }
        match &mut self.phase {
            Phase::Head if self.down.is_empty() => self.close(Reason::IdleTimeout, false),
            Phase::Head | Phase::Body(_) | Phase::Identify(_)
                if env.profile.mode == Mode::Observe =>
            {
                self.pass_through([], env);
            }
            Phase::Head | Phase::Body(_) | Phase::Identify(_) => {
                self.refuse(Reason::IdleTimeout, Kind::Refused, None, env);
            }
            Phase::Exchange(exchange) if exchange.tail_due(&env.profile.limits).is_some() => {
                exchange.let_tails_go(env);
            }
            Phase::Exchange(exchange) if !exchange.is_ended() => {
                self.answer_failed(Reason::UpstreamTimeout, env);
            }
            Phase::Reply(_) | Phase::Exchange(_) => self.close(Reason::AuditUnavailable, true),
            Phase::Tunnel(_) | Phase::Closed => {}
        }
    }

    /// Goes on as far as bytes and receipts allow.
    fn advance(&mut self, env: &Env<'_>) {
        loop {
            let moved = match &mut self.phase {
                Phase::Head => self.take_head(env),
                Phase::Body(_) => self.take_body(env),
                Phase::Reply(_) => self.reply(env),
                Phase::Exchange(_) => self.exchange(env),
                Phase::Tunnel(None) => self.open_tunnel(env),
                Phase::Identify(_) | Phase::Tunnel(Some(_)) | Phase::Closed => false,
            };
            if !moved {
                return;
            }
        }
    }

    fn take_head(&mut self, env: &Env<'_>) -> bool {
        let observe = env.profile.mode == Mode::Observe;
        if self.down.is_empty() {
            // The server may have something to say all the same.
            let listens = observe && self.connected && self.calls == 0;
            if self.down_ended && !listens {
                self.close(Reason::Ok, false);
            }
            return false;
        }
        match Incoming::parse(&mut self.parser, &mut self.down, self.since, env.profile) {
            Ok(Some(incoming)) => {
                self.parser = HeadParser::new();
                if observe && incoming.expects_continue {
                    // Only the server can answer that without a byte changed.
                    self.phase = Phase::Body(Box::new(incoming));
                    self.pass_through([], env);
                    return true;
                }
                if self.serve_metadata(&incoming, env) {
                    return true;
                }
                self.outputs
                    .push_back(Output::Authenticate(incoming.authorizations(env.profile)));
                self.phase = Phase::Identify(Box::new(incoming));
                false
            }
            Ok(None) if self.down_ended && observe => {
                self.pass_through([], env);
                true
            }
            Ok(None) if self.down_ended => {
                self.refuse(Reason::BodyTruncated, Kind::Refused, None, env);
                true
            }
            Ok(None) => false,
            Err(_) if observe => {
                self.phase = Phase::Tunnel(None);
                true
            }
            Err(reason) => {
                self.refuse(reason, Kind::Refused, None, env);
                true
            }
        }
    }

    /// Answers the RFC 9728 document ourselves: it names where to log in, and
    /// must be readable before that.
    fn serve_metadata(&mut self, incoming: &Incoming, env: &Env<'_>) -> bool {
        let Some(document) = &env.profile.resource_metadata else {
            return false;
        };
        if incoming.method() != b"GET"
            || !incoming
                .path()
                .starts_with(b"/.well-known/oauth-protected-resource")
            || incoming.has_body()
        {
            return false;
        }
        let close = !incoming.keep_alive();
        let bytes = replies::json(200, document, &[], close);
        let answer = Answer::unrecorded(bytes, Unrecorded::ResourceMetadata);
        self.outputs.push_back(Output::Downstream(answer));
        match close {
            true => self.close(Reason::Ok, false),
            false => self.next_request(env),
        }
        true
    }

    fn take_body(&mut self, env: &Env<'_>) -> bool {
        let Phase::Body(incoming) = &mut self.phase else {
            return false;
        };
        let max = env.profile.limits.request_body_bytes_max;
        match incoming.take_body(&mut self.down, max) {
            Ok(true) => {
                if let Phase::Body(incoming) = std::mem::replace(&mut self.phase, Phase::Closed) {
                    self.decide(incoming, env);
                }
                true
            }
            Ok(false) if self.down_ended && env.profile.mode == Mode::Observe => {
                self.pass_through([], env);
                true
            }
            Ok(false) if self.down_ended => {
                self.refuse(Reason::BodyTruncated, Kind::Refused, None, env);
                true
            }
            Ok(false) => false,
            Err(reason) => {
                if let Phase::Body(incoming) = std::mem::replace(&mut self.phase, Phase::Closed) {
                    self.undecidable(reason, incoming, env);
                }
                true
            }
        }
    }

    fn decide(&mut self, incoming: Box<Incoming>, env: &Env<'_>) {
        let Some(principal) = incoming.identity.clone() else {
            return self.refuse(Reason::NoEvidence, Kind::AuthFail, Some(&incoming), env);
        };
        let mut ruling = match decide::rule(&incoming, &principal, &mut self.calls, &self.flow, env)
        {
            Ok(ruling) => ruling,
            Err(reason) => return self.undecidable(reason, incoming, env),
        };
        let tickets = match ruling.record(&incoming, &principal, &self.flow, env) {
            Ok(tickets) => tickets,
            Err(reason) => return self.unrecordable(reason, env),
        };
        let Some(ticket) = tickets.first() else {
            return self.undecidable(Reason::JsonRpcInvalid, incoming, env);
        };
        self.since = env.now;
        match ruling.permit(&self.flow, &incoming, env) {
            Outcome::Forward(permitted) => {
                let forward = Forward::new(permitted, ticket);
                if !self.connected {
                    self.outputs.push_back(Output::Connect);
                    self.connected = true;
                }
                self.outputs.push_back(Output::Upstream(forward));
                self.phase = Phase::Exchange(Box::new(Exchange::new(Asked {
                    calls: ruling.calls,
                    tickets,
                    http_method: incoming.method().to_vec(),
                    client_keeps: incoming.keep_alive(),
                    started: incoming.started,
                    request_bytes: (incoming.raw_head.len() + incoming.body.len()) as u64,
                    mask: ruling.mask_response,
                    block_on_finding: ruling.block_on_finding,
                    principal,
                    session: incoming.mcp_session().map(<[u8]>::to_vec),
                })));
            }
            Outcome::Answer(bytes) => {
                self.phase = Phase::Reply(Reply {
                    tickets,
                    bytes,
                    reason: ruling.reason,
                    close: !incoming.keep_alive(),
                });
            }
        }
    }

    /// A request that cannot be decided: refused, or in observe mode passed.
    fn undecidable(&mut self, reason: Reason, incoming: Box<Incoming>, env: &Env<'_>) {
        if env.profile.mode == Mode::Enforce {
            return self.refuse(reason, Kind::Refused, Some(&incoming), env);
        }
        self.put_back(&incoming);
        self.phase = Phase::Tunnel(None);
    }

    /// Makes a request that was begun unread again.
    fn put_back(&mut self, incoming: &Incoming) {
        let mut all = BytesMut::from(&incoming.raw_head[..]);
        all.extend_from_slice(&incoming.body);
        all.extend_from_slice(&self.down);
        self.down = all;
    }

    /// Records why, then answers and closes.
    fn refuse(&mut self, reason: Reason, kind: Kind, incoming: Option<&Incoming>, env: &Env<'_>) {
        let mut record = facts::base(kind, self.calls, &self.flow, env);
        record.decision = Some(audit::DecisionFacts {
            verdict: audit::Verdict::Deny,
            reason: reason.code(),
            reason_name: reason.label().to_string(),
            policies: Vec::new(),
            policy_set: env.policies.hash(),
            enforced: env.profile.mode == Mode::Enforce,
        });
        record.action = Some(audit::Action {
            server: env.profile.server.clone(),
            method: audit::Masked::constant("unknown"),
            target: None,
            rpc_id: None,
            protocol_version: None,
            http_method: incoming.map(|i| crate::CardScrub(env.scanner).bytes(i.method())),
        });
        env.observer.decided(audit::Verdict::Deny, reason);
        match env.recorder.record(&record) {
            Ok(ticket) => {
                self.since = env.now;
                let challenge = env.profile.challenge.as_deref();
                let bytes = replies::refusal(reason, &self.reference(), challenge);
                self.phase = Phase::Reply(Reply {
                    tickets: vec![ticket],
                    bytes,
                    reason,
                    close: true,
                });
            }
            Err(error) => self.unrecordable(unavailable(&error), env),
        }
    }

    /// The log cannot take a record: nothing is forwarded, and the client is
    /// told so without one.
    fn unrecordable(&mut self, reason: Reason, env: &Env<'_>) {
        env.observer.decided(audit::Verdict::Deny, reason);
        let bytes = replies::refusal(reason, &self.reference(), None);
        let answer = Answer::unrecorded(bytes, Unrecorded::AuditUnavailable);
        self.outputs.push_back(Output::Downstream(answer));
        self.close(reason, false);
    }

    fn reply(&mut self, env: &Env<'_>) -> bool {
        let Phase::Reply(reply) = &mut self.phase else {
            return false;
        };
        let Some(receipt) = all_receipts(&reply.tickets, env) else {
            return false;
        };
        let bytes = std::mem::take(&mut reply.bytes);
        let (close, reason) = (reply.close, reply.reason);
        self.outputs
            .push_back(Output::Downstream(Answer::new(bytes, &receipt)));
        match close {
            true => self.close(reason, false),
            false => self.next_request(env),
        }
        true
    }

    fn exchange(&mut self, env: &Env<'_>) -> bool {
        let Phase::Exchange(exchange) = &mut self.phase else {
            return false;
        };
        let was_ended = exchange.is_ended();
        let outputs = &mut self.outputs;
        match exchange.poll(env, |answer| outputs.push_back(Output::Downstream(answer))) {
            Progress::Waiting => {
                if !was_ended && exchange.is_ended() {
                    self.since = env.now;
                }
                false
            }
            Progress::Done { keep: true } if !self.down_ended && self.connected => {
                self.next_request(env);
                true
            }
            Progress::Done { .. } => {
                self.close(Reason::Ok, false);
                true
            }
            Progress::Cut(reason) => {
                self.close(reason, true);
                true
            }
        }
    }

    fn open_tunnel(&mut self, env: &Env<'_>) -> bool {
        let mut record = facts::base(Kind::Refused, self.calls, &self.flow, env);
        record.note = Some(audit::Masked::constant(
            "not inspected: passed in observe mode",
        ));
        let Ok(ticket) = env.recorder.record(&record) else {
            self.close(Reason::AuditUnavailable, true);
            return true;
        };
        // Observe mode records without waiting, so the receipt is there at once.
        let Some(receipt) = env.recorder.receipt(&ticket) else {
            self.close(Reason::AuditUnavailable, true);
            return true;
        };
        if !self.connected {
            self.outputs.push_back(Output::Connect);
            self.connected = true;
        }
        let bytes = self.down.split().freeze();
        if let Ok(permitted) = decide::observed().permit(bytes) {
            self.outputs
                .push_back(Output::Upstream(Forward::new(permitted, &ticket)));
        }
        self.phase = Phase::Tunnel(Some((ticket, receipt)));
        false
    }

    fn next_request(&mut self, env: &Env<'_>) {
        self.phase = Phase::Head;
        self.parser = HeadParser::new();
        self.since = env.now;
    }

    fn cut(&mut self, reason: Reason, env: &Env<'_>) {
        if let Phase::Exchange(exchange) = &mut self.phase {
            let _ = exchange.end(reason, &self.flow, env);
        }
        self.close(reason, true);
    }

    fn close(&mut self, reason: Reason, abort: bool) {
        if !self.is_closed()
            || self
                .outputs
                .iter()
                .all(|o| !matches!(o, Output::Close { .. }))
        {
            self.outputs.push_back(Output::Close { reason, abort });
        }
        self.phase = Phase::Closed;
    }

    fn reference(&self) -> String {
        format!("{}-{}", self.flow.number, self.calls)
    }
}
