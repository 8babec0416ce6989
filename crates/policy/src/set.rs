//! A checked policy set, and the decision.

use std::sync::Arc;

use aws_lc_rs::digest;
use cedar_policy::{AuthorizationError, Authorizer, Decision as CedarDecision, PolicyId};

use crate::annotations::Annotations;
use crate::load::Loaded;
use crate::{
    Decision, MaskRule, Obligations, PolicyError, Request, SCHEMA_VERSION, Verdict, Why, entities,
    load,
};

/// Immutable, checked policies of one host. Cheap to share in an `Arc`.
#[derive(Debug)]
pub struct PolicySet {
    rules: Rules,
    hash: [u8; 32],
}

#[derive(Debug)]
enum Rules {
    /// Policies from files.
    Cedar {
        loaded: Box<Loaded>,
        authorizer: Authorizer,
    },
    /// Everything is allowed and nothing altered: nobody asked us to enforce.
    ObserveAll,
}

impl PolicySet {
    /// Largest policy file, in bytes.
    pub const FILE_BYTES_MAX: usize = 1 << 20;
    /// Most policies in a set.
    pub const POLICIES_MAX: usize = 10_000;
    /// What [`PolicySet::observe_all`] gives as determining policy.
    pub const OBSERVE_ID: &'static str = "builtin#observe-all";

    /// Parses and checks policies: `(file name, text)` each. The order of the
    /// files does not matter.
    ///
    /// # Errors
    /// Every problem of every file: syntax, types (strict, against
    /// [`crate::SCHEMA`]), unknown annotations, duplicate ids, templates.
    pub fn load(files: &[(String, String)]) -> Result<PolicySet, Vec<PolicyError>> {
        let loaded = Box::new(load::load(files)?);
        let rules = Rules::Cedar {
            loaded,
            authorizer: Authorizer::new(),
        };
        Ok(PolicySet {
            rules,
            hash: hash(files),
        })
    }

    /// A set that allows everything and obliges to nothing, for observe and
    /// watch modes without policies. It is marked: see [`PolicySet::is_observe`]
    /// and [`PolicySet::OBSERVE_ID`], and it never has the hash of a loaded set.
    pub fn observe_all() -> PolicySet {
        PolicySet {
            rules: Rules::ObserveAll,
            hash: sha256(&[b"panward observe-all"]),
        }
    }

    /// Decides one message.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        match &self.rules {
            Rules::ObserveAll => self.observe(),
            Rules::Cedar { loaded, authorizer } if !loaded.cedar.is_empty() => {
                self.decide_cedar(loaded, authorizer, request)
            }
            Rules::Cedar { .. } => self.deny(Why::EmptySet, Vec::new()),
        }
    }

    /// SHA-256 over the schema's version and the files, by name.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// True for a set without policies, which denies everything.
    pub fn is_empty(&self) -> bool {
        match &self.rules {
            Rules::Cedar { loaded, .. } => loaded.cedar.is_empty(),
            Rules::ObserveAll => false,
        }
    }

    /// True for [`PolicySet::observe_all`].
    pub fn is_observe(&self) -> bool {
        matches!(self.rules, Rules::ObserveAll)
    }

    /// Ids of all policies, sorted.
    pub fn ids(&self) -> Vec<String> {
        match &self.rules {
            Rules::Cedar { loaded, .. } => {
                sorted(loaded.cedar.policies().map(|policy| policy.id()))
            }
            Rules::ObserveAll => vec![Self::OBSERVE_ID.to_owned()],
        }
    }

    fn decide_cedar(
        &self,
        loaded: &Loaded,
        authorizer: &Authorizer,
        request: &Request<'_>,
    ) -> Decision {
        let Ok((question, entities)) = entities::ask(request) else {
            return self.deny(Why::EvaluationError, Vec::new());
        };
        let response = authorizer.is_authorized(&question, &loaded.cedar, &entities);
        let diagnostics = response.diagnostics();
        // Cedar skips a policy that fails, also a forbid. We deny.
        let failed: Vec<&PolicyId> = diagnostics.errors().map(policy_of).collect();
        if !failed.is_empty() {
            return self.deny(Why::EvaluationError, annotated(loaded, failed.into_iter()));
        }
        let determining = annotated(loaded, diagnostics.reason());
        match response.decision() {
            CedarDecision::Allow => self.allow(determining),
            CedarDecision::Deny if determining.is_empty() => {
                self.deny(Why::DefaultDeny, determining)
            }
            CedarDecision::Deny => self.deny(Why::Forbid, determining),
        }
    }

    fn allow(&self, determining: Vec<(String, &Annotations)>) -> Decision {
        let obligations = determining
            .iter()
            .map(|(_, annotations)| annotations.obligations)
            .reduce(Obligations::strictest)
            .unwrap_or_default();
        let approve = determining
            .iter()
            .any(|(_, annotations)| annotations.approve);
        let (verdict, why) = if approve {
            (Verdict::Hold, Why::ApprovalNeeded)
        } else {
            (Verdict::Allow, Why::Permit)
        };
        Decision {
            verdict,
            why,
            obligations,
            ..self.deny(why, determining)
        }
    }

    fn deny(&self, why: Why, determining: Vec<(String, &Annotations)>) -> Decision {
        let first = |text: fn(&Annotations) -> &Option<Arc<str>>| {
            determining
                .iter()
                .find_map(|(_, annotations)| text(annotations).clone())
        };
        Decision {
            verdict: Verdict::Deny,
            why,
            obligations: Obligations::default(),
            reason: first(|annotations| &annotations.reason),
            owner: first(|annotations| &annotations.owner),
            determining: determining.into_iter().map(|(id, _)| id).collect(),
            set_hash: self.hash,
        }
    }

    fn observe(&self) -> Decision {
        Decision {
            verdict: Verdict::Allow,
            why: Why::Permit,
            obligations: Obligations {
                mask_request: MaskRule::Off,
                mask_response: MaskRule::Off,
                block_on_finding: false,
            },
            determining: vec![Self::OBSERVE_ID.to_owned()],
            reason: None,
            owner: None,
            set_hash: self.hash,
        }
    }
}

/// The policy that failed.
fn policy_of(error: &AuthorizationError) -> &PolicyId {
    let AuthorizationError::PolicyEvaluationError(error) = error;
    error.policy_id()
}

fn sorted<'a>(ids: impl Iterator<Item = &'a PolicyId>) -> Vec<String> {
    let mut ids: Vec<String> = ids.map(ToString::to_string).collect();
    ids.sort_unstable();
    ids
}

/// Policies with their annotations, by id. Every policy of the set has an entry.
fn annotated<'a, 'b>(
    loaded: &'a Loaded,
    ids: impl Iterator<Item = &'b PolicyId>,
) -> Vec<(String, &'a Annotations)> {
    let mut determining: Vec<(String, &Annotations)> = ids
        .filter_map(|id| {
            loaded
                .annotations
                .get(id)
                .map(|found| (id.to_string(), found))
        })
        .collect();
    determining.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    determining
}

/// Lengths are hashed before texts, so that no two lists of files look alike.
fn hash(files: &[(String, String)]) -> [u8; 32] {
    let mut sorted: Vec<&(String, String)> = files.iter().collect();
    sorted.sort_unstable();
    let mut parts: Vec<&[u8]> = vec![SCHEMA_VERSION.as_bytes()];
    for (file, text) in sorted {
        parts.push(file.as_bytes());
        parts.push(text.as_bytes());
    }
    sha256(&parts)
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
