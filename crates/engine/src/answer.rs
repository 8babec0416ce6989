//! The answer on its way out: framed, scanned, masked, gated by receipts.

use audit::{Direction, FindingFacts, Kind, Receipt, ResultFacts, Ticket};
use bytes::{Bytes, BytesMut};
use gateway_common::Reason;
use wire::http1::{BodyEvent, BodyLength, BodyReader, HeadParser};
use wire::jsonrpc::{Outcome, OutcomeScanner};
use wire::sse::{EventScanner, SseMark};

use crate::decide::{Call, unavailable};
use crate::facts::{self, Seen};
use crate::io::{Answer, Env, Flow, Now};
use crate::path::{Carriage, Kept};
use crate::pipe::Pipe;
use crate::profile::Mode;
use crate::request::{media_type, reason_of};

/// What a forwarded request left behind, needed until its answer is complete.
pub(crate) struct Asked {
    pub(crate) calls: Vec<Call>,
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) http_method: Vec<u8>,
    pub(crate) client_keeps: bool,
    pub(crate) started: Now,
    pub(crate) request_bytes: u64,
    pub(crate) mask: bool,
    pub(crate) block_on_finding: bool,
    pub(crate) principal: std::sync::Arc<policy::Principal>,
    pub(crate) session: Option<Vec<u8>>,
}

/// One exchange from the forwarded request to the last byte of its answer.
pub(crate) struct Exchange {
    asked: Asked,
    parser: HeadParser,
    /// Bytes before the head is whole.
    early: BytesMut,
    body: Option<Body>,
    pipe: Pipe,
    call_receipt: Option<Receipt>,
    result: Option<Ending>,
    status: u16,
    server_keeps: bool,
    findings: Vec<FindingFacts>,
    masked: u32,
}

/// Framing and scanning of the body.
struct Body {
    reader: BodyReader,
    scan: panscan::Stream,
    /// Body offset before which the scanner has decided.
    decided: u64,
    sse: Option<Events>,
    outcome: OutcomeScanner,
    /// Raw offset of the bytes that wait for `mcp.result`.
    last: Option<u64>,
    inspect: bool,
    /// For the places of findings; `None` where the body is no JSON.
    kept: Option<Kept>,
}

/// Server-sent events in the body.
struct Events {
    scanner: EventScanner,
    /// Body offset where the unfinished event began.
    start: u64,
    /// Findings of the unfinished event.
    findings: Vec<FindingFacts>,
    /// Complete events that wait for their `mask` record: raw start, ticket.
    waiting: std::collections::VecDeque<(u64, Ticket)>,
    count: u64,
    last_outcome: Outcome,
    /// The unfinished event as it will leave: masked where something was found.
    text: BytesMut,
    tails: panscan::Tails,
    /// An event whose text ends in digits that the next one may go on with.
    hold: Option<Hold>,
}

/// Complete events that wait for the next one, at most [`crate::Limits::sse_tail_ns_max`].
struct Hold {
    /// Body offset of the first of them.
    from: u64,
    /// Monotonic nanoseconds at which the first of them was whole.
    since: u64,
}

/// The end of the exchange, as recorded.
struct Ending {
    tickets: Vec<Ticket>,
    receipt: Option<Receipt>,
    reason: Reason,
}

/// What becomes of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Painted over.
    Mask,
    /// Left: only observed, or nobody asked for masking.
    Leave,
    /// Left: an exception covers it.
    Suppressed,
}

impl Ending {
    /// Whether the answer was given up for what is in it.
    fn closes(&self) -> bool {
        matches!(self.reason, Reason::FindingBlocked | Reason::Uninspectable)
    }
}

/// Where an exchange stands after a poll.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More bytes or receipts are needed.
    Waiting,
    /// The answer has left whole; the connection may carry the next request.
    Done { keep: bool },
    /// The answer cannot be completed; the connection must be cut.
    Cut(Reason),
}

impl Exchange {
    pub(crate) fn new(asked: Asked) -> Exchange {
        Exchange {
            asked,
            parser: HeadParser::new(),
            early: BytesMut::new(),
            body: None,
            pipe: Pipe::default(),
            call_receipt: None,
            result: None,
            status: 0,
            server_keeps: true,
            findings: Vec::new(),
            masked: 0,
        }
    }

    /// Whether an answer byte has been seen.
    pub(crate) fn is_untouched(&self) -> bool {
        self.body.is_none() && self.early.is_empty()
    }

    /// Whether the client has got nothing of the answer yet.
    pub(crate) fn is_unsent(&self) -> bool {
        self.pipe.held() == self.pipe.end()
    }

    /// Whether the end is recorded.
    pub(crate) fn is_ended(&self) -> bool {
        self.result.is_some()
    }

    /// Tickets of everything recorded for this exchange.
    pub(crate) fn take_tickets(&mut self) -> Vec<Ticket> {
        let mut all = std::mem::take(&mut self.asked.tickets);
        if let Some(ending) = &mut self.result {
            all.append(&mut ending.tickets);
        }
        all
    }

    /// Observe mode: everything of the answer that has not left, as it came.
    pub(crate) fn take_unsent(&mut self) -> Vec<Bytes> {
        let mut unsent = Vec::new();
        self.pipe.release(u64::MAX, |bytes| unsent.push(bytes));
        unsent.push(self.early.split().freeze());
        unsent
    }

    /// Shows that the call is recorded, once it is.
    pub(crate) fn call_receipt(&self, env: &Env<'_>) -> Option<Receipt> {
        all_receipts(&self.asked.tickets, env)
    }

    /// Raw answer bytes held in memory.
    pub(crate) fn held(&self) -> u64 {
        self.pipe.held() + self.early.len() as u64
    }

    /// Takes upstream bytes; returns those after the end of the answer.
    pub(crate) fn feed(
        &mut self,
        bytes: Bytes,
        flow: &Flow,
        env: &Env<'_>,
    ) -> Result<Bytes, Reason> {
        if self.result.is_some() {
            return Ok(bytes);
        }
        if self.body.is_some() {
            return self.feed_body(bytes, flow, env);
        }
        self.early.extend_from_slice(&bytes);
        while self.body.is_none() {
            if !self.take_head(env)? {
                return Ok(Bytes::new());
            }
        }
        let rest = self.early.split().freeze();
        self.feed_body(rest, flow, env)
    }

    /// Parses one response head off `early`; interim heads are dropped (kept in
    /// observe mode).
    fn take_head(&mut self, env: &Env<'_>) -> Result<bool, Reason> {
        let limits = &env.profile.limits.http1;
        let head = match self.parser.response(&self.early, limits) {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(false),
            Err(_) => return Err(Reason::UpstreamMalformed),
        };
        if head.status == 101 {
            return Err(Reason::UpgradeRefused);
        }
        if head.status < 200 {
            let interim = self.early.split_to(head.len);
            if env.profile.mode == Mode::Observe {
                self.pipe.push(interim.freeze(), &[]);
            }
            self.parser = HeadParser::new();
            return Ok(true);
        }
        let length = BodyLength::of_response(&self.early, &head, &self.asked.http_method)
            .map_err(|_| Reason::UpstreamMalformed)?;
        let header = |name: &'static str| head.header(&self.early, name);
        let coded = header("content-encoding").is_some_and(|v| v != b"identity");
        let bare = matches!(length, BodyLength::Empty);
        let enforce = env.profile.mode == Mode::Enforce;
        if coded && !bare && enforce {
            return Err(Reason::Uninspectable);
        }
        let kind = header("content-type").map(media_type).unwrap_or_default();
        let sse = kind == "text/event-stream";
        let json = kind == "application/json" || kind.ends_with("+json");
        self.status = head.status;
        self.server_keeps =
            head.keep_alive(&self.early) && !matches!(length, BodyLength::UntilClose);
        if self.asked.session.is_none() {
            self.asked.session = header("mcp-session-id").map(<[u8]>::to_vec);
        }
        let until = matches!(length, BodyLength::Chunked);
        let raw = self.early.split_to(head.len);
        let mut painted = raw.to_vec();
        let mut hits = Vec::new();
        env.scanner
            .mask_in_place(panscan::Carrier::Text, &mut painted, &mut |f| hits.push(f));
        self.pipe.push(raw.freeze(), &[]);
        for hit in hits {
            if self.note(&hit, Seen::nowhere(), env) == Fate::Mask {
                self.pipe.patch_raw(hit.start, hit.replacement());
            }
        }
        self.body = Some(Body {
            reader: BodyReader::new(length, limits),
            scan: match (sse, json) {
                (true, _) => panscan::Stream::events(),
                (_, true) => panscan::Stream::new(panscan::Carrier::Json),
                _ => panscan::Stream::new(panscan::Carrier::Text),
            },
            decided: 0,
            sse: sse.then(|| Events::new(env.profile.limits.sse_event_bytes_max)),
            outcome: OutcomeScanner::new(),
            last: None,
            inspect: !coded,
            kept: (json || sse).then(|| {
                let carriage = if sse {
                    Carriage::Event
                } else {
                    Carriage::Plain
                };
                Kept::new(carriage, 0, env.profile.limits.path_bytes_max)
            }),
        });
        // A body with a stated end holds its last byte; so does a bare head.
        if !until && let Some(body) = &mut self.body {
            body.last = match length {
                BodyLength::Empty | BodyLength::Exact(0) => Some(self.pipe.end() - 1),
                BodyLength::Exact(n) => Some(self.pipe.end() + n - 1),
                _ => None,
            };
        }
        Ok(true)
    }

    fn feed_body(&mut self, bytes: Bytes, flow: &Flow, env: &Env<'_>) -> Result<Bytes, Reason> {
        let Some(body) = &mut self.body else {
            return Ok(bytes);
        };
        let base = self.pipe.end();
        let mut ranges = Vec::new();
        let mut last = None;
        let mut ended = false;
        let mut chunk = bytes;
        let consumed = body
            .reader
            .push(&chunk, &mut |event| match event {
                BodyEvent::Data(range) => ranges.push(range),
                BodyEvent::LastChunk(at) => last = Some(base + at as u64),
                BodyEvent::End => ended = true,
            })
            .map_err(|_| Reason::UpstreamMalformed);
        let consumed = match consumed {
            Err(reason) if env.profile.mode == Mode::Observe => {
                // Passed on unread, see `take_unsent`.
                self.pipe.push(chunk, &[]);
                return Err(reason);
            }
            consumed => consumed?,
        };
        if let Some(at) = last {
            body.last = Some(at);
        }
        let rest = chunk.split_off(consumed);
        self.pipe.push(chunk.clone(), &ranges);
        for range in ranges {
            self.inspect(&chunk.slice(range), flow, env)?;
        }
        if ended || self.body.as_ref().is_some_and(|b| b.reader.is_done()) {
            self.settle(env)?;
            self.event_ended(flow, env)?;
            self.end(Reason::Ok, flow, env)?;
        }
        Ok(rest)
    }

    /// Scans payload bytes and finds the ends of events in them.
    fn inspect(&mut self, data: &Bytes, flow: &Flow, env: &Env<'_>) -> Result<(), Reason> {
        let Some(body) = &mut self.body else {
            return Ok(());
        };
        if !body.inspect {
            body.decided += data.len() as u64;
            return Ok(());
        }
        let mut ends = Vec::new();
        match &mut body.sse {
            None => body.outcome.push(data),
            Some(events) => {
                let outcome = &mut body.outcome;
                let last = &mut events.last_outcome;
                let pushed = events
                    .scanner
                    .push(data, &mut |mark| match mark {
                        SseMark::Data(range) => outcome.push(&data[range]),
                        SseMark::EventEnd(at) => {
                            if outcome.outcome() != Outcome::Unknown {
                                *last = outcome.outcome();
                            }
                            *outcome = OutcomeScanner::new();
                            ends.push(at);
                        }
                    })
                    .map_err(|e| match reason_of(&e) {
                        Reason::HttpTooLarge => Reason::Uninspectable,
                        _ => Reason::UpstreamMalformed,
                    });
                if pushed.is_err() && env.profile.mode == Mode::Observe {
                    body.inspect = false;
                    body.decided += data.len() as u64;
                    return Ok(());
                }
                pushed?;
            }
        }
        let mut from = 0;
        for at in ends {
            self.scan(&data.slice(from..at), env)?;
            self.settle(env)?;
            self.event_ended(flow, env)?;
            from = at;
        }
        self.scan(&data.slice(from..), env)
    }

    fn scan(&mut self, data: &Bytes, env: &Env<'_>) -> Result<(), Reason> {
        let Some(body) = &mut self.body else {
            return Ok(());
        };
        if let Some(kept) = &mut body.kept {
            kept.push(data);
        }
        if let Some(events) = &mut body.sse {
            events.text.extend_from_slice(data);
        }
        let mut hits = Vec::new();
        body.decided = env
            .scanner
            .scan(&mut body.scan, data, &mut |f| hits.push(f));
        self.paint(hits, env)
    }

    /// Decides what the scanner still holds: nothing follows that could join it.
    fn settle(&mut self, env: &Env<'_>) -> Result<(), Reason> {
        let Some(body) = self.body.as_mut().filter(|body| body.inspect) else {
            return Ok(());
        };
        let mut hits = Vec::new();
        body.decided = env.scanner.finish(&mut body.scan, &mut |f| hits.push(f));
        self.paint(hits, env)
    }

    fn paint(&mut self, hits: Vec<panscan::Finding>, env: &Env<'_>) -> Result<(), Reason> {
        for hit in hits {
            let seen = self.see(&hit, env);
            let fate = self.note(&hit, seen, env);
            if fate == Fate::Mask {
                self.pipe.patch(hit.start, hit.replacement());
                self.paint_event(hit.start, hit.replacement());
            }
            let blocks = self.asked.block_on_finding && fate != Fate::Suppressed;
            if blocks && env.profile.mode == Mode::Enforce {
                return Err(Reason::FindingBlocked);
            }
            if !hit.maskable() && fate != Fate::Suppressed && self.enforces_masks(env) {
                return Err(Reason::FindingBlocked);
            }
        }
        let unread = self.body.as_ref().and_then(|b| b.scan.undecodable());
        match unread {
            Some(_) if self.enforces_masks(env) => Err(Reason::Uninspectable),
            _ => Ok(()),
        }
    }

    /// Whether no card number may pass: then what cannot be read or masked does not.
    fn enforces_masks(&self, env: &Env<'_>) -> bool {
        self.asked.mask && env.profile.mode == Mode::Enforce
    }

    /// Paints over bytes of the unfinished event's copy.
    fn paint_event(&mut self, at: u64, replacement: &[u8]) {
        let Some(events) = self.body.as_mut().and_then(|b| b.sse.as_mut()) else {
            return;
        };
        let from = at.saturating_sub(events.start) as usize;
        if let Some(span) = events.text.get_mut(from..from + replacement.len()) {
            span.copy_from_slice(replacement);
        }
    }

    /// The event that is whole now may complete a card that earlier ones began.
    /// Returns the body offset of the first event that its record holds back.
    fn join_events(&mut self, env: &Env<'_>) -> Result<u64, Reason> {
        let left = match self.enforces_masks(env) {
            true => self.pipe.body_left(),
            false => u64::MAX,
        };
        let Some(events) = self.body.as_mut().and_then(|b| b.sse.as_mut()) else {
            return Ok(0);
        };
        let start = events.start;
        let earlier = events.hold.as_ref().map_or(start, |hold| hold.from);
        let text = events.text.split();
        let mut splits = Vec::new();
        let hold = events
            .tails
            .event(env.scanner, &text, start, left, &mut |s| splits.push(s));
        match hold && left != u64::MAX {
            true => drop(events.hold.get_or_insert(Hold {
                from: start,
                since: env.now.mono_ns,
            })),
            false => events.hold = None,
        }
        let first = if splits.is_empty() { start } else { earlier };
        for split in splits {
            let mut finding = split.finding;
            let at = split.bytes.first().map_or(start, |(at, _)| *at);
            (finding.start, finding.end) = (at, at + (finding.end - finding.start));
            finding.masked = true;
            // In no one message, so in no scope.
            self.note(&finding, Seen::nowhere(), env);
            for (at, byte) in split.bytes {
                self.pipe.patch(at, &[byte]);
            }
            if self.asked.block_on_finding && env.profile.mode == Mode::Enforce {
                return Err(Reason::FindingBlocked);
            }
        }
        Ok(first)
    }

    /// Monotonic nanoseconds at which held events leave, whatever follows.
    pub(crate) fn tail_due(&self, limits: &crate::Limits) -> Option<u64> {
        let events = self.body.as_ref()?.sse.as_ref()?;
        let hold = events.hold.as_ref()?;
        Some(hold.since.saturating_add(limits.sse_tail_ns_max))
    }

    /// The time of held events is over: they leave, their digits hidden if the
    /// settings say so.
    pub(crate) fn let_tails_go(&mut self, env: &Env<'_>) {
        let left = self.pipe.body_left();
        let Some(events) = self.body.as_mut().and_then(|b| b.sse.as_mut()) else {
            return;
        };
        events.hold = None;
        if env.profile.hide_tails {
            for (at, byte) in events.tails.hide(left) {
                self.pipe.patch(at, &[byte]);
            }
        }
    }

    /// Where a finding is, and whether it is suppressed.
    fn see(&mut self, hit: &panscan::Finding, env: &Env<'_>) -> Seen {
        let Some(body) = &mut self.body else {
            return Seen::nowhere();
        };
        let calls = &self.asked.calls;
        let wanted = facts::wants_path(self.findings.len(), calls, env);
        let path = match &mut body.kept {
            Some(kept) if wanted => kept.path_at(hit.start),
            _ => None,
        };
        let kept = body.kept.as_ref();
        let number = || kept.and_then(|kept| kept.bytes(hit.start..hit.end));
        Seen::in_message(hit, calls, path, number, env)
    }

    /// Counts and lists a finding; what becomes of it.
    fn note(&mut self, hit: &panscan::Finding, seen: Seen, env: &Env<'_>) -> Fate {
        let fate = match hit.masked && self.asked.mask && env.profile.mode == Mode::Enforce {
            _ if seen.suppressed.is_some() => Fate::Suppressed,
            true => Fate::Mask,
            false => Fate::Leave,
        };
        let masked = fate == Fate::Mask;
        env.observer.found(hit.brand.name(), masked);
        self.masked += u32::from(masked);
        let max = env.profile.limits.findings_recorded_max;
        let fact = facts::finding(hit, Direction::Response, masked, seen, env);
        let event = self.body.as_mut().and_then(|b| b.sse.as_mut());
        if let Some(event) = event
            && event.findings.len() < max
        {
            event.findings.push(fact.clone());
        }
        if self.findings.len() < max {
            self.findings.push(fact);
        }
        fate
    }

    /// An event is whole: one with a finding gets its own record first.
    fn event_ended(&mut self, flow: &Flow, env: &Env<'_>) -> Result<(), Reason> {
        let Some(body) = &mut self.body else {
            return Ok(());
        };
        let Some(events) = &mut body.sse else {
            return Ok(());
        };
        if events.start == body.decided {
            return Ok(());
        }
        let first = self.join_events(env)?;
        let Some(body) = &mut self.body else {
            return Ok(());
        };
        let Some(events) = &mut body.sse else {
            return Ok(());
        };
        events.count += 1;
        events.start = body.decided;
        if let Some(kept) = &mut body.kept {
            kept.begin(body.decided);
        }
        if events.findings.is_empty() {
            return Ok(());
        }
        let number = self.asked.calls.first().map_or(0, |c| c.number);
        let mut record = facts::base(Kind::McpMask, number, flow, env);
        record.findings = std::mem::take(&mut events.findings);
        record.who = Some(facts::who(&self.asked.principal, env));
        if let Some(call) = self.asked.calls.first() {
            record.action = Some(facts::action(call, &self.asked.http_method, env));
        }
        match env.recorder.record(&record) {
            Ok(ticket) => {
                events.waiting.push_back((self.pipe.raw_of(first), ticket));
                Ok(())
            }
            Err(_) if env.profile.mode == Mode::Observe => Ok(()),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Records the end of the exchange; once only.
    pub(crate) fn end(&mut self, reason: Reason, flow: &Flow, env: &Env<'_>) -> Result<(), Reason> {
        if self.result.is_some() {
            return Ok(());
        }
        if let Some(events) = self.body.as_mut().and_then(|b| b.sse.as_mut()) {
            events.hold = None;
        }
        let duration_ns = env.now.mono_ns.saturating_sub(self.asked.started.mono_ns);
        let response_bytes = self.pipe.end();
        env.observer.ended(
            reason,
            self.asked.request_bytes,
            response_bytes,
            duration_ns,
        );
        let outcome = self.outcome(reason);
        let events = self
            .body
            .as_ref()
            .and_then(|b| b.sse.as_ref())
            .map_or(0, |e| e.count);
        let mut tickets = Vec::with_capacity(self.asked.calls.len());
        for call in &self.asked.calls {
            let mut record = facts::base(Kind::McpResult, call.number, flow, env);
            record.who = Some(facts::who(&self.asked.principal, env));
            record.session = self
                .asked
                .session
                .as_deref()
                .map(|s| crate::CardScrub(env.scanner).bytes(s));
            record.action = Some(facts::action(call, &self.asked.http_method, env));
            record.findings = self.findings.clone();
            record.result = Some(ResultFacts {
                http_status: self.status,
                outcome,
                request_bytes: self.asked.request_bytes,
                response_bytes,
                duration_ns,
                events,
                masked: self.masked,
                reason: reason.code(),
            });
            match env.recorder.record(&record) {
                Ok(ticket) => tickets.push(ticket),
                Err(_) if env.profile.mode == Mode::Observe => {}
                Err(error) => return Err(unavailable(&error)),
            }
        }
        self.result = Some(Ending {
            tickets,
            receipt: None,
            reason,
        });
        Ok(())
    }

    fn outcome(&self, reason: Reason) -> audit::Outcome {
        if reason != Reason::Ok {
            return match reason {
                Reason::ClientGone => audit::Outcome::ClientGone,
                Reason::UpstreamTruncated => audit::Outcome::Truncated,
                Reason::UpstreamConnect | Reason::UpstreamTimeout | Reason::UpstreamMalformed => {
                    audit::Outcome::UpstreamError
                }
                _ => audit::Outcome::Refused,
            };
        }
        let seen = match &self.body {
            Some(Body {
                sse: Some(events), ..
            }) => events.last_outcome,
            Some(body) => body.outcome.outcome(),
            None => Outcome::Unknown,
        };
        match seen {
            Outcome::Error(code) => audit::Outcome::RpcError(code),
            Outcome::ToolError => audit::Outcome::ToolError,
            Outcome::Result | Outcome::Unknown => audit::Outcome::Ok,
        }
    }

    /// The server closed. `Err` when the answer is cut short by it.
    pub(crate) fn upstream_ended(&mut self, flow: &Flow, env: &Env<'_>) -> Result<(), Reason> {
        let Some(body) = &mut self.body else {
            return Err(Reason::UpstreamTruncated);
        };
        if body.reader.eof().is_err() {
            return Err(Reason::UpstreamTruncated);
        }
        // Without a stated end the last byte that is still here waits for the
        // record; where all have left, the close itself does.
        self.server_keeps = false;
        self.settle(env)?;
        self.event_ended(flow, env)?;
        self.end(Reason::Ok, flow, env)
    }

    /// Lets out what may leave now.
    pub(crate) fn poll(&mut self, env: &Env<'_>, mut out: impl FnMut(Answer)) -> Progress {
        if self.call_receipt.is_none() {
            self.call_receipt = all_receipts(&self.asked.tickets, env);
        }
        let Some(receipt) = &self.call_receipt else {
            return Progress::Waiting;
        };
        if let Some(ending) = &mut self.result
            && ending.receipt.is_none()
        {
            ending.receipt = match ending.tickets.is_empty() {
                true => all_receipts(&self.asked.tickets, env),
                false => all_receipts(&ending.tickets, env),
            };
        }
        let limit = match &mut self.body {
            // What was found or could not be read may be in what is held.
            _ if self.result.as_ref().is_some_and(Ending::closes) => 0,
            Some(body) => body.limit(&self.pipe, env),
            None if env.profile.mode == Mode::Observe => self.pipe.end(),
            None => 0,
        };
        let (limit, receipt) = match &self.result {
            Some(Ending {
                receipt: Some(last),
                ..
            }) => (limit, last),
            _ => (
                limit.min(self.body.as_ref().and_then(|b| b.last).unwrap_or(limit)),
                receipt,
            ),
        };
        self.pipe
            .release(limit, |bytes| out(Answer::new(bytes, receipt)));
        match &self.result {
            Some(Ending {
                receipt: Some(_),
                reason: Reason::Ok,
                ..
            }) if self.pipe.held() == 0 => Progress::Done {
                keep: self.server_keeps && self.asked.client_keeps,
            },
            Some(Ending {
                receipt: Some(_),
                reason,
                ..
            }) if *reason != Reason::Ok => Progress::Cut(*reason),
            _ => Progress::Waiting,
        }
    }
}

impl Body {
    /// Raw offset up to which scanner, events and mask records let bytes go.
    fn limit(&mut self, pipe: &Pipe, env: &Env<'_>) -> u64 {
        let mut limit = pipe.raw_of(self.decided);
        if env.profile.mode == Mode::Observe {
            return pipe.end();
        }
        if let Some(events) = &mut self.sse {
            if pipe.body_bytes() - events.start <= env.profile.limits.sse_hold_bytes_max as u64 {
                limit = limit.min(pipe.raw_of(events.start));
            }
            if let Some(hold) = &events.hold {
                limit = limit.min(pipe.raw_of(hold.from));
            }
            while let Some((raw, ticket)) = events.waiting.front() {
                if env.recorder.receipt(ticket).is_none() {
                    limit = limit.min(*raw);
                    break;
                }
                events.waiting.pop_front();
            }
        }
        limit
    }
}

impl Events {
    fn new(event_bytes_max: usize) -> Events {
        Events {
            scanner: EventScanner::new(event_bytes_max),
            start: 0,
            findings: Vec::new(),
            waiting: std::collections::VecDeque::new(),
            count: 0,
            last_outcome: Outcome::Unknown,
            text: BytesMut::new(),
            tails: panscan::Tails::new(),
            hold: None,
        }
    }
}

/// The receipt of the last ticket, once every one is durable.
pub(crate) fn all_receipts(tickets: &[Ticket], env: &Env<'_>) -> Option<Receipt> {
    let mut last = None;
    for ticket in tickets {
        last = Some(env.recorder.receipt(ticket)?);
    }
    last
}
