//! Deterministic CBOR to record. Unknown keys are skipped, so that a later
//! minor addition stays readable by this version.

use std::net::{IpAddr, SocketAddr};

use minicbor::Decoder;

use super::encode::RECORD_VERSION;
use super::{
    Action, DecisionFacts, Direction, FindingFacts, Kind, Origin, Outcome, Process, Record,
    ResultFacts, Verdict, Who, WhoKind,
};
use crate::masked::Masked;

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not CBOR, or a field of the wrong type, or something missing.
    #[error("not an audit record")]
    Malformed,
    /// A record version this program cannot read.
    #[error("audit record version {0} is not known")]
    Version(u64),
}

impl From<minicbor::decode::Error> for RecordError {
    fn from(_: minicbor::decode::Error) -> RecordError {
        RecordError::Malformed
    }
}

type Got<T> = Result<T, RecordError>;

impl Record {
    /// Reads a record from the log. What the log holds was masked when written;
    /// never give this function bytes of a peer.
    pub fn decode(bytes: &[u8]) -> Result<Record, RecordError> {
        let mut d = Decoder::new(bytes);
        let record = record(&mut d)?;
        if d.position() == bytes.len() {
            Ok(record)
        } else {
            Err(RecordError::Malformed)
        }
    }
}

/// Runs `field` for every key of a map with integer keys in ascending order.
fn map<'b>(
    d: &mut Decoder<'b>,
    mut field: impl FnMut(&mut Decoder<'b>, u64) -> Got<()>,
) -> Got<()> {
    let len = d.map()?.ok_or(RecordError::Malformed)?;
    let mut last = None;
    for _ in 0..len {
        let key = d.u64()?;
        if last.is_some_and(|last| key <= last) {
            return Err(RecordError::Malformed);
        }
        last = Some(key);
        field(d, key)?;
    }
    Ok(())
}

fn list<'b, T>(
    d: &mut Decoder<'b>,
    mut item: impl FnMut(&mut Decoder<'b>) -> Got<T>,
) -> Got<Vec<T>> {
    let len = d.array()?.ok_or(RecordError::Malformed)?;
    // Not `with_capacity`: the length is not yet backed by bytes.
    let mut items = Vec::new();
    for _ in 0..len {
        items.push(item(d)?);
    }
    Ok(items)
}

fn skip(d: &mut Decoder<'_>) -> Got<()> {
    Ok(d.skip()?)
}

fn string(d: &mut Decoder<'_>) -> Got<String> {
    Ok(d.str()?.to_owned())
}

fn masked(d: &mut Decoder<'_>) -> Got<Masked<String>> {
    Ok(Masked::trusted(string(d)?))
}

fn need<T>(value: Option<T>) -> Got<T> {
    value.ok_or(RecordError::Malformed)
}

fn record(d: &mut Decoder<'_>) -> Got<Record> {
    let mut r = Record::new(Kind::Unknown(0), 0);
    let (mut version, mut kind, mut time) = (None, None, None);
    map(d, |d, key| {
        match key {
            0 => {
                let found = d.u64()?;
                if found != RECORD_VERSION {
                    return Err(RecordError::Version(found));
                }
                version = Some(found);
            }
            1 => kind = Some(Kind::from_code(d.u16()?)),
            2 => time = Some(d.u64()?),
            3 => r.flow = d.u64()?,
            4 => r.call = d.u64()?,
            5 => r.session = Some(masked(d)?),
            6 => r.who = Some(who(d)?),
            7 => r.origin = Some(origin(d)?),
            8 => r.action = Some(action(d)?),
            9 => r.decision = Some(decision(d)?),
            10 => r.findings = list(d, finding)?,
            11 => r.result = Some(result(d)?),
            12 => r.payload = Some(Masked::trusted(d.bytes()?.to_vec())),
            13 => r.note = Some(masked(d)?),
            _ => skip(d)?,
        }
        Ok(())
    })?;
    need(version)?;
    r.kind = need(kind)?;
    r.time_unix_ns = need(time)?;
    Ok(r)
}

fn who(d: &mut Decoder<'_>) -> Got<Who> {
    let (mut kind, mut id, mut method) = (None, None, None);
    let (mut issuer, mut groups, mut token_id, mut key_id) = (None, Vec::new(), None, None);
    let mut proc = None;
    map(d, |d, key| {
        match key {
            0 => {
                kind = Some(match d.u8()? {
                    1 => WhoKind::User,
                    2 => WhoKind::Workload,
                    3 => WhoKind::Process,
                    _ => return Err(RecordError::Malformed),
                });
            }
            1 => id = Some(masked(d)?),
            2 => issuer = Some(masked(d)?),
            3 => method = Some(string(d)?),
            4 => groups = list(d, masked)?,
            5 => token_id = Some(masked(d)?),
            6 => key_id = Some(masked(d)?),
            7 => proc = Some(process(d)?),
            _ => skip(d)?,
        }
        Ok(())
    })?;
    let (kind, id, method) = (need(kind)?, need(id)?, need(method)?);
    Ok(Who {
        kind,
        id,
        issuer,
        method,
        groups,
        token_id,
        key_id,
        process: proc,
    })
}

fn process(d: &mut Decoder<'_>) -> Got<Process> {
    let (mut pid, mut uid, mut gid, mut cgroup_id) = (None, None, None, None);
    let (mut comm, mut exe, mut unit) = (None, None, None);
    map(d, |d, key| {
        match key {
            0 => pid = Some(d.u32()?),
            1 => uid = Some(d.u32()?),
            2 => gid = Some(d.u32()?),
            3 => cgroup_id = Some(d.u64()?),
            4 => comm = Some(masked(d)?),
            5 => exe = Some(masked(d)?),
            6 => unit = Some(masked(d)?),
            _ => skip(d)?,
        }
        Ok(())
    })?;
    Ok(Process {
        pid: need(pid)?,
        uid: need(uid)?,
        gid: need(gid)?,
        cgroup_id: need(cgroup_id)?,
        comm: need(comm)?,
        exe,
        unit,
    })
}

fn origin(d: &mut Decoder<'_>) -> Got<Origin> {
    let (mut client, mut destination, mut transport, mut proc) = (None, None, None, None);
    map(d, |d, key| {
        match key {
            0 => client = Some(address(d)?),
            1 => destination = Some(address(d)?),
            2 => transport = Some(string(d)?),
            3 => proc = Some(process(d)?),
            _ => skip(d)?,
        }
        Ok(())
    })?;
    Ok(Origin {
        client: need(client)?,
        destination: need(destination)?,
        transport: need(transport)?,
        process: proc,
    })
}

fn address(d: &mut Decoder<'_>) -> Got<SocketAddr> {
    if d.array()? != Some(2) {
        return Err(RecordError::Malformed);
    }
    let bytes = d.bytes()?;
    let ip = match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(v4), _) => IpAddr::from(v4),
        (_, Ok(v6)) => IpAddr::from(v6),
        _ => return Err(RecordError::Malformed),
    };
    Ok(SocketAddr::new(ip, d.u16()?))
}

fn action(d: &mut Decoder<'_>) -> Got<Action> {
    let (mut server, mut method) = (None, None);
    let (mut target, mut rpc_id, mut protocol_version, mut http_method) = (None, None, None, None);
    map(d, |d, key| {
        match key {
            0 => server = Some(string(d)?),
            1 => method = Some(masked(d)?),
            2 => target = Some(masked(d)?),
            3 => rpc_id = Some(masked(d)?),
            4 => protocol_version = Some(masked(d)?),
            5 => http_method = Some(masked(d)?),
            _ => skip(d)?,
        }
        Ok(())
    })?;
    let (server, method) = (need(server)?, need(method)?);
    Ok(Action {
        server,
        method,
        target,
        rpc_id,
        protocol_version,
        http_method,
    })
}

fn decision(d: &mut Decoder<'_>) -> Got<DecisionFacts> {
    let (mut verdict, mut reason, mut reason_name) = (None, None, None);
    let (mut policies, mut policy_set, mut enforced) = (Vec::new(), None, None);
    map(d, |d, key| {
        match key {
            0 => {
                verdict = Some(match d.u8()? {
                    1 => Verdict::Allow,
                    2 => Verdict::Deny,
                    3 => Verdict::Hold,
                    _ => return Err(RecordError::Malformed),
                });
            }
            1 => reason = Some(d.u16()?),
            2 => reason_name = Some(string(d)?),
            3 => policies = list(d, string)?,
            4 => policy_set = Some(d.bytes()?.try_into().map_err(|_| RecordError::Malformed)?),
            5 => enforced = Some(d.bool()?),
            _ => skip(d)?,
        }
        Ok(())
    })?;
    Ok(DecisionFacts {
        verdict: need(verdict)?,
        reason: need(reason)?,
        reason_name: need(reason_name)?,
        policies,
        policy_set: need(policy_set)?,
        enforced: need(enforced)?,
    })
}

fn finding(d: &mut Decoder<'_>) -> Got<FindingFacts> {
    let (mut direction, mut offset, mut kind, mut brand) = (None, None, None, None);
    let (mut confidence, mut shown, mut is_masked) = (None, None, None);
    let (mut path, mut test_pan, mut suppressed) = (None, false, None);
    map(d, |d, key| {
        match key {
            0 => {
                direction = Some(match d.u8()? {
                    1 => Direction::Request,
                    2 => Direction::Response,
                    _ => return Err(RecordError::Malformed),
                });
            }
            1 => offset = Some(d.u64()?),
            2 => kind = Some(string(d)?),
            3 => brand = Some(string(d)?),
            4 => confidence = Some(string(d)?),
            5 => shown = Some(masked(d)?),
            6 => is_masked = Some(d.bool()?),
            7 => path = Some(masked(d)?),
            8 => test_pan = d.bool()?,
            9 => suppressed = Some(string(d)?),
            _ => skip(d)?,
        }
        Ok(())
    })?;
    Ok(FindingFacts {
        direction: need(direction)?,
        offset: need(offset)?,
        kind: need(kind)?,
        brand: need(brand)?,
        confidence: need(confidence)?,
        shown: need(shown)?,
        masked: need(is_masked)?,
        path,
        test_pan,
        suppressed,
    })
}

fn result(d: &mut Decoder<'_>) -> Got<ResultFacts> {
    let (mut outcome, mut code) = (None, None);
    let mut numbers = [None; 9];
    map(d, |d, key| {
        match key {
            1 => outcome = Some(d.u8()?),
            2 => code = Some(d.i64()?),
            0 | 3..=8 => numbers[key as usize] = Some(d.u64()?),
            _ => skip(d)?,
        }
        Ok(())
    })?;
    let number = |key: usize| need(numbers[key]);
    let small = |key: usize| u16::try_from(number(key)?).map_err(|_| RecordError::Malformed);
    Ok(ResultFacts {
        http_status: small(0)?,
        outcome: match (outcome, code) {
            (Some(1), None) => Outcome::Ok,
            (Some(2), None) => Outcome::ToolError,
            (Some(3), Some(code)) => Outcome::RpcError(code),
            (Some(4), None) => Outcome::Truncated,
            (Some(5), None) => Outcome::Refused,
            (Some(6), None) => Outcome::UpstreamError,
            (Some(7), None) => Outcome::ClientGone,
            _ => return Err(RecordError::Malformed),
        },
        request_bytes: number(3)?,
        response_bytes: number(4)?,
        duration_ns: number(5)?,
        events: number(6)?,
        masked: u32::try_from(number(7)?).map_err(|_| RecordError::Malformed)?,
        reason: small(8)?,
    })
}
