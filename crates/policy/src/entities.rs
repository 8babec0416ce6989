//! Request -> Cedar entities and context.
//!
//! Identifiers are built from values and never parsed, so a name with quotes,
//! `::` or anything else is that name and no other entity. `server/name` is
//! unambiguous because a server's name has no `/`, `issuer|group` because an
//! issuer has no `|`; both are checked here, not assumed.

use std::collections::HashSet;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request as CedarRequest,
    RestrictedExpression as Value, Schema,
};

use crate::action::{self, ActsOn};
use crate::schema::TYPES;
use crate::{Arguments, Principal, PrincipalKind, Process, Request, Scalar};

/// A request that cannot be put as a question to Cedar; the caller denies.
#[derive(Debug)]
pub(crate) struct Unaskable;

impl<E: std::error::Error> From<E> for Unaskable {
    fn from(_: E) -> Self {
        Unaskable
    }
}

/// The question in Cedar's terms.
pub(crate) fn ask(request: &Request<'_>) -> Result<(CedarRequest, Entities), Unaskable> {
    // Types are right by construction; a test checks it for every action.
    ask_checked(request, None)
}

fn ask_checked(
    request: &Request<'_>,
    schema: Option<&Schema>,
) -> Result<(CedarRequest, Entities), Unaskable> {
    if request.server.is_empty() || request.server.contains('/') {
        return Err(Unaskable);
    }
    let action = action::of_method(request.method);
    let principal = principal_entity(request.principal)?;
    let resource = resource_entity(action.acts, request)?;
    let [text, numbers, decimals] = argument_entities(request.arguments)?;
    let context = context(request, &text, &numbers, &decimals)?;
    let question = CedarRequest::new(
        principal.uid(),
        action.uid.clone(),
        resource.uid(),
        context,
        schema,
    )?;
    let entities = Entities::from_entities(
        [
            principal,
            action.entity.clone(),
            resource,
            text,
            numbers,
            decimals,
        ],
        None,
    )?;
    Ok((question, entities))
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn text(value: &str) -> Value {
    Value::new_string(value.to_owned())
}

fn principal_entity(principal: &Principal) -> Result<Entity, Unaskable> {
    let kind = match principal.kind {
        PrincipalKind::User => &TYPES.user,
        PrincipalKind::Workload => &TYPES.workload,
        PrincipalKind::Process => &TYPES.process,
    };
    let mut attributes = vec![
        ("id".to_owned(), text(&principal.id)),
        ("authn".to_owned(), text(principal.method.label())),
    ];
    let optional = [
        ("issuer", &principal.issuer),
        ("token", &principal.token_id),
        ("key", &principal.key_id),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            attributes.push((name.to_owned(), text(value)));
        }
    }
    if let Some(process) = &principal.process {
        attributes.push(("process".to_owned(), process_facts(process)?));
    }
    let groups = groups(principal)?;
    Ok(Entity::new(
        uid(kind, &principal.id),
        attributes.into_iter().collect(),
        groups,
    )?)
}

fn process_facts(process: &Process) -> Result<Value, Unaskable> {
    let mut facts = vec![
        ("pid".to_owned(), Value::new_long(process.pid.into())),
        ("uid".to_owned(), Value::new_long(process.uid.into())),
        ("gid".to_owned(), Value::new_long(process.gid.into())),
        (
            "cgroup".to_owned(),
            Value::new_long(i64::try_from(process.cgroup_id)?),
        ),
        ("comm".to_owned(), text(&process.comm)),
    ];
    for (name, value) in [("exe", &process.exe), ("unit", &process.unit)] {
        if let Some(value) = value {
            facts.push((name.to_owned(), text(value)));
        }
    }
    Ok(Value::new_record(facts)?)
}

/// `name`, and `issuer|name` for sets with more than one issuer. A name with
/// `|` is only given qualified: bare, it could pass for another issuer's.
fn groups(principal: &Principal) -> Result<HashSet<EntityUid>, Unaskable> {
    let mut groups = HashSet::new();
    for name in &principal.groups {
        if !name.contains('|') {
            groups.insert(uid(&TYPES.group, name));
        }
        if let Some(issuer) = &principal.issuer {
            groups.insert(uid(&TYPES.group, &format!("{issuer}|{name}")));
        }
    }
    match &principal.issuer {
        Some(issuer) if issuer.contains('|') => Err(Unaskable),
        _ => Ok(groups),
    }
}

fn resource_entity(acts: ActsOn, request: &Request<'_>) -> Result<Entity, Unaskable> {
    let server = uid(&TYPES.server, request.server);
    let (kind, attribute) = match acts {
        ActsOn::Server => {
            let name = [("name".to_owned(), text(request.server))];
            return Ok(Entity::new(
                server,
                name.into_iter().collect(),
                HashSet::new(),
            )?);
        }
        ActsOn::Tool => (&TYPES.tool, "name"),
        ActsOn::Resource => (&TYPES.resource, "uri"),
        ActsOn::Prompt => (&TYPES.prompt, "name"),
    };
    let target = request.target.ok_or(Unaskable)?;
    let id = uid(kind, &format!("{}/{target}", request.server));
    let attributes = [(attribute.to_owned(), text(target))];
    Ok(Entity::new(
        id,
        attributes.into_iter().collect(),
        HashSet::from([server]),
    )?)
}

/// The three views of the arguments: as text, as whole numbers, as decimals.
fn argument_entities(arguments: &Arguments) -> Result<[Entity; 3], Unaskable> {
    let (mut as_text, mut numbers, mut decimals) = (Vec::new(), Vec::new(), Vec::new());
    for (path, scalar) in arguments.iter() {
        let path = || path.to_owned();
        match scalar {
            Scalar::Str(value) => as_text.push((path(), text(value))),
            Scalar::Bool(value) => as_text.push((path(), Value::new_string(value.to_string()))),
            Scalar::Null => as_text.push((path(), text("null"))),
            Scalar::Int(value) => {
                let written = value.to_string();
                if let Some(decimal) = exact_decimal(&written) {
                    decimals.push((path(), Value::new_decimal(decimal)));
                }
                as_text.push((path(), Value::new_string(written)));
                numbers.push((path(), Value::new_long(*value)));
            }
            Scalar::Decimal(written) => {
                as_text.push((path(), text(written)));
                if let Some(decimal) = exact_decimal(written) {
                    if let Some(whole) = whole(&decimal) {
                        numbers.push((path(), Value::new_long(whole)));
                    }
                    decimals.push((path(), Value::new_decimal(decimal)));
                }
            }
        }
    }
    let entity = |kind, tags| -> Result<Entity, Unaskable> {
        Ok(Entity::new_with_tags(uid(kind, "request"), [], [], tags)?)
    };
    Ok([
        entity(&TYPES.text, as_text)?,
        entity(&TYPES.numbers, numbers)?,
        entity(&TYPES.decimals, decimals)?,
    ])
}

/// A JSON number as Cedar decimal (at most 4 decimals, |x| < 922337203685477),
/// when it is exactly that; exponents are resolved.
fn exact_decimal(written: &str) -> Option<String> {
    /// Longer numbers cannot be exact in a decimal, however they are written.
    const WRITTEN_BYTES_MAX: usize = 64;
    if written.len() > WRITTEN_BYTES_MAX {
        return None;
    }
    let (sign, unsigned) = match written.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", written),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // The value is `digits` x 10^-scale; at scale 4 it is a whole number.
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let ten_thousandths = at_scale_4(&digits, scale)?;
    const LARGEST: u64 = 9_223_372_036_854_770_000; // below 2^63 - 1, on both sides of zero
    if ten_thousandths > LARGEST {
        return None;
    }
    Some(format!(
        "{sign}{}.{:04}",
        ten_thousandths / 10_000,
        ten_thousandths % 10_000
    ))
}

fn at_scale_4(digits: &str, scale: i32) -> Option<u64> {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let shift = 4_i32.checked_sub(scale)?;
    if shift >= 0 {
        let factor = 10_u64.checked_pow(u32::try_from(shift).ok()?)?;
        return digits.parse::<u64>().ok()?.checked_mul(factor);
    }
    let cut = usize::try_from(shift.checked_neg()?).ok()?;
    let (kept, dropped) = digits.split_at_checked(digits.len().checked_sub(cut)?)?;
    if dropped.bytes().any(|b| b != b'0') {
        return None;
    }
    if kept.is_empty() {
        Some(0)
    } else {
        kept.parse().ok()
    }
}

/// The whole number of a decimal text with four decimals, if it is whole.
fn whole(decimal: &str) -> Option<i64> {
    decimal.strip_suffix(".0000")?.parse().ok()
}

fn context(
    request: &Request<'_>,
    as_text: &Entity,
    numbers: &Entity,
    decimals: &Entity,
) -> Result<Context, Unaskable> {
    let mut pairs = vec![
        ("server".to_owned(), text(request.server)),
        ("method".to_owned(), text(request.method)),
        // A v4-mapped address is the v4 address, as a policy would write it.
        (
            "client_ip".to_owned(),
            Value::new_ip(request.client_ip.to_canonical().to_string()),
        ),
        ("arg".to_owned(), Value::new_entity_uid(as_text.uid())),
        ("num".to_owned(), Value::new_entity_uid(numbers.uid())),
        ("dec".to_owned(), Value::new_entity_uid(decimals.uid())),
    ];
    for (name, value) in [("target", request.target), ("session", request.session)] {
        if let Some(value) = value {
            pairs.push((name.to_owned(), text(value)));
        }
    }
    Ok(Context::from_pairs(pairs)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_numbers_become_exact_decimals_or_nothing() {
        let decimal = |written| exact_decimal(written);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(decimal("0"), some("0.0000"));
        assert_eq!(decimal("100.50"), some("100.5000"));
        assert_eq!(decimal("-1.5e2"), some("-150.0000"));
        assert_eq!(decimal("1E3"), some("1000.0000"));
        assert_eq!(decimal("1e+3"), some("1000.0000"));
        assert_eq!(decimal("12345e-4"), some("1.2345"));
        assert_eq!(decimal("123450e-5"), some("1.2345"));
        assert_eq!(decimal("12345e-5"), None);
        assert_eq!(decimal("0.00001"), None);
        assert_eq!(decimal("1e400"), None);
        assert_eq!(decimal("0e999999"), some("0.0000"));
        assert_eq!(decimal("1e-999999999"), None);
        assert_eq!(decimal("922337203685477"), some("922337203685477.0000"));
        assert_eq!(decimal("922337203685478"), None);
        assert_eq!(decimal(""), None);
        assert_eq!(decimal("1.2.3"), None);
        assert_eq!(decimal("+1"), None);
        assert_eq!(decimal("NaN"), None);
    }

    #[test]
    fn questions_have_the_types_that_policies_are_checked_against() {
        let principal = |kind, full: bool| Principal {
            kind,
            id: "a".to_owned(),
            issuer: full.then(|| "https://idp.example".to_owned()),
            method: crate::AuthnMethod::Oidc,
            groups: vec!["g".to_owned()],
            token_id: full.then(|| "t".to_owned()),
            key_id: full.then(|| "k".to_owned()),
            process: full.then(|| Process {
                pid: 1,
                uid: 2,
                gid: 3,
                cgroup_id: 4,
                comm: "c".to_owned(),
                exe: Some("/bin/c".to_owned()),
                unit: Some("c.service".to_owned()),
            }),
        };
        let mut arguments = Arguments::new();
        arguments
            .push("a", Scalar::Int(1))
            .expect("below the bounds");
        arguments
            .push("b", Scalar::Decimal("1.5".to_owned()))
            .expect("below the bounds");
        arguments.push("c", Scalar::Null).expect("below the bounds");
        let schema = crate::schema::VALIDATOR.schema();
        for method in action::methods().into_iter().chain(["made/up"]) {
            for kind in [
                PrincipalKind::User,
                PrincipalKind::Workload,
                PrincipalKind::Process,
            ] {
                for full in [false, true] {
                    let request = Request {
                        principal: &principal(kind, full),
                        server: "crm",
                        method,
                        target: Some("x"),
                        arguments: &arguments,
                        session: full.then_some("s"),
                        client_ip: "10.0.0.1".parse().expect("an address"),
                    };
                    assert!(
                        ask_checked(&request, Some(schema)).is_ok(),
                        "{method} {kind:?}"
                    );
                }
            }
        }
    }
}
