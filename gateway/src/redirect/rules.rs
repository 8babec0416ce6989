//! Settings into rule maps. A rule that stays is never removed and put back:
//! what is covered stays covered while rules change.

use std::{collections::HashMap, io};

use gateway_common::{Addr16, IN_KEY_FIXED_BITS, InKey, InValue, NETNS_MAX, OutKey, RULES_MAX};

use super::{RedirectError, Settings, pins::Pins};
use crate::sys::bpf::Map;

/// Makes the rule maps say what `settings` says, for the namespaces with these
/// indexes.
pub(super) fn write(settings: &Settings, pins: &Pins, spaces: &[u32]) -> Result<(), RedirectError> {
    let write = || -> io::Result<()> {
        let value = |rule: usize| InValue { rule: rule as u32 };
        let inbound: HashMap<InKey, InValue> = spaces
            .iter()
            .flat_map(|space| {
                settings
                    .inbound
                    .iter()
                    .enumerate()
                    .map(move |rule| (*space, rule))
            })
            .map(|(netns_index, (number, rule))| {
                let key = InKey {
                    prefix_bits: IN_KEY_FIXED_BITS + rule.bits16(),
                    netns_index,
                    port: u32::from(rule.port),
                    addr: Addr16::from_ip(rule.addr),
                };
                (key, value(number))
            })
            .collect();
        let ports: HashMap<u32, u32> = settings
            .inbound
            .iter()
            .map(|rule| (u32::from(rule.port), 1))
            .collect();
        let outbound: HashMap<OutKey, InValue> = settings
            .outbound
            .iter()
            .enumerate()
            .map(|(number, addr)| {
                let key = OutKey {
                    addr: Addr16::from_ip(addr.ip()),
                    port: u32::from(addr.port()),
                };
                (key, value(number))
            })
            .collect();
        let rules_max = (RULES_MAX * NETNS_MAX) as usize;
        replace(
            &Map::open(&pins.path("IN_PORTS"))?,
            &ports,
            RULES_MAX as usize,
        )?;
        replace(&Map::open(&pins.path("IN_RULES"))?, &inbound, rules_max)?;
        replace(
            &Map::open(&pins.path("OUT_RULES"))?,
            &outbound,
            RULES_MAX as usize,
        )
    };
    write().map_err(RedirectError::io("write redirect rules"))
}

fn replace<K, V>(map: &Map<K, V>, wanted: &HashMap<K, V>, keys_max: usize) -> io::Result<()>
where
    K: zerocopy::IntoBytes + zerocopy::FromBytes + zerocopy::Immutable + Eq + std::hash::Hash,
    V: zerocopy::IntoBytes + zerocopy::FromBytes + zerocopy::Immutable,
{
    for (key, value) in wanted {
        map.update(key, value)?;
    }
    for key in map
        .keys(keys_max)?
        .iter()
        .filter(|key| !wanted.contains_key(*key))
    {
        map.delete(key)?;
    }
    Ok(())
}
