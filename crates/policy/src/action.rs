//! JSON-RPC method -> Cedar action, and what kind of thing it acts on.
//!
//! The action entities (with their groups) come from the schema and are built
//! once. A method that the schema does not name is `Mcp::Action::"other"`.

use std::collections::HashMap;
use std::sync::LazyLock;

use cedar_policy::{Entity, EntityUid};

use crate::schema::VALIDATOR;

/// The kind of entity a method acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActsOn {
    Server,
    Tool,
    Resource,
    Prompt,
}

/// One action: its entity, with groups as parents.
pub(crate) struct Action {
    pub(crate) uid: EntityUid,
    pub(crate) entity: Entity,
    pub(crate) acts: ActsOn,
}

/// Action of a JSON-RPC method.
pub(crate) fn of_method(method: &str) -> &'static Action {
    match method {
        // Groups are actions too for Cedar, but not methods.
        "session" | "list" | "read" | "tasks" | "upcall" => &TABLE.other,
        _ => TABLE.by_method.get(method).unwrap_or(&TABLE.other),
    }
}

struct Table {
    by_method: HashMap<String, Action>,
    other: Action,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let entities = VALIDATOR
        .schema()
        .action_entities()
        .expect("schema has no action cycle (tested)");
    let mut by_method: HashMap<String, Action> = entities
        .iter()
        .map(|entity| {
            let uid = entity.uid();
            let method = uid.id().unescaped().to_owned();
            let acts = acts(&method);
            (
                method,
                Action {
                    uid,
                    entity: entity.clone(),
                    acts,
                },
            )
        })
        .collect();
    let other = by_method
        .remove("other")
        .expect("the schema names the action `other` (tested)");
    Table { by_method, other }
});

fn acts(method: &str) -> ActsOn {
    match method {
        "tools/call" => ActsOn::Tool,
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => ActsOn::Resource,
        "prompts/get" => ActsOn::Prompt,
        _ => ActsOn::Server,
    }
}

/// Every method that the schema names, sorted.
#[cfg(test)]
pub(crate) fn methods() -> Vec<&'static str> {
    let mut methods: Vec<&str> = TABLE
        .by_method
        .keys()
        .map(String::as_str)
        .filter(|method| std::ptr::eq(of_method(method), &TABLE.by_method[*method]))
        .collect();
    methods.sort_unstable();
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_map_to_their_own_action_and_others_to_other() {
        for method in [
            "initialize",
            "tools/call",
            "http/GET",
            "client/response",
            "roots/list",
        ] {
            assert_eq!(
                of_method(method).uid.to_string(),
                format!("Mcp::Action::\"{method}\"")
            );
        }
        for method in [
            "",
            "tools/call ",
            "Tools/call",
            "session",
            "list",
            "x\"y",
            "notifications/x",
        ] {
            assert_eq!(
                of_method(method).uid.to_string(),
                "Mcp::Action::\"other\"",
                "{method}"
            );
        }
        assert_eq!(methods().len(), 38);
    }
}
