//! Tokens that were verified, by SHA-256 of the token: a signature costs tens of
//! microseconds, a hash and a look-up one.
//!
//! Only tokens that verified get in, so nobody without a valid token can fill
//! it. An entry counts only while its issuer's keys are the ones that verified
//! it, and time, audience and issuer are checked on every use. Bound:
//! [`VERIFIED_TOKENS_MAX`]; when full, expired entries go, then any one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::claims::Verified;

/// Most verified tokens kept.
pub const VERIFIED_TOKENS_MAX: usize = SHARDS * SHARD_MAX;

const SHARDS: usize = 16;
const SHARD_MAX: usize = 256;

pub(crate) type Digest = [u8; 32];
type Shard = HashMap<Digest, Arc<Verified>>;

pub(crate) struct VerifiedTokens {
    shards: [Mutex<Shard>; SHARDS],
}

impl VerifiedTokens {
    pub(crate) fn new() -> Self {
        VerifiedTokens {
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    pub(crate) fn find(&self, digest: &Digest) -> Option<Arc<Verified>> {
        self.shard(digest).get(digest).cloned()
    }

    pub(crate) fn insert(&self, digest: Digest, verified: Arc<Verified>, now_s: u64) {
        let mut shard = self.shard(&digest);
        if shard.len() >= SHARD_MAX {
            shard.retain(|_, kept| kept.valid_until_s > now_s);
        }
        if shard.len() >= SHARD_MAX {
            let any = shard.keys().next().copied();
            any.map(|any| shard.remove(&any));
        }
        shard.insert(digest, verified);
    }

    pub(crate) fn remove(&self, digest: &Digest) {
        self.shard(digest).remove(digest);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, digest: &Digest) -> MutexGuard<'_, Shard> {
        let index = digest.first().map_or(0, |byte| usize::from(*byte)) % SHARDS;
        // In range by the modulus; the first shard keeps it total.
        lock(self.shards.get(index).unwrap_or(&self.shards[0]))
    }
}

/// A map is whole after every operation, so a poisoned lock is still good.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
