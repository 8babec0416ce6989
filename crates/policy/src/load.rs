//! Texts -> policies: parse, name, read annotations, check types.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::{
    Policy, PolicyId, PolicySet as CedarSet, ValidationError, ValidationMode, ValidationWarning,
};
use miette::Diagnostic;

use crate::annotations::{self, Annotations};
use crate::schema::VALIDATOR;
use crate::{PolicyError, PolicySet, shape};

/// Policies of all files, in Cedar's form, and what their annotations say.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) cedar: CedarSet,
    pub(crate) annotations: HashMap<PolicyId, Annotations>,
}

/// Loads every file; all problems of all files together.
pub(crate) fn load(files: &[(String, String)]) -> Result<Loaded, Vec<PolicyError>> {
    let mut loaded = Loaded::default();
    let mut errors = Vec::new();
    let mut seen = Seen::default();
    for (file, text) in files {
        if let Err(more) = load_file(file, text, &mut loaded, &mut seen) {
            errors.extend(more);
        }
    }
    if errors.is_empty() {
        return Ok(loaded);
    }
    errors.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    errors.dedup();
    Err(errors)
}

/// What may be there only once, and where it was first.
#[derive(Default)]
struct Seen {
    files: HashSet<String>,
    ids: HashMap<String, String>,
    policies: usize,
}

fn load_file(
    file: &str,
    text: &str,
    loaded: &mut Loaded,
    seen: &mut Seen,
) -> Result<(), Vec<PolicyError>> {
    let error = |offset: usize, message: String| PolicyError::at(file, text, offset, message);
    if !seen.files.insert(file.to_owned()) {
        return Err(vec![error(0, "file is given twice".to_owned())]);
    }
    if text.len() > PolicySet::FILE_BYTES_MAX {
        let message = format!("file is larger than {} bytes", PolicySet::FILE_BYTES_MAX);
        return Err(vec![error(0, message)]);
    }
    shape::check(text).map_err(|(offset, message)| vec![error(offset, message)])?;
    let parsed: CedarSet = text
        .parse()
        .map_err(|errors| parse_errors(file, text, &errors))?;
    if let Some(template) = parsed.templates().next() {
        let offset = template.as_ref().loc().map_or(0, |loc| loc.span.offset());
        let message = "templates (`?principal`, `?resource`) are not supported: write a policy";
        return Err(vec![error(offset, message.to_owned())]);
    }
    let mut policies: Vec<(usize, &Policy)> = parsed
        .policies()
        .map(|policy| {
            (
                policy.as_ref().loc().map_or(0, |loc| loc.span.offset()),
                policy,
            )
        })
        .collect();
    policies.sort_by_key(|(offset, _)| *offset);
    seen.policies += policies.len();
    if seen.policies > PolicySet::POLICIES_MAX {
        let message = format!("more than {} policies in all", PolicySet::POLICIES_MAX);
        return Err(vec![error(0, message)]);
    }
    let mut errors = check_types(file, text, &parsed);
    for (n, (offset, policy)) in policies.into_iter().enumerate() {
        match name(file, n + 1, policy, seen) {
            Ok((id, annotations)) => {
                let named = policy.new_id(id.clone());
                if loaded.cedar.add(named).is_err() {
                    errors.push(error(offset, format!("policy id {id} is used twice")));
                }
                loaded.annotations.insert(id, annotations);
            }
            Err(problems) => {
                errors.extend(problems.into_iter().map(|problem| error(offset, problem)));
            }
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// Annotations and the id `file#id` or `file#n` of the n-th policy of a file.
fn name(
    file: &str,
    n: usize,
    policy: &Policy,
    seen: &mut Seen,
) -> Result<(PolicyId, Annotations), Vec<String>> {
    let annotations = annotations::read(policy.effect(), policy.annotations())?;
    let id = match &annotations.id {
        Some(id) => {
            if let Some(first) = seen.ids.insert(id.clone(), file.to_owned()) {
                return Err(vec![format!(
                    "@id(\"{id}\") is used twice, first in {first}"
                )]);
            }
            format!("{file}#{id}")
        }
        None => format!("{file}#{n}"),
    };
    Ok((PolicyId::new(id), annotations))
}

fn parse_errors(file: &str, text: &str, errors: &cedar_policy::ParseErrors) -> Vec<PolicyError> {
    errors
        .iter()
        .map(|error| PolicyError::at(file, text, offset(error), described(error)))
        .collect()
}

/// Strict validation against the schema, and some of Cedar's warnings.
///
/// Cedar checks a policy once for each action it might be asked for and repeats
/// itself; here one place has one message, and what follows from another error
/// of the same policy is left out.
fn check_types(file: &str, text: &str, parsed: &CedarSet) -> Vec<PolicyError> {
    let result = VALIDATOR.validate(parsed, ValidationMode::Strict);
    let inapplicable =
        |error: &&ValidationError| matches!(error, ValidationError::InvalidActionApplication(_));
    let mut wrong: HashSet<&PolicyId> = HashSet::new();
    let mut found: BTreeMap<usize, String> = BTreeMap::new();
    let mut add = |offset: usize, message: String| {
        let kept = found.entry(offset).or_insert_with(|| message.clone());
        if message < *kept {
            *kept = message;
        }
    };
    for error in result
        .validation_errors()
        .filter(|error| !inapplicable(error))
    {
        wrong.insert(error.policy_id());
        add(offset(error), described(error));
    }
    for error in result.validation_errors().filter(inapplicable) {
        if wrong.insert(error.policy_id()) {
            add(offset(error), described(error));
        }
    }
    for warning in result
        .validation_warnings()
        .filter(|warning| refused(warning))
    {
        if !wrong.contains(warning.policy_id()) {
            add(offset(warning), described(warning));
        }
    }
    let errors = found.into_iter();
    errors
        .map(|(offset, message)| PolicyError::at(file, text, offset, message))
        .collect()
}

/// A policy that can never apply has a mistyped name nearly always, and text
/// with direction marks reads otherwise than it decides. Letters of several
/// scripts are left: tools have names in every language.
fn refused(warning: &ValidationWarning) -> bool {
    match warning {
        ValidationWarning::MixedScriptString(_)
        | ValidationWarning::MixedScriptIdentifier(_)
        | ValidationWarning::ConfusableIdentifier(_) => false,
        // Bidirectional marks, impossible policies, and what Cedar adds later.
        _ => true,
    }
}

/// Start of the first label.
fn offset(diagnostic: &dyn Diagnostic) -> usize {
    diagnostic
        .labels()
        .and_then(|mut labels| labels.next())
        .map_or(0, |label| label.offset())
}

/// Cedar's message with its hint, without the ids that Cedar gave the policies
/// while parsing.
fn described<D: Diagnostic>(diagnostic: &D) -> String {
    let message = without_id(&diagnostic.to_string());
    let help = diagnostic.help().map(|help| without_id(&help.to_string()));
    match help {
        // Cedar's nearest action comes from the order of a hash map: it differs
        // from run to run, and is far off at times.
        Some(help) if !help.contains("Mcp::Action::") => format!("{message} ({help})"),
        _ => message,
    }
}

fn without_id(message: &str) -> String {
    match message
        .strip_prefix("for policy `policy")
        .and_then(|rest| rest.split_once("`, "))
    {
        Some((_, rest)) => rest.to_owned(),
        None => message.to_owned(),
    }
}
