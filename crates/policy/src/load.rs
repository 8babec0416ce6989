//! Texts -> policies: parse, name, read annotations, check types.

use std::collections::HashMap;

use cedar_policy::{Policy, PolicyId, PolicySet as CedarSet, ValidationMode};
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
    files: HashMap<String, ()>,
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
    if seen.files.insert(file.to_owned(), ()).is_some() {
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

/// Strict validation against the schema; also a policy that can never apply
/// (Cedar warns, we refuse: it is a mistyped name nearly always).
fn check_types(file: &str, text: &str, parsed: &CedarSet) -> Vec<PolicyError> {
    let result = VALIDATOR.validate(parsed, ValidationMode::Strict);
    let errors = result
        .validation_errors()
        .map(|error| PolicyError::at(file, text, offset(error), described(error)));
    let warnings = result
        .validation_warnings()
        .map(|warning| PolicyError::at(file, text, offset(warning), described(warning)));
    errors.chain(warnings).collect()
}

/// Start of the first label.
fn offset(diagnostic: &dyn Diagnostic) -> usize {
    diagnostic
        .labels()
        .and_then(|mut labels| labels.next())
        .map_or(0, |label| label.offset())
}

/// Cedar's message without its own policy id (it numbers them anew for each
/// parse), with its hint.
fn described<D: Diagnostic>(diagnostic: &D) -> String {
    let message = diagnostic.to_string();
    let message = message
        .strip_prefix("for policy `policy")
        .and_then(|rest| rest.split_once("`, "))
        .map_or(message.as_str(), |(_, rest)| rest);
    match diagnostic.help() {
        Some(help) => format!("{message} ({help})"),
        None => message.to_owned(),
    }
}
