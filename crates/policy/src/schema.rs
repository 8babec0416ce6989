//! The Cedar schema that policies are checked against, and the entity types
//! that requests are built from.

use std::sync::LazyLock;

use cedar_policy::{EntityTypeName, Schema, Validator};

/// Version of [`SCHEMA`]; part of the hash of every policy set.
pub const SCHEMA_VERSION: &str = "mcp-1";

/// The schema in Cedar's own syntax.
pub const SCHEMA: &str = include_str!("panward.cedarschema");

/// Parsed once; our own constant, and a test parses it.
pub(crate) static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let (schema, _) =
        Schema::from_cedarschema_str(SCHEMA).expect("the embedded schema is valid (tested)");
    Validator::new(schema)
});

/// Names of the entity types, parsed once.
pub(crate) struct Types {
    pub(crate) user: EntityTypeName,
    pub(crate) workload: EntityTypeName,
    pub(crate) process: EntityTypeName,
    pub(crate) group: EntityTypeName,
    pub(crate) server: EntityTypeName,
    pub(crate) tool: EntityTypeName,
    pub(crate) resource: EntityTypeName,
    pub(crate) prompt: EntityTypeName,
    pub(crate) text: EntityTypeName,
    pub(crate) numbers: EntityTypeName,
    pub(crate) decimals: EntityTypeName,
}

pub(crate) static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let name = |name: &str| -> EntityTypeName {
        format!("Mcp::{name}")
            .parse()
            .expect("a constant, plain type name")
    };
    Types {
        user: name("User"),
        workload: name("Workload"),
        process: name("Process"),
        group: name("Group"),
        server: name("Server"),
        tool: name("Tool"),
        resource: name("Resource"),
        prompt: name("Prompt"),
        text: name("Text"),
        numbers: name("Numbers"),
        decimals: name("Decimals"),
    }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_schema_parses_without_a_warning() {
        let (_, warnings) = Schema::from_cedarschema_str(SCHEMA).expect("valid");
        assert_eq!(
            warnings.map(|w| w.to_string()).collect::<Vec<_>>(),
            Vec::<String>::new()
        );
    }
}
