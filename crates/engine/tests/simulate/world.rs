//! The world around one session, driven by a random number generator.

use std::collections::VecDeque;

use audit::Kind;
use engine::{Input, Mode};
use gateway_common::Reason;

use crate::rig::{Rig, call, json_answer, post, result};

const PAN: &str = "4111111111111111";
const MASKED: &str = "411111******1111";
const STEPS_MAX: u32 = 60_000;
/// Steps after the disk failed: what was on its way is given up then.
const STEPS_WITHOUT_DISK: u32 = 200;

/// What may go wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Faults {
    None,
    /// The disk fails at some point, for good.
    Disk,
    /// Client or server vanishes, or the server answers nonsense.
    Peers,
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// One request and what should come of it.
struct Exchange {
    request: String,
    /// What the server must get; empty: nothing.
    forwarded: String,
    /// What it answers.
    answer: String,
    /// What the client must get; `None`: the gateway's own refusal.
    wanted: Option<String>,
}

pub(crate) struct World {
    seed: u64,
    random: Random,
    faults: Faults,
    rig: Rig,
    script: Vec<Exchange>,
    /// Bytes of the client and of the server that are on their way.
    from_client: VecDeque<u8>,
    from_server: VecDeque<u8>,
    /// Exchanges whose forwarded request the server has had whole.
    served: usize,
    server_read: usize,
    gone: bool,
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults) -> World {
        let mut random = Random(seed);
        let count = 1 + random.below(6);
        let script: Vec<_> = (0..count).map(|n| exchange(n, &mut random)).collect();
        let from_client = script.iter().flat_map(|e| e.request.bytes()).collect();
        World {
            seed,
            random,
            faults,
            rig: Rig::new(Mode::Enforce),
            script,
            from_client,
            from_server: VecDeque::new(),
            served: 0,
            server_read: 0,
            gone: false,
        }
    }

    /// Runs until nothing is left to happen.
    pub(crate) fn run(&mut self) {
        let mut without_disk = 0;
        for _ in 0..STEPS_MAX {
            let before = self.rig.to_client.len() + self.rig.to_server.len();
            self.step();
            if self.rig.to_client.len() + self.rig.to_server.len() > before {
                self.check_always();
            }
            without_disk += u32::from(self.disk_failed());
            if self.is_over() || without_disk == STEPS_WITHOUT_DISK {
                break;
            }
        }
        if self.faults == Faults::Peers {
            // What was pipelined may have gone to the server since.
            self.rig.give(Input::DownstreamGone);
        }
        // What is queued goes to the disk; answers that wait for it leave.
        for _ in 0..4 {
            self.rig.commit();
            self.check_always();
        }
        if !self.is_over() && self.disk_failed() {
            // What waits for the log is given up when its time is over.
            self.rig.profile.limits.audit_ns_max = 0;
            self.rig.give(Input::Tick);
            self.check_always();
        }
        assert!(self.is_over(), "seed {}: never ends", self.seed);
    }

    fn disk_failed(&self) -> bool {
        self.rig.disk.broken || self.rig.disk.unsynced
    }

    fn is_over(&self) -> bool {
        let quiet = self.from_client.is_empty() && self.from_server.is_empty();
        self.gone || self.rig.closed.is_some() || (quiet && self.rig.session.is_idle())
    }

    fn step(&mut self) {
        let limits = self.rig.profile.limits.clone();
        match self.random.below(100) {
            0..40 if self.rig.session.wants_downstream(&limits) => {
                let piece = take(&mut self.from_client, &mut self.random);
                self.rig.client(&piece);
            }
            40..75 if self.rig.session.wants_upstream(&limits) && !self.from_server.is_empty() => {
                let piece = take(&mut self.from_server, &mut self.random);
                self.rig.server(&piece);
            }
            75..98 => self.rig.commit(),
            98..100 => self.fault(),
            _ => {}
        }
        self.serve();
    }

    /// The server answers each request that it has whole.
    fn serve(&mut self) {
        while let Some(exchange) = self.script.get(self.served) {
            let want = exchange.forwarded.len();
            if want > 0 && self.rig.to_server.len() - self.server_read < want {
                break;
            }
            let got = &self.rig.to_server[self.server_read..self.server_read + want];
            assert_eq!(
                String::from_utf8_lossy(got),
                exchange.forwarded,
                "seed {}",
                self.seed
            );
            self.server_read += want;
            self.from_server.extend(exchange.answer.bytes());
            self.served += 1;
        }
    }

    fn fault(&mut self) {
        match (self.faults, self.random.below(40)) {
            (Faults::Disk, 0) => self.rig.disk.broken = true,
            (Faults::Disk, 1) => self.rig.disk.unsynced = true,
            (Faults::Peers, 0) => self.give_up(Input::DownstreamGone),
            (Faults::Peers, 1) => self.give_up(Input::UpstreamEnd(Reason::Ok)),
            (Faults::Peers, 2) => self.give_up(Input::UpstreamEnd(Reason::UpstreamTruncated)),
            (Faults::Peers, 3) => {
                self.from_server.clear();
                self.rig.server(b"\0\x01 what?\r\n\r\n");
                self.give_up(Input::UpstreamEnd(Reason::Ok));
            }
            _ => {}
        }
    }

    fn give_up(&mut self, input: Input) {
        self.rig.give(input);
        self.gone = true;
    }

    /// What holds after every step, whatever went before.
    fn check_always(&self) {
        let (client, server) = (&self.rig.to_client, &self.rig.to_server);
        for (name, bytes) in [("client", client), ("server", server)] {
            assert!(!has(bytes, PAN), "seed {}: a card at the {name}", self.seed);
        }
        assert!(!has(server, "no-delete"), "seed {}: forbidden", self.seed);
        for n in 0..self.script.len() {
            // The answer says `r-n`, its call's record holds `m-n`.
            let answered = has(client, &format!("r-{n}."));
            assert!(
                !answered || self.rig.disk_has(&format!("m-{n}.")),
                "seed {}: answer {n} left before its call was on disk",
                self.seed
            );
        }
        let whole = self
            .script
            .iter()
            .scan(0, |end, e| {
                *end += e.wanted.as_ref()?.len();
                Some(*end)
            })
            .take_while(|end| *end <= client.len())
            .count();
        assert!(
            whole <= self.records(Kind::McpResult),
            "seed {}: answer {whole} was complete before its result was on disk",
            self.seed
        );
    }

    /// Records of this kind that are on disk.
    fn records(&self, kind: Kind) -> usize {
        self.rig
            .disk
            .records()
            .iter()
            .filter(|r| r.kind == kind)
            .count()
    }

    /// Every request was answered, and as wanted.
    pub(crate) fn check_complete(&self) {
        assert_eq!(self.rig.closed, None, "seed {}", self.seed);
        let mut rest = &self.rig.to_client[..];
        for (n, exchange) in self.script.iter().enumerate() {
            let len = match &exchange.wanted {
                Some(wanted) => {
                    let got = &rest[..wanted.len().min(rest.len())];
                    let got = String::from_utf8_lossy(got);
                    assert_eq!(&got, wanted, "seed {}, answer {n}", self.seed);
                    wanted.len()
                }
                None => refusal_len(rest).unwrap_or_else(|| panic!("seed {}, {n}", self.seed)),
            };
            rest = &rest[len..];
        }
        assert!(rest.is_empty(), "seed {}: more than was asked", self.seed);
        assert_eq!(self.records(Kind::McpCall), self.script.len());
    }

    /// Once the disk failed, the answers that left before are all there is.
    pub(crate) fn check_stopped_by_disk(&mut self) {
        if !self.disk_failed() {
            return self.check_complete();
        }
        let before = self.rig.to_client.len();
        let again = call("lookup", r#"{"again":"r-99."}"#);
        self.rig.client(again.as_bytes());
        self.rig.server(json_answer(&result("r-99.")).as_bytes());
        self.rig.commit();
        self.check_always();
        let sent = &self.rig.to_client[before..];
        assert!(!has(sent, "r-99."), "seed {}", self.seed);
    }

    /// A call that reached the server has its record.
    pub(crate) fn check_recorded(&self) {
        let calls = self.records(Kind::McpCall);
        let reached = (0..self.script.len())
            .filter(|n| has(&self.rig.to_server, &format!("m-{n}.")))
            .count();
        assert!(
            reached <= calls,
            "seed {}: {reached} calls, {calls} records",
            self.seed
        );
        assert!(
            reached <= self.records(Kind::McpResult),
            "seed {}: a call without an end",
            self.seed
        );
    }
}

fn take(from: &mut VecDeque<u8>, random: &mut Random) -> Vec<u8> {
    let most = [1, 7, 60, 5000][random.below(4)];
    let len = (1 + random.below(most)).min(from.len());
    from.drain(..len).collect()
}

fn has(bytes: &[u8], needle: &str) -> bool {
    memchr::memmem::find(bytes, needle.as_bytes()).is_some()
}

/// Length of the gateway's own answer at the start of `bytes`.
fn refusal_len(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?.to_lowercase();
    let length = head.split("content-length: ").nth(1)?;
    let length: usize = length.split("\r\n").next()?.parse().ok()?;
    (end + length <= bytes.len()).then_some(end + length)
}

fn exchange(n: usize, random: &mut Random) -> Exchange {
    let text = match random.below(3) {
        0 => format!("r-{n}. fine"),
        1 => format!("r-{n}. card {PAN} and {PAN}"),
        _ => format!(
            "r-{n}. {}",
            "long text, 12 words. ".repeat(random.below(400))
        ),
    };
    let mut same = Random(random.0);
    let wanted = answer(&result(&text.replace(PAN, MASKED)), &mut same);
    let answer = answer(&result(&text), random);
    let request = match random.below(6) {
        0 => call("delete", &format!(r#"{{"m":"m-{n}.","no":"no-delete"}}"#)),
        1 => call("wire", &format!(r#"{{"m":"m-{n}."}}"#)),
        2 => post(&format!(
            r#"{{"jsonrpc":"2.0","id":{n},"method":"resources/read","params":{{"uri":"m-{n}."}}}}"#
        )),
        3 => call("refund", &format!(r#"{{"m":"m-{n}.","card":"{PAN}"}}"#)),
        _ => call("lookup", &format!(r#"{{"m":"m-{n}."}}"#)),
    };
    let refused = ["delete", "wire", "resources/read"]
        .iter()
        .any(|word| request.contains(word));
    if refused {
        return Exchange {
            request,
            forwarded: String::new(),
            answer: String::new(),
            wanted: None,
        };
    }
    Exchange {
        forwarded: request.replace(PAN, MASKED),
        request,
        answer,
        wanted: Some(wanted),
    }
}

/// The answer as JSON with a length, in chunks, or as events.
fn answer(body: &str, random: &mut Random) -> String {
    let chunked = |kind: &str, body: &str, random: &mut Random| {
        let mut all = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let mut rest = body;
        while !rest.is_empty() {
            let (chunk, tail) = rest.split_at((1 + random.below(90)).min(rest.len()));
            all.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
            rest = tail;
        }
        all + "0\r\n\r\n"
    };
    match random.below(3) {
        0 => json_answer(body),
        1 => chunked("application/json", body, random),
        _ => {
            let note =
                r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#;
            let events = format!("data: {note}\n\nevent: message\ndata: {body}\n\n");
            chunked("text/event-stream", &events, random)
        }
    }
}
