//! A session with everything around it in memory: client, server, log.

use std::cell::RefCell;

use audit::frame::{Salt, SegmentHeader};
use audit::{Bounds, Committer, MemoryStore, Record, Recorder, Step, Store, Time, read_group};
use bytes::Bytes;
use engine::{Env, Flow, Input, Limits, Mode, Now, Observer, Output, Profile, Session};
use gateway_common::Reason;
use policy::{AuthnMethod, PolicySet, Principal, PrincipalKind};

/// A disk that can fail.
#[derive(Default)]
pub(crate) struct Disk {
    memory: MemoryStore,
    pub(crate) broken: bool,
    /// Takes what is written, and fails to sync it.
    pub(crate) unsynced: bool,
}

impl Disk {
    fn works(&self) -> std::io::Result<()> {
        match self.broken {
            true => Err(std::io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }

    /// Everything that was written.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.memory
            .segments
            .iter()
            .flat_map(|(_, bytes)| bytes.iter().copied())
            .collect()
    }

    /// The records of committed groups that were synced.
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut all = Vec::new();
        for (place, (_, bytes)) in self.memory.segments.iter().enumerate() {
            let last = place + 1 == self.memory.segments.len();
            let synced = if last {
                self.memory.synced
            } else {
                bytes.len()
            };
            let header = SegmentHeader::decode(bytes).expect("the header that was written");
            let salt = Salt::of(bytes).expect("the header that was written");
            let (mut at, mut seq) = (audit::frame::HEADER_BYTES, header.tree.size());
            while let Step::Group(group) = read_group(&bytes[at..synced], salt, seq) {
                at += group.span;
                seq += group.records.len() as u64;
                all.extend(
                    group
                        .records
                        .iter()
                        .map(|r| Record::decode(r).expect("whole")),
                );
            }
        }
        all
    }
}

impl Store for Disk {
    fn open(&mut self, index: u64, header: &[u8], capacity: u64) -> std::io::Result<()> {
        self.works()?;
        self.memory.open(index, header, capacity)
    }
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.works()?;
        self.memory.write(bytes)
    }
    fn sync(&mut self) -> std::io::Result<()> {
        self.works()?;
        if self.unsynced {
            return Err(std::io::ErrorKind::Other.into());
        }
        self.memory.sync()
    }
    fn seal(&mut self) -> std::io::Result<()> {
        self.works()?;
        self.memory.seal()
    }
    fn checkpoint(&mut self, note: &str) -> std::io::Result<()> {
        self.works()?;
        self.memory.checkpoint(note)
    }
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) decided: RefCell<Vec<(audit::Verdict, Reason)>>,
    pub(crate) found: RefCell<u32>,
    pub(crate) ended: RefCell<Vec<Reason>>,
}

impl Observer for Counts {
    fn decided(&self, verdict: audit::Verdict, reason: Reason) {
        self.decided.borrow_mut().push((verdict, reason));
    }
    fn found(&self, _: &str, _: bool) {
        *self.found.borrow_mut() += 1;
    }
    fn ended(&self, reason: Reason, _: u64, _: u64, _: u64) {
        self.ended.borrow_mut().push(reason);
    }
}

pub(crate) struct Rig {
    pub(crate) session: Session,
    pub(crate) profile: Profile,
    pub(crate) policies: PolicySet,
    pub(crate) scanner: panscan::Scanner,
    pub(crate) recorder: Recorder,
    pub(crate) committer: Committer,
    pub(crate) disk: Disk,
    pub(crate) counts: Counts,
    /// Bytes that reached the server, and the client.
    pub(crate) to_server: Vec<u8>,
    pub(crate) to_client: Vec<u8>,
    pub(crate) closed: Option<(Reason, bool)>,
    pub(crate) identity: Result<(), Reason>,
    /// How often a connection to the server was asked for.
    pub(crate) connects: u32,
    pub(crate) now_ns: u64,
}

pub(crate) const POLICY: &str = r#"
@id("session") permit(principal, action in Mcp::Action::"session", resource);
@id("list") permit(principal, action in Mcp::Action::"list", resource);
@id("tools") permit(principal, action == Mcp::Action::"tools/call", resource);
@id("no-delete") forbid(principal, action == Mcp::Action::"tools/call", resource == Mcp::Tool::"crm/delete");
@id("ask") @decision("approve") permit(principal, action == Mcp::Action::"tools/call", resource == Mcp::Tool::"crm/wire");
"#;

pub(crate) fn profile(mode: Mode) -> Profile {
    Profile {
        server: "crm".into(),
        mode,
        accepts_bearer: true,
        authorization: engine::Authorization::StripEvidence,
        credential: None,
        mcp_paths: vec![],
        challenge: Some("Bearer".into()),
        resource_metadata: None,
        record_bodies: true,
        hide_tails: false,
        limits: Limits::default(),
    }
}

impl Rig {
    pub(crate) fn new(mode: Mode) -> Rig {
        let (recorder, committer) = audit::channel(Bounds::default());
        let recorder = match mode {
            Mode::Enforce => recorder,
            Mode::Observe => recorder.with_mode(audit::Mode::BestEffort),
        };
        let flow = Flow {
            number: 7,
            client: "127.0.0.1:40000".parse().unwrap(),
            destination: "127.0.0.1:8080".parse().unwrap(),
            transport: "tcp",
            process: None,
        };
        Rig {
            session: Session::new(flow, Now::default()),
            profile: profile(mode),
            policies: PolicySet::load(&[("test.cedar".into(), POLICY.into())]).unwrap(),
            scanner: panscan::Scanner::new(panscan::Settings::default()),
            recorder,
            committer,
            disk: Disk::default(),
            counts: Counts::default(),
            to_server: vec![],
            to_client: vec![],
            closed: None,
            identity: Ok(()),
            connects: 0,
            now_ns: 1_000_000_000,
        }
    }

    pub(crate) fn give(&mut self, input: Input) {
        self.now_ns += 1000;
        let env = Env {
            now: Now {
                wall_ns: self.now_ns,
                mono_ns: self.now_ns,
            },
            profile: &self.profile,
            policies: &self.policies,
            scanner: &self.scanner,
            recorder: &self.recorder,
            observer: &self.counts,
        };
        self.session.handle(input, &env);
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Authenticate(_) => {
                    let who = self.identity.map(|()| std::sync::Arc::new(alice()));
                    self.session.handle(Input::Identity(who), &env);
                }
                Output::Upstream(bytes) => self.to_server.extend(bytes.into_bytes()),
                Output::Downstream(bytes) => self.to_client.extend(bytes.into_bytes()),
                Output::Close { reason, abort } => self.closed = Some((reason, abort)),
                Output::Connect => self.connects += 1,
                Output::CloseUpstream => {}
            }
        }
    }

    pub(crate) fn client(&mut self, bytes: &[u8]) {
        self.give(Input::Downstream(Bytes::copy_from_slice(bytes)));
    }

    pub(crate) fn server(&mut self, bytes: &[u8]) {
        self.give(Input::Upstream(Bytes::copy_from_slice(bytes)));
    }

    /// Writes what is queued to the disk and wakes the session.
    pub(crate) fn commit(&mut self) {
        let now = Time {
            wall_ns: self.now_ns,
            mono_ns: self.now_ns,
        };
        let _ = self.committer.commit(&mut self.disk, now);
        self.give(Input::AuditMoved);
    }

    pub(crate) fn to_client_has(&self, needle: &str) -> bool {
        memchr::memmem::find(&self.to_client, needle.as_bytes()).is_some()
    }

    pub(crate) fn sent(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.to_client)).unwrap()
    }

    pub(crate) fn forwarded(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.to_server)).unwrap()
    }

    pub(crate) fn disk_has(&self, needle: &str) -> bool {
        memchr::memmem::find(&self.disk.bytes(), needle.as_bytes()).is_some()
    }
}

pub(crate) fn alice() -> Principal {
    Principal {
        kind: PrincipalKind::User,
        id: "https://idp.example|alice".into(),
        issuer: Some("https://idp.example".into()),
        method: AuthnMethod::Oidc,
        groups: vec!["support".into()],
        token_id: None,
        key_id: None,
        process: None,
    }
}

pub(crate) fn call(tool: &str, arguments: &str) -> String {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    );
    post(&body)
}

pub(crate) fn post(body: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn json_answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn result(text: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#
    )
}
