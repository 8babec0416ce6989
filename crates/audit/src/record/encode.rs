//! Record to deterministic CBOR (RFC 8949 4.2): integer keys in ascending order,
//! definite lengths, shortest integers, nothing absent written.

use std::convert::Infallible;
use std::net::SocketAddr;

use minicbor::Encoder;

use super::{
    Action, DecisionFacts, FindingFacts, Origin, Outcome, Process, Record, ResultFacts, Who,
};
use crate::masked::Masked;

/// Version in key 0 of every record.
pub(crate) const RECORD_VERSION: u64 = 1;

type Out = Encoder<Vec<u8>>;
type Done = Result<(), minicbor::encode::Error<Infallible>>;

impl Record {
    /// The bytes of the leaf.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new(Vec::with_capacity(512));
        record(&mut out, self).expect("a Vec takes every write");
        out.into_writer()
    }
}

/// Counts the fields that will be written: CBOR maps state their length first.
fn count(present: &[bool]) -> u64 {
    present.iter().filter(|p| **p).count() as u64
}

fn text(out: &mut Out, key: u8, value: &Option<Masked<String>>) -> Done {
    if let Some(value) = value {
        out.u8(key)?.str(value.as_str())?;
    }
    Ok(())
}

fn record(out: &mut Out, r: &Record) -> Done {
    out.map(
        3 + count(&[
            r.flow != 0,
            r.call != 0,
            r.session.is_some(),
            r.who.is_some(),
            r.origin.is_some(),
            r.action.is_some(),
            r.decision.is_some(),
            !r.findings.is_empty(),
            r.result.is_some(),
            r.payload.is_some(),
            r.note.is_some(),
        ]),
    )?;
    out.u8(0)?
        .u64(RECORD_VERSION)?
        .u8(1)?
        .u16(r.kind.code())?
        .u8(2)?
        .u64(r.time_unix_ns)?;
    if r.flow != 0 {
        out.u8(3)?.u64(r.flow)?;
    }
    if r.call != 0 {
        out.u8(4)?.u64(r.call)?;
    }
    text(out, 5, &r.session)?;
    if let Some(value) = &r.who {
        out.u8(6)?;
        who(out, value)?;
    }
    if let Some(value) = &r.origin {
        out.u8(7)?;
        origin(out, value)?;
    }
    if let Some(value) = &r.action {
        out.u8(8)?;
        action(out, value)?;
    }
    if let Some(value) = &r.decision {
        out.u8(9)?;
        decision(out, value)?;
    }
    if !r.findings.is_empty() {
        out.u8(10)?.array(r.findings.len() as u64)?;
        r.findings.iter().try_for_each(|f| finding(out, f))?;
    }
    if let Some(value) = &r.result {
        out.u8(11)?;
        result(out, value)?;
    }
    if let Some(value) = &r.payload {
        out.u8(12)?.bytes(value.as_bytes())?;
    }
    text(out, 13, &r.note)
}

fn who(out: &mut Out, w: &Who) -> Done {
    out.map(
        3 + count(&[
            w.issuer.is_some(),
            !w.groups.is_empty(),
            w.token_id.is_some(),
            w.key_id.is_some(),
            w.process.is_some(),
        ]),
    )?;
    out.u8(0)?.u8(w.kind as u8)?.u8(1)?.str(w.id.as_str())?;
    text(out, 2, &w.issuer)?;
    out.u8(3)?.str(&w.method)?;
    if !w.groups.is_empty() {
        out.u8(4)?.array(w.groups.len() as u64)?;
        for group in &w.groups {
            out.str(group.as_str())?;
        }
    }
    text(out, 5, &w.token_id)?;
    text(out, 6, &w.key_id)?;
    if let Some(value) = &w.process {
        out.u8(7)?;
        process(out, value)?;
    }
    Ok(())
}

fn process(out: &mut Out, p: &Process) -> Done {
    out.map(5 + count(&[p.exe.is_some(), p.unit.is_some()]))?;
    out.u8(0)?
        .u32(p.pid)?
        .u8(1)?
        .u32(p.uid)?
        .u8(2)?
        .u32(p.gid)?
        .u8(3)?
        .u64(p.cgroup_id)?;
    out.u8(4)?.str(p.comm.as_str())?;
    text(out, 5, &p.exe)?;
    text(out, 6, &p.unit)
}

fn origin(out: &mut Out, o: &Origin) -> Done {
    out.map(3 + count(&[o.process.is_some()]))?;
    out.u8(0)?;
    address(out, &o.client)?;
    out.u8(1)?;
    address(out, &o.destination)?;
    out.u8(2)?.str(&o.transport)?;
    if let Some(value) = &o.process {
        out.u8(3)?;
        process(out, value)?;
    }
    Ok(())
}

/// `[address bytes (4 or 16), port]`. Flow label and scope are not kept.
fn address(out: &mut Out, a: &SocketAddr) -> Done {
    out.array(2)?;
    match a.ip() {
        std::net::IpAddr::V4(ip) => out.bytes(&ip.octets())?,
        std::net::IpAddr::V6(ip) => out.bytes(&ip.octets())?,
    };
    out.u16(a.port())?;
    Ok(())
}

fn action(out: &mut Out, a: &Action) -> Done {
    out.map(
        2 + count(&[
            a.target.is_some(),
            a.rpc_id.is_some(),
            a.protocol_version.is_some(),
            a.http_method.is_some(),
        ]),
    )?;
    out.u8(0)?.str(&a.server)?.u8(1)?.str(a.method.as_str())?;
    text(out, 2, &a.target)?;
    text(out, 3, &a.rpc_id)?;
    text(out, 4, &a.protocol_version)?;
    text(out, 5, &a.http_method)
}

fn decision(out: &mut Out, d: &DecisionFacts) -> Done {
    out.map(5 + count(&[!d.policies.is_empty()]))?;
    out.u8(0)?
        .u8(d.verdict as u8)?
        .u8(1)?
        .u16(d.reason)?
        .u8(2)?
        .str(&d.reason_name)?;
    if !d.policies.is_empty() {
        out.u8(3)?.array(d.policies.len() as u64)?;
        for policy in &d.policies {
            out.str(policy)?;
        }
    }
    out.u8(4)?.bytes(&d.policy_set)?.u8(5)?.bool(d.enforced)?;
    Ok(())
}

fn finding(out: &mut Out, f: &FindingFacts) -> Done {
    out.map(7 + count(&[f.path.is_some(), f.test_pan, f.suppressed.is_some()]))?
        .u8(0)?
        .u8(f.direction as u8)?
        .u8(1)?
        .u64(f.offset)?;
    out.u8(2)?
        .str(&f.kind)?
        .u8(3)?
        .str(&f.brand)?
        .u8(4)?
        .str(&f.confidence)?;
    out.u8(5)?.str(f.shown.as_str())?.u8(6)?.bool(f.masked)?;
    text(out, 7, &f.path)?;
    if f.test_pan {
        out.u8(8)?.bool(true)?;
    }
    if let Some(id) = &f.suppressed {
        out.u8(9)?.str(id)?;
    }
    Ok(())
}

fn result(out: &mut Out, r: &ResultFacts) -> Done {
    let (outcome, code) = match r.outcome {
        Outcome::Ok => (1, None),
        Outcome::ToolError => (2, None),
        Outcome::RpcError(code) => (3, Some(code)),
        Outcome::Truncated => (4, None),
        Outcome::Refused => (5, None),
        Outcome::UpstreamError => (6, None),
        Outcome::ClientGone => (7, None),
    };
    out.map(8 + count(&[code.is_some()]))?;
    out.u8(0)?.u16(r.http_status)?.u8(1)?.u8(outcome)?;
    if let Some(code) = code {
        out.u8(2)?.i64(code)?;
    }
    out.u8(3)?
        .u64(r.request_bytes)?
        .u8(4)?
        .u64(r.response_bytes)?
        .u8(5)?
        .u64(r.duration_ns)?;
    out.u8(6)?
        .u64(r.events)?
        .u8(7)?
        .u32(r.masked)?
        .u8(8)?
        .u16(r.reason)?;
    Ok(())
}
