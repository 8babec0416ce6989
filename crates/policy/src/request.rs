//! What is asked: one message, seen by the policy.

use std::net::IpAddr;

use crate::{Arguments, Principal};

/// One question to [`crate::PolicySet::decide`].
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Authenticated caller.
    pub principal: &'a Principal,
    /// Configured name of the MCP server. Without `/` (the configuration
    /// refuses it; here such a name is denied).
    pub server: &'a str,
    /// JSON-RPC method; or `http/GET`, `http/DELETE` for bodiless transport
    /// requests; or `client/response` for a client's answer to a server's
    /// request.
    pub method: &'a str,
    /// Tool name, resource URI or prompt name. Required for methods whose
    /// resource is a tool, resource or prompt: without it they are denied.
    pub target: Option<&'a str>,
    /// Arguments of the call, flattened.
    pub arguments: &'a Arguments,
    /// MCP session id, if there is one.
    pub session: Option<&'a str>,
    /// Address of the client.
    pub client_ip: IpAddr,
}
