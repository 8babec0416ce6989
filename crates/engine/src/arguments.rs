//! Tool arguments for the policy: every scalar by its path.

use policy::{Arguments, Scalar};
use simd_json::BorrowedValue;
use simd_json::StaticNode;

/// Arguments that cannot be laid out within the policy's bounds.
#[derive(Debug)]
pub(crate) struct TooMany;

/// Parses `json` (a JSON object or any value) on a scratch copy, since simd-json
/// rewrites its input, and lists every scalar as `a.b[0].c`.
pub(crate) fn flatten(json: &[u8]) -> Result<Arguments, TooMany> {
    let mut scratch = json.to_vec();
    let value = simd_json::to_borrowed_value(&mut scratch).map_err(|_| TooMany)?;
    let mut all = Arguments::new();
    let mut path = String::new();
    walk(&value, &mut path, &mut all, 0)?;
    Ok(all)
}

/// Deeper arguments are refused; `wire` has bounded the depth of the message
/// already, so that this recursion is bounded too.
const DEPTH_MAX: usize = 32;

fn walk(
    value: &BorrowedValue<'_>,
    path: &mut String,
    all: &mut Arguments,
    depth: usize,
) -> Result<(), TooMany> {
    if depth > DEPTH_MAX {
        return Err(TooMany);
    }
    match value {
        BorrowedValue::Static(node) => all.push(path.clone(), scalar(node)).map_err(|_| TooMany),
        BorrowedValue::String(text) => all
            .push(path.clone(), Scalar::Str(text.to_string()))
            .map_err(|_| TooMany),
        BorrowedValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let length = path.len();
                policy::append_index(path, index);
                walk(item, path, all, depth + 1)?;
                path.truncate(length);
            }
            Ok(())
        }
        BorrowedValue::Object(members) => {
            for (key, item) in members.iter() {
                let length = path.len();
                policy::append_key(path, key);
                walk(item, path, all, depth + 1)?;
                path.truncate(length);
            }
            Ok(())
        }
    }
}

fn scalar(node: &StaticNode) -> Scalar {
    match node {
        StaticNode::I64(n) => Scalar::Int(*n),
        StaticNode::U64(n) => match i64::try_from(*n) {
            Ok(n) => Scalar::Int(n),
            Err(_) => Scalar::Decimal(n.to_string()),
        },
        StaticNode::F64(n) => Scalar::Decimal(n.to_string()),
        StaticNode::Bool(b) => Scalar::Bool(*b),
        StaticNode::Null => Scalar::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_every_scalar() {
        let all = flatten(br#"{"a":{"b":[1,"x",true]},"n":null,"f":1.5}"#).unwrap();
        let mut paths: Vec<String> = all.iter().map(|(p, _)| p.to_string()).collect();
        paths.sort();
        assert_eq!(paths, ["a.b[0]", "a.b[1]", "a.b[2]", "f", "n"]);
    }

    #[test]
    fn too_many_or_too_deep_is_refused() {
        let wide = format!("[{}]", vec!["1"; 5000].join(","));
        assert!(flatten(wide.as_bytes()).is_err());
        let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
        assert!(flatten(deep.as_bytes()).is_err());
    }
}
