//! The answer: verdict, why, obligations, and the permit that only an Allow
//! gives.

use std::sync::Arc;

/// What happens to the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Forward it, with the obligations.
    Allow,
    /// Refuse it.
    Deny,
    /// Park it until a second principal approves.
    Hold,
}

/// Why the verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// A permit applies, and nothing forbids.
    Permit,
    /// No permit applies.
    DefaultDeny,
    /// A forbid applies.
    Forbid,
    /// A policy failed to evaluate, or the request cannot be put as a question
    /// (`tools/call` without a tool name, a server name with `/`).
    EvaluationError,
    /// The set has no policy.
    EmptySet,
    /// A determining permit asks for an approval.
    ApprovalNeeded,
}

/// Whether card numbers are masked in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MaskRule {
    /// Masked. What is not said otherwise.
    #[default]
    Mask,
    /// Left as they are; only by an explicit annotation on *every* determining
    /// permit.
    Off,
}

impl MaskRule {
    /// The stricter of two.
    pub fn strictest(self, other: MaskRule) -> MaskRule {
        if self == MaskRule::Off && other == MaskRule::Off {
            MaskRule::Off
        } else {
            MaskRule::Mask
        }
    }
}

/// Duties attached to an Allow (and to a Hold, for when it is approved).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Obligations {
    /// Card numbers in the request.
    pub mask_request: MaskRule,
    /// Card numbers in the answer.
    pub mask_response: MaskRule,
    /// A finding blocks the message in place of being masked.
    pub block_on_finding: bool,
}

impl Obligations {
    /// Both together, each duty the stricter of the two.
    pub fn strictest(self, other: Obligations) -> Obligations {
        Obligations {
            mask_request: self.mask_request.strictest(other.mask_request),
            mask_response: self.mask_response.strictest(other.mask_response),
            block_on_finding: self.block_on_finding || other.block_on_finding,
        }
    }
}

/// The full answer to one [`crate::Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What happens to the message.
    pub verdict: Verdict,
    /// Why.
    pub why: Why,
    /// Duties; the defaults (strictest masking) unless a permit applies.
    pub obligations: Obligations,
    /// Ids of the policies that decided (or that failed), sorted:
    /// `file.cedar#id`, or `file.cedar#3` for the third policy of a file
    /// without `@id`.
    pub determining: Vec<String>,
    /// `@reason` of the first determining policy that has one.
    pub reason: Option<Arc<str>>,
    /// `@owner` of the first determining policy that has one: whom to ask.
    pub owner: Option<Arc<str>>,
    /// SHA-256 of the policy set (schema version, file names, texts).
    pub set_hash: [u8; 32],
}

impl Decision {
    /// Wraps `value` for the upstream writer; only if the verdict is Allow.
    ///
    /// # Errors
    /// The value comes back when the verdict is Deny or Hold.
    pub fn permit<T>(&self, value: T) -> Result<Permitted<T>, T> {
        match self.verdict {
            Verdict::Allow => Ok(Permitted(value)),
            Verdict::Deny | Verdict::Hold => Err(value),
        }
    }
}

/// Something that a decision allowed to go on. Cannot be made elsewhere:
///
/// ```compile_fail
/// let forged = policy::Permitted(b"bytes");
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that is not used was decided for nothing"]
pub struct Permitted<T>(T);

impl<T> Permitted<T> {
    /// The value; the permit is used up.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> AsRef<T> for Permitted<T> {
    fn as_ref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(verdict: Verdict) -> Decision {
        Decision {
            verdict,
            why: Why::Permit,
            obligations: Obligations::default(),
            determining: Vec::new(),
            reason: None,
            owner: None,
            set_hash: [0; 32],
        }
    }

    #[test]
    fn only_an_allow_permits() {
        assert_eq!(
            decision(Verdict::Allow)
                .permit(7)
                .map(Permitted::into_inner),
            Ok(7)
        );
        assert_eq!(
            decision(Verdict::Deny).permit(7).map(Permitted::into_inner),
            Err(7)
        );
        assert_eq!(
            decision(Verdict::Hold).permit(7).map(Permitted::into_inner),
            Err(7)
        );
    }

    #[test]
    fn merging_is_commutative_and_never_looser() {
        let rules = [MaskRule::Mask, MaskRule::Off];
        let all: Vec<Obligations> = rules
            .into_iter()
            .flat_map(|q| rules.into_iter().map(move |r| (q, r)))
            .flat_map(|(q, r)| {
                [false, true].map(|block| Obligations {
                    mask_request: q,
                    mask_response: r,
                    block_on_finding: block,
                })
            })
            .collect();
        for &a in &all {
            assert_eq!(a.strictest(a), a);
            for &b in &all {
                let merged = a.strictest(b);
                assert_eq!(merged, b.strictest(a));
                assert_eq!(merged.strictest(a), merged);
                assert_eq!(
                    merged.block_on_finding,
                    a.block_on_finding || b.block_on_finding
                );
                if merged.mask_request == MaskRule::Off {
                    assert_eq!(
                        (a.mask_request, b.mask_request),
                        (MaskRule::Off, MaskRule::Off)
                    );
                }
            }
        }
    }
}
