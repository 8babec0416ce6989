//! `docs/config.schema.json` and `docs/CONFIG.md`, generated from the types.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::RawConfig;

/// The JSON schema of the configuration, with a newline at its end.
pub fn schema_json() -> String {
    let schema = schemars::schema_for!(RawConfig);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text + "\n"
}

/// The reference page: one table for each section.
pub fn reference_page() -> String {
    let schema = schemars::schema_for!(RawConfig).to_value();
    let mut page = String::from(INTRODUCTION);
    let definitions = object(&schema, "$defs");
    section(&mut page, "", &schema, definitions);
    page
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Generated from the types by `cargo xtask schema`. Do not edit. -->

One TOML file, `/etc/panward/panward.toml` by default. Check it with
`panward check --config FILE`: every problem is reported with its file and key.
Unknown keys are errors. Relative paths are relative to the folder of the file.
Editors can use [config.schema.json](config.schema.json).

```toml
[redirect]

[[server]]
name = \"crm\"
inbound = [\"0.0.0.0:8080\", \"[::]:8080\"]
evidence = [\"oidc\", \"process\"]
audience = [\"https://crm.example/mcp\"]

[[oidc]]
issuer = \"https://idp.example\"
discovery = true
```
";

/// A section's table, then its subsections.
fn section(page: &mut String, path: &str, schema: &Value, definitions: &Map<String, Value>) {
    let title = if path.is_empty() {
        "Top level".to_owned()
    } else {
        heading(path, schema)
    };
    let _ = write!(page, "\n## {title}\n\n{}\n\n", prose(schema));
    page.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
    let required: Vec<&str> = match schema.get("required").and_then(Value::as_array) {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => Vec::new(),
    };
    let mut sections = Vec::new();
    for (key, property) in object(schema, "properties") {
        let (target, list) = resolve(property, definitions);
        if target.get("properties").is_some() {
            sections.push((key, target, list));
            continue;
        }
        let default = match property.get("default") {
            _ if required.contains(&key.as_str()) => "required".to_owned(),
            None | Some(Value::Null) => "none".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let kind = kind(property, target, definitions);
        let _ = writeln!(
            page,
            "| `{key}` | {kind} | {default} | {} |",
            meaning(property, target)
        );
    }
    for (key, target, list) in sections {
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{key}", path.trim_end_matches("[]"));
        let path = if list { path + "[]" } else { path };
        section(page, &path, target, definitions);
    }
}

fn heading(path: &str, _schema: &Value) -> String {
    match path.strip_suffix("[]") {
        Some(list) => format!("`[[{list}]]`"),
        None => format!("`[{path}]`"),
    }
}

/// Follows references, options and lists to the schema that has the keys.
fn resolve<'a>(property: &'a Value, definitions: &'a Map<String, Value>) -> (&'a Value, bool) {
    if let Some(items) = property.get("items") {
        return (resolve(items, definitions).0, true);
    }
    if let Some(choices) = property.get("anyOf").and_then(Value::as_array) {
        let real = choices
            .iter()
            .find(|c| c.get("type").and_then(Value::as_str) != Some("null"));
        return real.map_or((property, false), |choice| resolve(choice, definitions));
    }
    let name = property
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|r| r.rsplit('/').next());
    (
        name.and_then(|name| definitions.get(name))
            .unwrap_or(property),
        false,
    )
}

fn kind(property: &Value, target: &Value, definitions: &Map<String, Value>) -> String {
    if let Some(items) = property.get("items") {
        let (item, _) = resolve(items, definitions);
        return format!("list of {}", kind(items, item, definitions));
    }
    let choices = constants(target);
    if !choices.is_empty() {
        let names: Vec<String> = choices
            .iter()
            .map(|(name, _)| format!("`\"{name}\"`"))
            .collect();
        return names.join(", ");
    }
    let name = match target.get("type") {
        Some(Value::Array(names)) => names.iter().find_map(Value::as_str).unwrap_or("any"),
        Some(Value::String(name)) => name.as_str(),
        _ => "any",
    };
    match (property.get("minimum"), property.get("maximum")) {
        (Some(least), Some(most)) if name == "integer" && most.as_u64() > Some(65_535) => {
            format!("integer, {least} to {most}")
        }
        _ => name.to_owned(),
    }
}

/// Names and meanings of an enum of words.
fn constants(target: &Value) -> Vec<(&str, String)> {
    let one_of = target
        .get("oneOf")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    one_of
        .iter()
        .filter_map(|choice| Some((choice.get("const")?.as_str()?, prose(choice))))
        .collect()
}

fn meaning(property: &Value, target: &Value) -> String {
    let mut text = prose(property);
    for (name, meaning) in constants(target) {
        let _ = write!(text, " `\"{name}\"`: {meaning}");
    }
    text.replace('|', "\\|")
}

/// The doc comment on one line.
fn prose(schema: &Value) -> String {
    let text = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn object<'a>(value: &'a Value, key: &str) -> &'a Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.get(key).and_then(Value::as_object).unwrap_or(&NONE)
}
