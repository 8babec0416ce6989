//! A session with everything around it in memory: client, server, log.

use std::cell::RefCell;

use audit::{Bounds, Committer, MemoryStore, Recorder, Store, Time};
use bytes::Bytes;
use engine::{Env, Flow, Input, Limits, Mode, Now, Observer, Output, Profile, Session};
use gateway_common::Reason;
use policy::{AuthnMethod, PolicySet, Principal, PrincipalKind};

/// A disk that can fail.
#[derive(Default)]
pub struct Disk {
    memory: MemoryStore,
    pub broken: bool,
}

impl Disk {
    fn works(&self) -> std::io::Result<()> {
        match self.broken {
            true => Err(std::io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }

    /// Everything that was written.
    pub fn bytes(&self) -> Vec<u8> {
        self.memory
            .segments
            .iter()
            .flat_map(|(_, bytes)| bytes.iter().copied())
            .collect()
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
pub struct Counts {
    pub decided: RefCell<Vec<(audit::Verdict, Reason)>>,
    pub found: RefCell<u32>,
    pub ended: RefCell<Vec<Reason>>,
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

pub struct Rig {
    pub session: Session,
    pub profile: Profile,
    pub policies: PolicySet,
    pub scanner: panscan::Scanner,
    pub recorder: Recorder,
    pub committer: Committer,
    pub disk: Disk,
    pub counts: Counts,
    /// Bytes that reached the server, and the client.
    pub to_server: Vec<u8>,
    pub to_client: Vec<u8>,
    pub closed: Option<(Reason, bool)>,
    pub identity: Result<(), Reason>,
    /// How often a connection to the server was asked for.
    pub connects: u32,
    now_ns: u64,
}

pub const POLICY: &str = r#"
@id("session") permit(principal, action in Mcp::Action::"session", resource);
@id("list") permit(principal, action in Mcp::Action::"list", resource);
@id("tools") permit(principal, action == Mcp::Action::"tools/call", resource);
@id("no-delete") forbid(principal, action == Mcp::Action::"tools/call", resource == Mcp::Tool::"crm/delete");
@id("ask") @decision("approve") permit(principal, action == Mcp::Action::"tools/call", resource == Mcp::Tool::"crm/wire");
"#;

pub fn profile(mode: Mode) -> Profile {
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
        limits: Limits::default(),
    }
}

impl Rig {
    pub fn new(mode: Mode) -> Rig {
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

    pub fn give(&mut self, input: Input) {
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

    pub fn client(&mut self, bytes: &[u8]) {
        self.give(Input::Downstream(Bytes::copy_from_slice(bytes)));
    }

    pub fn server(&mut self, bytes: &[u8]) {
        self.give(Input::Upstream(Bytes::copy_from_slice(bytes)));
    }

    /// Writes what is queued to the disk and wakes the session.
    pub fn commit(&mut self) {
        let now = Time {
            wall_ns: self.now_ns,
            mono_ns: self.now_ns,
        };
        let _ = self.committer.commit(&mut self.disk, now);
        self.give(Input::AuditMoved);
    }

    pub fn sent(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.to_client)).unwrap()
    }

    pub fn forwarded(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.to_server)).unwrap()
    }

    pub fn disk_has(&self, needle: &str) -> bool {
        memchr::memmem::find(&self.disk.bytes(), needle.as_bytes()).is_some()
    }
}

pub fn alice() -> Principal {
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

pub fn call(tool: &str, arguments: &str) -> String {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    );
    post(&body)
}

pub fn post(body: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub fn json_answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub fn result(text: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#
    )
}
