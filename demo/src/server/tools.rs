//! The tools, and the MCP handler that offers them.

use std::{sync::Arc, time::Duration};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
        JsonObject, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{SocketEnds, call_log::CallLog, customers};

/// One MCP session of the shop.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    log: Arc<CallLog>,
}

impl Shop {
    pub(crate) fn new(log: Arc<CallLog>) -> Self {
        Self { log }
    }
}

impl ServerHandler for Shop {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("demo-shop", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        self.log
            .write(&request.name, &arguments, socket_ends(&context));
        let result = match request.name.as_ref() {
            "lookup_customer" => lookup_customer(parse(arguments)?),
            "refund" => refund(parse(arguments)?),
            "delete_customer" => delete_customer(parse(arguments)?),
            "echo" => echo(parse(arguments)?),
            "big" => big(parse(arguments)?)?,
            "list_orders" => list_orders(),
            "stream" => stream(parse(arguments)?, &context).await?,
            name => return Err(ErrorData::invalid_params(format!("no tool {name}"), None)),
        };
        Ok(result.into())
    }
}

fn socket_ends(context: &RequestContext<RoleServer>) -> Option<SocketEnds> {
    let parts = context.extensions.get::<hyper::http::request::Parts>()?;
    parts.extensions.get::<SocketEnds>().copied()
}

fn parse<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, ErrorData> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| ErrorData::invalid_params(error.to_string(), None))
}

#[derive(Deserialize)]
struct CustomerId {
    customer_id: String,
}

fn lookup_customer(CustomerId { customer_id }: CustomerId) -> CallToolResult {
    let Some(customer) = customers::find(&customer_id) else {
        return unknown(&customer_id);
    };
    let (text, record) = match customer.card {
        Some(card) => (
            format!("{} pays with card {card}.", customer.name),
            json!({"customer_id": customer.id, "name": customer.name, "card": card}),
        ),
        None => (
            format!("{} has no card on file.", customer.name),
            json!({"customer_id": customer.id, "name": customer.name}),
        ),
    };
    let mut result = CallToolResult::structured(record);
    result.content = vec![ContentBlock::text(text)];
    result
}

#[derive(Deserialize)]
struct Refund {
    customer_id: String,
    amount: serde_json::Number,
    card: Option<String>,
}

fn refund(
    Refund {
        customer_id,
        amount,
        card,
    }: Refund,
) -> CallToolResult {
    let Some(customer) = customers::find(&customer_id) else {
        return unknown(&customer_id);
    };
    let to = match card.as_deref().or(customer.card) {
        Some(card) => format!("the card ending {}", last4(card)),
        None => "store credit".to_owned(),
    };
    text(format!("Refunded {amount} to {} on {to}.", customer.name))
}

fn last4(card: &str) -> String {
    let mut last: Vec<char> = card.chars().rev().take(4).collect();
    last.reverse();
    last.into_iter().collect()
}

fn delete_customer(CustomerId { customer_id }: CustomerId) -> CallToolResult {
    match customers::find(&customer_id) {
        Some(customer) => text(format!("Deleted {}.", customer.name)),
        None => unknown(&customer_id),
    }
}

/// One of the order ids has the form of a card number: a false positive.
fn list_orders() -> CallToolResult {
    let order = |id: &str, total| json!({"order_id": id, "total": total});
    CallToolResult::structured(json!({
        "orders": [order("30569309025900", 12), order("30569309025904", 30), order("30569309025908", 7)],
    }))
}

#[derive(Deserialize)]
struct Echo {
    text: String,
}

fn echo(Echo { text: said }: Echo) -> CallToolResult {
    text(said)
}

#[derive(Deserialize)]
struct Big {
    kib: usize,
}

/// Clean prose of exactly `kib` KiB: the same bytes for the same size, without digits.
fn big(Big { kib }: Big) -> Result<CallToolResult, ErrorData> {
    if kib > BIG_KIB_MAX {
        return Err(ErrorData::invalid_params(
            format!("kib is over {BIG_KIB_MAX}"),
            None,
        ));
    }
    let bytes = kib * 1024;
    let mut prose = LINE.repeat(bytes / LINE.len() + 1);
    prose.truncate(bytes);
    Ok(text(prose))
}

#[derive(Deserialize)]
struct Stream {
    n: u32,
    #[serde(default = "stream_delay_ms")]
    delay_ms: u64,
    #[serde(default)]
    with_card: bool,
    #[serde(default)]
    in_pieces: bool,
}

fn stream_delay_ms() -> u64 {
    20
}

/// `n` progress notifications, `delay_ms` apart, then the result.
async fn stream(
    Stream {
        n,
        delay_ms,
        with_card,
        in_pieces,
    }: Stream,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    if n > STREAM_STEPS_MAX || delay_ms > STREAM_DELAY_MS_MAX {
        let bounds = format!("n is over {STREAM_STEPS_MAX} or delay_ms over {STREAM_DELAY_MS_MAX}");
        return Err(ErrorData::invalid_params(bounds, None));
    }
    let token = context.meta.get_progress_token();
    for step in 1..=n {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        let Some(token) = token.clone() else { continue };
        let message = match customers::find("1001").and_then(|customer| customer.card) {
            Some(card) if with_card && in_pieces => piece(card, step, n),
            Some(card) if with_card => format!("step {step}: charging {card}"),
            _ => format!("step {step} of {n}"),
        };
        let progress = ProgressNotificationParam::new(token, step.into())
            .with_total(n.into())
            .with_message(message);
        // A client that left needs no progress; the call ends on its own.
        let _ = context.peer.notify_progress(progress).await;
    }
    Ok(text(format!("done after {n} steps")))
}

/// The part of `text` that step `step` of `n` says, as a model does that answers bit by bit.
fn piece(text: &str, step: u32, n: u32) -> String {
    let at = |step: u32| text.len() * step as usize / n.max(1) as usize;
    text.get(at(step - 1)..at(step))
        .unwrap_or_default()
        .to_owned()
}

fn text(text: String) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

fn unknown(customer_id: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(format!(
        "no customer {customer_id}"
    ))])
}

fn tools() -> Vec<Tool> {
    let id = json!({"type": "string", "description": "Customer number."});
    let by_id = json!({
        "type": "object", "properties": {"customer_id": id}, "required": ["customer_id"],
    });
    let record = json!({
        "type": "object",
        "properties": {
            "customer_id": {"type": "string"},
            "name": {"type": "string"},
            "card": {"type": "string", "minLength": 12, "maxLength": 19},
        },
        "required": ["customer_id", "name"],
    });
    vec![
        tool(
            "lookup_customer",
            "Name and card of a customer.",
            by_id.clone(),
        )
        .with_raw_output_schema(Arc::new(object(record))),
        tool(
            "refund",
            "Pays money back to a customer.",
            json!({
                "type": "object",
                "properties": {
                    "customer_id": id,
                    "amount": {"type": "number"},
                    "card": {"type": "string", "description": "Another card than the one on file."},
                },
                "required": ["customer_id", "amount"],
            }),
        ),
        tool("delete_customer", "Deletes a customer for ever.", by_id),
        tool(
            "list_orders",
            "Ids and totals of all orders.",
            json!({"type": "object"}),
        ),
        tool(
            "echo",
            "Says the same again.",
            json!({
                "type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"],
            }),
        ),
        tool(
            "stream",
            "Reports progress n times, then ends.",
            json!({
                "type": "object",
                "properties": {
                    "n": {"type": "integer", "minimum": 0, "maximum": STREAM_STEPS_MAX},
                    "delay_ms": {"type": "integer", "minimum": 0, "maximum": STREAM_DELAY_MS_MAX},
                    "with_card": {"type": "boolean"},
                    "in_pieces": {"type": "boolean", "description": "The card over all steps."},
                },
                "required": ["n"],
            }),
        ),
        tool(
            "big",
            "A long text.",
            json!({
                "type": "object",
                "properties": {"kib": {"type": "integer", "minimum": 0, "maximum": BIG_KIB_MAX}},
                "required": ["kib"],
            }),
        ),
    ]
}

fn tool(name: &'static str, description: &'static str, input_schema: Value) -> Tool {
    Tool::new(name, description, Arc::new(object(input_schema)))
}

fn object(schema: Value) -> JsonObject {
    match schema {
        Value::Object(object) => object,
        _ => JsonObject::new(), // schemas are written above as objects
    }
}

const BIG_KIB_MAX: usize = 8 * 1024;
const STREAM_STEPS_MAX: u32 = 10_000;
const STREAM_DELAY_MS_MAX: u64 = 10_000;
const LINE: &str =
    "the quick brown fox jumps over the lazy dog and the shop stays open all night; ";
